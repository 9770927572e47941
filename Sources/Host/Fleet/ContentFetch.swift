internal import Failure
internal import Items
internal import Memory
internal import Registry
internal import Synchronization

/// Brings data that functions need from other nodes: in pieces, going on where it stopped, with whatever node has them, and
/// believed only by their SHA-256.
final class ContentFetch: Sendable {
    private let calls: PeerCalls
    private let catalogue: Catalogue
    private let members: Members
    /// Fields by which this node shows who it is.
    private let credentials: [(String, String)]
    /// What has arrived of contents that are not whole.
    private let parts = Mutex<[String: [UInt8]]>([:])
    private static let piece = 4 << 20
    private static let timeForPiece: UInt64 = 20_000_000_000

    init(_ calls: PeerCalls, _ catalogue: Catalogue, _ members: Members, credentials: [(String, String)]) {
        (self.calls, self.catalogue, self.members) = (calls, catalogue, members)
        self.credentials = credentials
    }

    /// Blocks. - Throws: `.unavailable` when no node gives all of it; what has come is kept for the next attempt.
    func content(_ digest: String, _ size: Int, _ account: MemoryAccount) throws(Failure) -> Blob {
        if let own = try? catalogue.content(digest, account) { return own }
        let hold = try MemoryHold(size, account, .images)
        defer { withExtendedLifetime(hold) {} }
        var bytes = parts.withLock { $0.removeValue(forKey: digest) } ?? []
        bytes.reserveCapacity(size)
        var last = Failure(.unavailable, "no other node is there that could have it")
        for peer in members.all {
            do throws(Failure) {
                try goOn("contents/\(digest)", bytes.count..<size, peer.address, account) { piece in
                    piece.withUnsafeBytes { bytes.append(contentsOf: $0) }
                }
                guard Store.digest(of: Blob(bytes)) == digest else {
                    bytes = []
                    throw Failure(.unavailable, "\(peer.address) gives other bytes than those of that digest")
                }
                return Blob(bytes)
            } catch { last = error }
        }
        let left = bytes
        if !left.isEmpty { parts.withLock { $0[digest] = left } }
        throw Failure(.unavailable, "content \(digest) is not whole yet: \(last.detail)")
    }

    /// What other nodes keep for durable invocations. Blocks.
    /// - Parameter nodes: addresses of those that have it.
    func payload(
        _ name: String, size: Int, digest: String, at nodes: [String], _ account: MemoryAccount
    ) throws(Failure) -> Blob {
        let storage = try ChargedStorage(capacity: size, account, .bodies)
        try storage.fill(to: size)
        var count = 0
        var last = Failure(.unavailable, "no node is said to have it")
        for node in nodes {
            do throws(Failure) {
                try goOn("payloads/\(name)", count..<size, node, account) { piece in
                    piece.withUnsafeBytes { bytes in
                        // SAFETY: pieces end at `size`, of which the storage is, and nobody else knows it yet.
                        if let start = bytes.baseAddress {
                            (storage.base + count).copyMemory(from: start, byteCount: bytes.count)
                        }
                    }
                    count += piece.count
                }
                let whole = Blob(storage: storage, start: UnsafeRawPointer(storage.base), count: size)
                if Store.digest(of: whole) == digest { return whole }
                last = Failure(.unavailable, "\(node) gives other bytes than those of that digest")
                count = 0
            } catch { last = error }
        }
        throw Failure(.unavailable, "payload \(name) cannot be had now: \(last.detail)")
    }

    /// Has `peer` fetch a payload that the node at `address` keeps. Blocks.
    func haveCopied(
        _ name: String, size: Int, digest: String, from address: String, by peer: Peer, _ account: MemoryAccount
    ) throws(Failure) {
        let target = "\(peer.address)/v1/payloads/\(name)?size=\(size)&digest=\(digest)&from=\(address)"
        let answer = try calls.ask(
            PeerCalls.request("PUT", target, credentials, body: .empty), timeout: Self.timeForPiece, account)
        guard answer.status == 201 else {
            throw Failure(.unavailable, "\(peer.address) answers with \(answer.status)")
        }
    }

    /// Gives `take` the bytes of `range` in pieces, in their order.
    private func goOn(
        _ path: String, _ range: Range<Int>, _ node: String, _ account: MemoryAccount, _ take: (Blob) -> Void
    ) throws(Failure) {
        var next = range.lowerBound
        while next < range.upperBound {
            let end = min(range.upperBound, next + Self.piece)
            let fields = credentials + [("range", "bytes=\(next)-\(end - 1)")]
            let request = PeerCalls.request("GET", "\(node)/v1/\(path)", fields, body: .empty)
            let answer = try calls.ask(request, timeout: Self.timeForPiece, account)
            guard answer.status == 206 || answer.status == 200 && next == 0 else {
                throw Failure(.unavailable, "\(node) answers with \(answer.status)")
            }
            guard answer.body.count > 0, next + answer.body.count <= range.upperBound else {
                throw Failure(.unavailable, "\(node) gives \(answer.body.count) bytes")
            }
            take(answer.body)
            next += answer.body.count
        }
    }
}

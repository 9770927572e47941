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
                try goOn(&bytes, digest, size, peer, account)
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

    private func goOn(
        _ bytes: inout [UInt8], _ digest: String, _ size: Int, _ peer: Peer, _ account: MemoryAccount
    ) throws(Failure) {
        while bytes.count < size {
            let end = min(size, bytes.count + Self.piece)
            let fields = credentials + [("range", "bytes=\(bytes.count)-\(end - 1)")]
            let request = PeerCalls.request("GET", "\(peer.address)/v1/contents/\(digest)", fields, body: .empty)
            let answer = try calls.ask(request, timeout: Self.timeForPiece, account)
            guard answer.status == 206 || answer.status == 200 && bytes.isEmpty else {
                throw Failure(.unavailable, "\(peer.address) answers with \(answer.status)")
            }
            guard answer.body.count > 0, bytes.count + answer.body.count <= size else {
                throw Failure(.unavailable, "\(peer.address) gives \(answer.body.count) bytes")
            }
            answer.body.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
    }
}

internal import Failure
internal import Glibc
internal import Items
internal import Memory

/// Bytes on their way to a client: small ones copied into one block, long blobs by reference between them.
final class OutputBuffer {
    /// Shared with blobs in other buffers after `append(contentsOf:)`.
    private var storage: HeldStorage
    /// Of the storage.
    private var block: UnsafeMutableRawPointer
    private var capacity: Int
    private let account: MemoryAccount
    private let kind: MemoryKind
    /// Ends of the bytes that were written to `block`, and of those that were sent.
    private var filled = 0
    private var sent = 0
    /// Blobs to send before the byte at `position` of the block.
    private var blobs: [(position: Int, blob: Blob)] = []
    private var firstBlob = 0
    private var blobSent = 0

    /// Bytes that are still to be sent.
    private(set) var count = 0

    /// A blob from this size on is sent from where it is.
    static let longBlob = 32 << 10
    /// Bytes of sets' items that `append` would not copy.
    static func referred(in sets: [ItemSet]) -> Int {
        sets.reduce(0) { sum, set in
            set.items.reduce(sum) { $0 + ($1.data.count < longBlob ? 0 : $1.data.count) }
        }
    }

    static let initialCapacity = 4 << 10
    private static let mostKept = 64 << 10

    /// - Parameters: where the block is charged, and as what; what it grows by on the way is taken in any case.
    init(_ account: MemoryAccount, _ kind: MemoryKind = .connections) {
        self.account = account
        self.kind = kind
        let storage = HeldStorage(noting: Self.initialCapacity, account, kind)
        self.storage = storage
        (block, capacity) = (storage.base, storage.capacity)
    }

    /// Makes room for `byteCount` bytes, charged before they are taken, so that the appends that follow take none.
    /// - Throws: `.busy` or `.memory` when there is no room for them.
    func reserve(_ byteCount: Int) throws(Failure) {
        guard byteCount > capacity - filled else { return }
        var charge = MemoryCharge(account, kind)
        try charge.grow(by: filled + byteCount)
        move(to: HeldStorage(capacity: filled + byteCount, charge))
    }

    /// Memory for `byteCount` bytes; `filled` says how many were written there.
    @inline(__always) func room(for byteCount: Int) -> UnsafeMutableRawPointer {
        if byteCount > capacity - filled { grow(byteCount) }
        return block + filled
    }

    @inline(__always) func filled(_ byteCount: Int) {
        filled += byteCount
        count += byteCount
    }

    /// Memory for `byteCount` bytes, which the caller must fill at once.
    @inline(__always) func extend(by byteCount: Int) -> UnsafeMutableRawPointer {
        let place = room(for: byteCount)
        filled(byteCount)
        return place
    }

    func append(_ bytes: Bytes) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        // SAFETY: extend returns room for bytes.count bytes.
        extend(by: bytes.count).copyMemory(from: base, byteCount: bytes.count)
    }

    func append(_ text: StaticString) { append(Bytes(start: text.utf8Start, count: text.utf8CodeUnitCount)) }

    func append(_ text: String) {
        var text = text
        text.withUTF8 { append(Bytes($0)) }
    }

    func append(_ array: [UInt8]) { array.withUnsafeBytes { append($0) } }

    func append(_ byte: UInt8) { extend(by: 1).storeBytes(of: byte, as: UInt8.self) }

    func append(_ blob: Blob) {
        if blob.count < Self.longBlob {
            blob.withUnsafeBytes { append($0) }
        } else {
            blobs.append((filled, blob))
            count += blob.count
        }
    }

    /// Appends what `other` still has to send, long parts by reference: nothing may be written to `other` any more.
    func append(contentsOf other: OutputBuffer) {
        var cursor = (blob: other.firstBlob, inBlob: other.blobSent, inBlock: other.sent)
        while true {
            let (bytes, isBlob) = other.piece(blobs: cursor.blob, sentOfBlob: cursor.inBlob, sent: cursor.inBlock)
            guard bytes.count > 0 else { return }
            if isBlob {
                let blob = other.blobs[cursor.blob].blob
                append(blob.slice(cursor.inBlob..<blob.count))
                cursor = (cursor.blob + 1, 0, cursor.inBlock)
            } else {
                append(Blob(storage: other.storage, start: bytes.baseAddress, count: bytes.count))
                cursor.inBlock += bytes.count
            }
        }
    }

    func append(littleEndian value: Int32) { extend(by: 4).storeBytes(of: value.littleEndian, as: Int32.self) }

    func append(littleEndian value: Int64) { extend(by: 8).storeBytes(of: value.littleEndian, as: Int64.self) }

    func append(decimal value: Int) {
        if value < 0 { append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        let digits = ASCII.digits(value)
        let place = extend(by: digits)
        for index in stride(from: digits - 1, through: 0, by: -1) {
            place.storeBytes(of: ASCII.zero &+ UInt8(rest % 10), toByteOffset: index, as: UInt8.self)
            rest /= 10
        }
    }

    /// The next bytes to send that lie together; empty when there are none.
    var first: Bytes { piece(blobs: firstBlob, sentOfBlob: blobSent, sent: sent).bytes }

    /// Writes the next pieces, of `limit` bytes at most, to `vectors`, for writev(2).
    /// - Returns: how many.
    func gather(_ vectors: UnsafeMutableBufferPointer<iovec>, limit: Int) -> Int {
        var rest = limit
        var cursor = (blob: firstBlob, inBlob: blobSent, inBlock: sent)
        for index in 0..<vectors.count {
            let (bytes, isBlob) = piece(blobs: cursor.blob, sentOfBlob: cursor.inBlob, sent: cursor.inBlock)
            guard bytes.count > 0, rest > 0 else { return index }
            let part = min(rest, bytes.count)
            rest -= part
            vectors[index] = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: part)
            if isBlob {
                cursor = (cursor.blob + 1, 0, cursor.inBlock)
            } else {
                cursor.inBlock += bytes.count
            }
        }
        return vectors.count
    }

    /// The first `byteCount` bytes are sent.
    func consume(_ byteCount: Int) {
        var rest = min(byteCount, count)
        count -= rest
        while rest > 0 {
            let (bytes, isBlob) = piece(blobs: firstBlob, sentOfBlob: blobSent, sent: sent)
            let taken = min(rest, bytes.count)
            rest -= taken
            if !isBlob {
                sent += taken
            } else if taken < bytes.count {
                blobSent += taken
            } else {
                blobs[firstBlob].blob = .empty
                firstBlob += 1
                blobSent = 0
            }
        }
        if count == 0 { reset() }
    }

    /// Moves up to `limit` bytes to `target`.
    /// - Returns: how many.
    func read(into target: UnsafeMutableRawPointer, limit: Int) -> Int {
        var copied = 0
        while copied < limit, count > 0 {
            let bytes = first
            let part = min(bytes.count, limit - copied)
            // SAFETY: target has room for limit bytes; first is never empty while count > 0.
            if let base = bytes.baseAddress { (target + copied).copyMemory(from: base, byteCount: part) }
            consume(part)
            copied += part
        }
        return copied
    }

    /// Forgets everything; a block that grew large is given back.
    func reset() {
        filled = 0
        sent = 0
        count = 0
        firstBlob = 0
        blobSent = 0
        blobs.removeAll(keepingCapacity: blobs.count < 64)
        if capacity > Self.mostKept || !isKnownUniquelyReferenced(&storage) {
            use(HeldStorage(noting: Self.initialCapacity, account, kind))
        }
    }

    private func piece(blobs index: Int, sentOfBlob: Int, sent: Int) -> (bytes: Bytes, isBlob: Bool) {
        guard index < blobs.count else { return (Bytes(start: block + sent, count: filled - sent), false) }
        let (position, blob) = blobs[index]
        if position > sent { return (Bytes(start: block + sent, count: position - sent), false) }
        // A blob in the list is never empty.
        return (Bytes(start: blob.start.map { $0 + sentOfBlob }, count: blob.count - sentOfBlob), true)
    }

    private func grow(_ byteCount: Int) {
        move(to: HeldStorage(noting: max(capacity * 2, filled + byteCount), account, kind))
    }

    private func move(to larger: HeldStorage) {
        // SAFETY: it is larger than what is filled, and nobody else knows it yet.
        larger.base.copyMemory(from: block, byteCount: filled)
        use(larger)
    }

    private func use(_ storage: HeldStorage) {
        self.storage = storage
        (block, capacity) = (storage.base, storage.capacity)
    }
}

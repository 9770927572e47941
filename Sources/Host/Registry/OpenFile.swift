internal import Failure
internal import Glibc
internal import Items
internal import Memory
internal import Synchronization

/// A file that is read from its beginning again and again; any thread.
final class OpenFile: Sendable {
    let size: Int
    let path: String
    private let descriptor: Int32

    /// Takes the descriptor over.
    init(descriptor: Int32, size: Int, path: String) {
        self.descriptor = descriptor
        self.size = size
        self.path = path
    }

    deinit { close(descriptor) }

    /// The whole content. - Throws: `.internal` when it cannot be read or became shorter.
    func read() throws(Failure) -> Blob {
        let heap = HeapStorage(capacity: size)
        try read(to: heap.base)
        return Blob(storage: heap, start: UnsafeRawPointer(heap.base), count: size)
    }

    /// The whole content in memory that is charged. Throws `.busy` or `.memory` too, unless `anyway`.
    func read(_ account: MemoryAccount, _ kind: MemoryKind, anyway: Bool = false) throws(Failure) -> Blob {
        let storage = try ChargedStorage(capacity: size, account, kind)
        if anyway { storage.noteFilled(to: size) } else { try storage.fill(to: size) }
        try read(to: storage.base)
        return Blob(storage: storage, start: UnsafeRawPointer(storage.base), count: size)
    }

    private func read(to base: UnsafeMutableRawPointer) throws(Failure) {
        var filled = 0
        while filled < size {
            // SAFETY: base has size - filled writable bytes from there on, and nobody else knows it yet.
            let count = pread(descriptor, base + filled, size - filled, filled)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let why = count < 0 ? String(cString: strerror(errno)) : "it became shorter"
                throw Failure(.internal, "state: cannot read \(path): \(why)")
            }
            filled += count
        }
    }
}

/// Images that were read lately, kept open: finding a file by its name costs more than reading a small one.
final class OpenImages: Sendable {
    private let files = Mutex<[String: OpenFile]>([:])
    private static let most = 64

    func file(_ digest: String) -> OpenFile? { files.withLock { $0[digest] } }

    func keep(_ file: OpenFile, _ digest: String) {
        files.withLock { files in
            if files.count >= Self.most, let any = files.keys.first { files[any] = nil }
            files[digest] = file
        }
    }

    /// Lets go of all, so that removed files give their space back.
    func closeAll() { files.withLock { $0 = [:] } }
}

public import Failure
internal import Glibc
public import Items
public import Memory

/// Inputs, results and answers that are too long for the fleet's engine, as files of the state folder.
public final class PayloadFolder: Sendable {
    private let path: String

    /// - Parameter state: the state folder.
    init(state: String) { path = "\(state)/payloads" }

    /// Names come from other nodes.
    static func isName(_ name: String) -> Bool {
        let isRight = name.utf8.allSatisfy { byte in
            let character = Character(UnicodeScalar(byte))
            return character.isASCII && (character.isLetter || character.isNumber) || byte == 0x2e || byte == 0x2d
        }
        return isRight && (1...200).contains(name.utf8.count) && !name.hasPrefix(".")
    }

    /// It is on the disk when this returns.
    func put(_ name: String, _ blob: Blob) throws(Failure) {
        guard Self.isName(name) else { throw Failure(.invalid, "'\(name.prefix(200))' is no name of a payload") }
        mkdir(path, 0o700)
        let temporary = "\(path)/.\(name).\(String(UInt64.random(in: 1...UInt64.max), radix: 36))"
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Self.failure(name) }
        defer { close(file) }
        guard Self.write(blob, to: file), fsync(file) == 0, rename(temporary, "\(path)/\(name)") == 0, syncFolder()
        else {
            let failure = Self.failure(name)
            unlink(temporary)
            throw failure
        }
    }

    private static func write(_ blob: Blob, to file: Int32) -> Bool {
        blob.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
                // SAFETY: rest has rest.count readable bytes.
                let count = Glibc.write(file, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                offset += count
            }
            return true
        }
    }

    private func syncFolder() -> Bool {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return false }
        defer { close(folder) }
        return fsync(folder) == 0
    }

    /// Charged to `account`; nil where there is none.
    public func get(_ name: String, _ account: MemoryAccount) throws(Failure) -> Blob? {
        guard Self.isName(name) else { return nil }
        let file = open("\(path)/\(name)", O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw Self.failure(name)
        }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_size >= 0 else { throw Self.failure(name) }
        let storage = try ChargedStorage(capacity: Int(facts.st_size), account, .bodies)
        try storage.fill(to: storage.capacity)
        var offset = 0
        while offset < storage.capacity {
            // SAFETY: the storage has so many bytes from there on.
            let count = read(file, storage.base + offset, storage.capacity - offset)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure(name) }
            offset += count
        }
        return Blob(storage: storage, start: UnsafeRawPointer(storage.base), count: offset)
    }

    func remove(_ name: String) { unlink("\(path)/\(name)") }

    /// Those that were written before `moment`, seconds since 1970.
    func names(before moment: Int) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { start in
                // SAFETY: the system ends the name with a zero within the field.
                start.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var facts = stat()
            guard name != ".", name != "..", lstat("\(path)/\(name)", &facts) == 0, facts.st_mtim.tv_sec < moment
            else { continue }
            names.append(name)
        }
        return names
    }

    private static func failure(_ name: String) -> Failure {
        let (error, text) = (errno, String(cString: strerror(errno)))
        guard error == ENOSPC || error == EDQUOT || error == EFBIG else {
            return Failure(.unavailable, "payload \(name) cannot be kept or read in the state folder: \(text)")
        }
        return Failure(.memory, "there is no room left in the state folder for payload \(name): \(text)")
    }
}

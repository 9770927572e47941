package import Failure
internal import Glibc
package import Items

/// A folder whose files appear and vanish as a whole, also through a crash or a loss of power. Names are digests or come
/// from `StoreName`, never from outside.
package final class StoreFolder: Sendable {
    package let path: String
    /// What is inside is the same whatever happens to `path`: for who must name files to others.
    package let descriptor: Int32

    /// Opens the folder and makes it and those above it, durably, when they do not exist.
    /// - Throws: `.internal`, also when others could have put something into it.
    package init(_ path: String) throws(Failure) {
        self.path = path
        try Self.make(path)
        descriptor = try StateTrust.folder(path)
    }

    /// A folder in `parent`, made when it does not exist; never by way of a link.
    package init(_ name: String, in parent: StoreFolder) throws(Failure) {
        path = "\(parent.path)/\(name)"
        if mkdirat(parent.descriptor, name, 0o700) == 0 {
            try parent.sync()
        } else if errno != EEXIST {
            throw Self.failed("make the folder", path)
        }
        descriptor = try StateTrust.folder(name, in: parent.descriptor, called: path)
    }

    /// A descriptor of the file `name`, made when it does not exist; never by way of a link.
    /// - Throws: `.internal`, also when it is no regular file, or another user's.
    func openOrMake(_ name: String) throws(Failure) -> Int32 {
        let file = openat(descriptor, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Self.failed("open", path, name) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_uid == geteuid() else {
            close(file)
            throw Failure(.internal, "state: \(path)/\(name) is no regular file of the node's user; remove it")
        }
        return file
    }

    deinit { close(descriptor) }

    /// Makes or replaces `name` with this content, by way of a file in `temporary`: readers and crashes see all of it or nothing.
    package func write(_ name: String, _ content: UnsafeRawBufferPointer, by temporary: StoreFolder) throws(Failure) {
        do throws(Failure) {
            try temporary.writeSynced(name, content)
            guard renameat(temporary.descriptor, name, descriptor, name) == 0 else {
                throw Self.failed("make", path, name)
            }
        } catch {
            unlinkat(temporary.descriptor, name, 0)
            throw error
        }
        try sync()
    }

    /// Takes as long as `write`, and leaves what is there.
    func rehearse(_ name: String, _ content: UnsafeRawBufferPointer, by temporary: StoreFolder) throws(Failure) {
        defer { unlinkat(temporary.descriptor, name, 0) }
        try temporary.writeSynced(name, content)
        try sync()
    }

    private func writeSynced(_ name: String, _ content: UnsafeRawBufferPointer) throws(Failure) {
        let file = try create(name)
        defer { close(file) }
        try fill(file, name, content)
        guard fsync(file) == 0 else { throw Self.failed("sync", path, name) }
    }

    /// Makes `name` anew with this content: what may be lost in a crash, and is checked before it is believed.
    package func put(_ name: String, _ content: UnsafeRawBufferPointer) throws(Failure) {
        let file = try create(name)
        defer { close(file) }
        do throws(Failure) {
            try fill(file, name, content)
        } catch {
            unlinkat(descriptor, name, 0)
            throw error
        }
    }

    /// Adds to the end of `name`, which is made when it does not exist.
    package func append(_ name: String, _ content: UnsafeRawBufferPointer) throws(Failure) {
        let file = try openOrMake(name)
        defer { close(file) }
        guard lseek(file, 0, SEEK_END) >= 0 else { throw Self.failed("write", path, name) }
        try fill(file, name, content)
    }

    /// A new file in the place of whatever has the name: not by way of a link, nor into a pipe.
    private func create(_ name: String) throws(Failure) -> Int32 {
        unlinkat(descriptor, name, 0)
        let file = openat(descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Self.failed("create", path, name) }
        return file
    }

    private func fill(_ file: Int32, _ name: String, _ content: UnsafeRawBufferPointer) throws(Failure) {
        var rest = content[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest)
            // SAFETY: part has part.count readable bytes.
            let count = Glibc.write(file, part.baseAddress, part.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failed("write", path, name) }
            rest = rest.dropFirst(count)
        }
    }

    /// The whole content of a regular file.
    /// - Throws: `.notFound` when there is none, `.invalid` when it is longer than `limit` bytes, `.internal` else.
    package func read(_ name: String, limit: Int) throws(Failure) -> Blob { try openFile(name, limit: limit).read() }

    /// A regular file, open for reading. Throws as `read`.
    func openFile(_ name: String, limit: Int) throws(Failure) -> OpenFile {
        // Not blocking, should somebody have put a pipe there.
        let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else {
            let reason = errno
            if reason == ELOOP { throw Failure(.invalid, "state: \(path)/\(name) is a link, which is not followed") }
            var failure = Self.failed("open", path, name)
            if reason == ENOENT { failure.kind = .notFound }
            throw failure
        }
        var facts = stat()
        let isKnown = fstat(file, &facts) == 0
        let opened = OpenFile(descriptor: file, size: isKnown ? Int(facts.st_size) : 0, path: "\(path)/\(name)")
        guard isKnown else { throw Self.failed("inspect", path, name) }
        guard facts.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.internal, "state: \(opened.path) is no regular file")
        }
        guard facts.st_uid == geteuid(), facts.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw Failure(.invalid, "state: \(opened.path) is not the node's own file: others can write it")
        }
        guard opened.size <= limit else {
            throw Failure(.invalid, "state: \(opened.path) is \(opened.size) bytes, more than \(limit)")
        }
        return opened
    }

    /// Durably removes `name`; false when there was none.
    package func remove(_ name: String) throws(Failure) -> Bool {
        guard unlinkat(descriptor, name, 0) == 0 else {
            if errno == ENOENT { return false }
            throw Self.failed("remove", path, name)
        }
        try sync()
        return true
    }

    /// Removes a file whose return after a crash does no harm.
    package func discard(_ name: String) {
        unlinkat(descriptor, name, 0)
    }

    /// Moves `name`, whatever it is, to another folder under a name that is free there; returns the new path.
    func setAside(_ name: String, to folder: StoreFolder) throws(Failure) -> String {
        var target = name
        var attempt = 1
        while faccessat(folder.descriptor, target, F_OK, AT_SYMLINK_NOFOLLOW) == 0 {
            attempt += 1
            target = "\(name).\(attempt)"
        }
        guard renameat(descriptor, name, folder.descriptor, target) == 0 else {
            throw Self.failed("set aside", path, name)
        }
        try folder.sync()
        try sync()
        return "\(folder.path)/\(target)"
    }

    /// The names of everything inside, sorted.
    package func names() throws(Failure) -> [String] {
        let list = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard list >= 0, let stream = fdopendir(list) else { throw Self.failed("list", path) }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            // SAFETY: d_name is NUL-terminated inside the entry, which lives until the next readdir.
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw Self.failed("list", path) }
        return names.sorted()
    }

    private func sync() throws(Failure) {
        guard fsync(descriptor) == 0 else { throw Self.failed("sync the folder", path) }
    }

    private static func make(_ path: String) throws(Failure) {
        if mkdir(path, 0o700) == 0 { return try sync(folder: parent(of: path)) }
        if errno == EEXIST { return }
        guard errno == ENOENT, parent(of: path) != path else { throw failed("make the folder", path) }
        try make(parent(of: path))
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failed("make the folder", path) }
        try sync(folder: parent(of: path))
    }

    private static func sync(folder path: String) throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failed("open the folder", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failed("sync the folder", path) }
    }

    private static func parent(of path: String) -> String {
        var parts = path.split(separator: "/")
        _ = parts.popLast()
        let joined = parts.joined(separator: "/")
        return path.hasPrefix("/") ? "/" + joined : joined.isEmpty ? "." : joined
    }

    /// From errno.
    static func failed(_ what: String, _ path: String, _ name: String? = nil) -> Failure {
        let isFull = [ENOSPC, EDQUOT, EFBIG].contains(errno)
        let reason = String(cString: strerror(errno))
        let place = name.map { "\(path)/\($0)" } ?? path
        return Failure(isFull ? .memory : .internal, "state: cannot \(what) \(place): \(reason)")
    }
}

import Glibc
import PluginABI
import PluginKit

/// An open folder. What is in it is reached by its descriptor, so that nobody can put another one in its place, and no
/// link in it is followed.
final class Folder: Sendable {
    /// Absolute.
    let path: String
    private let descriptor: Int32

    /// Opens a folder, which is made when it does not exist.
    init(_ path: String) throws(PluginError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw Files.failure("cannot create \(path)") }
        descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw Files.failure("cannot open \(path)") }
        do {
            self.path = try Files.absolute(path)
        } catch {
            close(descriptor)
            throw error
        }
    }

    private init(_ descriptor: Int32, _ path: String) { (self.descriptor, self.path) = (descriptor, path) }

    /// A new folder in the temporary one, for the caller alone.
    static func temporary(_ prefix: String) throws(PluginError) -> Folder {
        try Folder(try Files.makeTemporary("/tmp/\(prefix)"))
    }

    deinit { close(descriptor) }

    /// Throws unless nobody but this process's user can write to it.
    func requireOwn() throws(PluginError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Files.failure("cannot look at \(path)") }
        guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
            throw PluginError(
                DN_PERMISSION,
                "\(path) belongs to user \(status.st_uid) with mode \(String(status.st_mode & 0o777, radix: 8)): others "
                    + "could change what is in it")
        }
    }

    /// Gives it to another user.
    func give(to user: UInt32) throws(PluginError) {
        guard fchown(descriptor, user, user) == 0 else { throw Files.failure("cannot give \(path) away") }
    }

    // MARK: Files

    func contains(_ name: String) -> Bool { faccessat(descriptor, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 }

    /// The contents of a plain file of at most `limit` bytes, which has no other name; nil when there is none of that name.
    /// With `isOwn` it belongs to this process's user, and nobody else can write to it.
    func read(_ name: String, atMost limit: Int, isOwn: Bool = false) throws(PluginError) -> [UInt8]? {
        let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        if file < 0, errno == ENOENT { return nil }
        guard file >= 0 else { throw Files.failure("cannot open \(path)/\(name)") }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1,
            !isOwn || (status.st_uid == geteuid() && status.st_mode & 0o022 == 0)
        else { throw PluginError(DN_PERMISSION, "\(path)/\(name) is no file of this node") }
        guard status.st_size <= limit else { throw PluginError(DN_LIMIT, "\(path)/\(name) is too large") }
        if isOwn { futimens(file, nil) }
        return try Files.read(file, Int(status.st_size), "\(path)/\(name)")
    }

    /// Writes a new file; one that is there already is an error.
    func write(_ bytes: some Collection<UInt8>, to name: String, mode: mode_t = 0o644) throws(PluginError) {
        let file = openat(descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard file >= 0 else { throw Files.failure("cannot create \(path)/\(name)") }
        defer { close(file) }
        do throws(PluginError) {
            try Files.write(bytes, to: file, "\(path)/\(name)")
        } catch {
            unlinkat(descriptor, name, 0)
            throw error
        }
    }

    /// Writes a file at once: others see all of it or what was there before.
    func place(_ bytes: [UInt8], as name: String) throws(PluginError) {
        let temporary = "new-\(try Files.randomName())"
        try write(bytes, to: temporary, mode: 0o600)
        guard renameat(descriptor, temporary, descriptor, name) == 0 else {
            let failure = Files.failure("cannot place \(path)/\(name)")
            unlinkat(descriptor, temporary, 0)
            throw failure
        }
    }

    // MARK: Folders in it

    /// A new empty folder whose name begins with `prefix`.
    func makeFolder(_ prefix: String) throws(PluginError) -> Folder {
        let name = prefix + (try Files.randomName())
        guard mkdirat(descriptor, name, 0o700) == 0 else { throw Files.failure("cannot create \(path)/\(name)") }
        return try folder(name)
    }

    /// The folder `name` in it, which is made when it does not exist.
    func folder(_ name: String) throws(PluginError) -> Folder {
        guard mkdirat(descriptor, name, 0o755) == 0 || errno == EEXIST else {
            throw Files.failure("cannot create \(path)/\(name)")
        }
        let inner = openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard inner >= 0 else { throw Files.failure("cannot open \(path)/\(name)") }
        return Folder(inner, "\(path)/\(name)")
    }

    struct Entry {
        var name: String
        var size: UInt64
        /// When it was used last, seconds since 1970.
        var used: Int
    }

    /// What is in it.
    var entries: [Entry] {
        Files.names(in: openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)).compactMap { name in
            var status = stat()
            guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
            return Entry(
                name: name, size: UInt64(clamping: status.st_size),
                used: max(status.st_atim.tv_sec, status.st_mtim.tv_sec))
        }
    }

    /// Removes a file, or a folder with what is in it, as deep as anybody needs.
    func remove(_ name: String, depth: Int = 0) {
        guard unlinkat(descriptor, name, 0) != 0, depth < 64 else { return }
        let inner = openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard inner >= 0 else { return }
        let folder = Folder(inner, "\(path)/\(name)")
        for name in Files.names(in: dup(inner)) { folder.remove(name, depth: depth + 1) }
        unlinkat(descriptor, name, AT_REMOVEDIR)
    }

    /// Removes all of it, and itself.
    func removeAll() {
        for entry in entries { remove(entry.name) }
        rmdir(path)
    }
}

internal import Glibc

/// Tells that something has changed in the folders of some files, however it was changed: written, replaced, linked anew.
public final class FileWatch: Sendable {
    /// Readable when something has changed.
    public let descriptor: Int32

    /// What cannot be watched is not; the caller reads its files again on SIGHUP, too.
    public init(folders: [String]) {
        descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        let changes = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE
        for folder in Set(folders) { inotify_add_watch(descriptor, folder, UInt32(changes)) }
    }

    deinit { close(descriptor) }

    /// The folder that holds a file.
    public static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Whether something has changed since the last call.
    public func take() -> Bool {
        var hasChanged = false
        withUnsafeTemporaryAllocation(byteCount: 8 << 10, alignment: 8) { room in
            // SAFETY: room has room.count writable bytes.
            while Glibc.read(descriptor, room.baseAddress, room.count) > 0 { hasChanged = true }
        }
        return hasChanged
    }
}

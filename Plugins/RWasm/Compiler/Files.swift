import Glibc
import PluginSupport
import PluginABI

/// The few file operations that the compiler's driver needs.
enum Files {
    static func write(_ bytes: some Collection<UInt8>, to path: String) throws(PluginError) {
        let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard fd >= 0 else { throw failure("cannot create \(path)") }
        defer { close(fd) }
        let bytes = ContiguousArray(bytes)
        var done = 0
        while done < bytes.count {
            // SAFETY: the range lies in the array.
            let count = bytes.withUnsafeBytes {
                Glibc.write(fd, $0.baseAddress.unsafelyUnwrapped + done, $0.count - done)
            }
            guard count > 0 else { throw failure("cannot write \(path)") }
            done += count
        }
    }

    static func read(_ path: String) throws(PluginError) -> [UInt8] {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw failure("cannot open \(path)") }
        defer { close(fd) }
        var bytes = [UInt8](repeating: 0, count: max(0, Int(lseek(fd, 0, SEEK_END))))
        guard pread(fd, &bytes, bytes.count, 0) == bytes.count else { throw failure("cannot read \(path)") }
        return bytes
    }

    static func exists(_ path: String) -> Bool { access(path, R_OK) == 0 }

    static func makeDirectory(_ path: String) throws(PluginError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("cannot create \(path)") }
    }

    /// A new empty folder whose name begins with `prefix`.
    static func makeTemporary(_ prefix: String) throws(PluginError) -> String {
        var template =
            [CChar](prefix.utf8.map(CChar.init(bitPattern:))) + "XXXXXX".utf8.map(CChar.init(bitPattern:)) + [0]
        guard mkdtemp(&template) != nil else { throw failure("cannot create a folder \(prefix)XXXXXX") }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Names in a folder, without "." and "..".
    static func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                // SAFETY: readdir(3) ends the name with a NUL within the array.
                String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// Removes a folder and the files in it.
    static func remove(_ directory: String) {
        for name in names(in: directory) where unlink("\(directory)/\(name)") != 0 { remove("\(directory)/\(name)") }
        rmdir(directory)
    }

    static func failure(_ what: String) -> PluginError {
        PluginError(DN_IO, "\(what): \(String(cString: strerror(errno)))", errno: errno)
    }
}

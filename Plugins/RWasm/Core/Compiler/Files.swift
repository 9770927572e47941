import CRWasm
import Glibc
import PluginABI
package import PluginKit

/// The few file operations that folders and tools need.
package enum Files {
    package static func write(_ bytes: some Collection<UInt8>, to path: String) throws(PluginError) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("cannot create \(path)") }
        defer { close(file) }
        try write(bytes, to: file, path)
    }

    package static func write(_ bytes: some Collection<UInt8>, to file: Int32, _ path: String) throws(PluginError) {
        let bytes = ContiguousArray(bytes)
        var done = 0
        while done < bytes.count {
            // SAFETY: the range lies in the array.
            let count = bytes.withUnsafeBytes {
                Glibc.write(file, $0.baseAddress.unsafelyUnwrapped + done, $0.count - done)
            }
            guard count > 0 else { throw failure("cannot write \(path)") }
            done += count
        }
    }

    package static func read(_ path: String) throws(PluginError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure("cannot open \(path)") }
        defer { close(file) }
        return try read(file, max(0, Int(lseek(file, 0, SEEK_END))), path)
    }

    package static func read(_ file: Int32, _ count: Int, _ path: String) throws(PluginError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard pread(file, &bytes, bytes.count, 0) == bytes.count else { throw failure("cannot read \(path)") }
        return bytes
    }

    package static func makeDirectory(_ path: String) throws(PluginError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("cannot create \(path)") }
    }

    /// The name that means the same in every folder.
    static func absolute(_ path: String) throws(PluginError) -> String {
        guard let found = realpath(path, nil) else { throw failure("cannot find \(path)") }
        defer { free(found) }
        return String(cString: found)
    }

    /// A name that nobody has.
    static func randomName() throws(PluginError) -> String {
        var bytes = [UInt8](repeating: 0, count: 12)
        guard rwasm_random(&bytes, bytes.count) == 0 else { throw failure("no random numbers") }
        return Hexadecimal.text(bytes)
    }

    /// A new empty folder whose name begins with `prefix`.
    package static func makeTemporary(_ prefix: String) throws(PluginError) -> String {
        var template =
            [CChar](prefix.utf8.map(CChar.init(bitPattern:))) + "XXXXXX".utf8.map(CChar.init(bitPattern:)) + [0]
        guard mkdtemp(&template) != nil else { throw failure("cannot create a folder \(prefix)XXXXXX") }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Names in a folder, without "." and "..".
    package static func names(in directory: String) -> [String] {
        names(in: open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    }

    /// The same of an open folder, which it closes; none for a negative number.
    package static func names(in descriptor: Int32) -> [String] {
        guard descriptor >= 0 else { return [] }
        guard let stream = fdopendir(descriptor) else {
            close(descriptor)
            return []
        }
        defer { closedir(stream) }
        rewinddir(stream)
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

    /// Removes a folder and what is in it.
    package static func remove(_ directory: String) {
        if let folder = try? Folder(directory) { folder.removeAll() }
    }

    package static func failure(_ what: String) -> PluginError {
        PluginError(DN_IO, "\(what): \(String(cString: strerror(errno)))", errno: errno)
    }
}

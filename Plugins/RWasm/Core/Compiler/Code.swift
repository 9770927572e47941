package import CRWasm
import Glibc
import PluginABI
package import PluginKit

/// A loaded shared object of generated code.
///
/// SAFETY of the pointers: static data of the object, which stays loaded while this lives.
package final class Code: Sendable {
    package let level: Builder.Level
    /// Of the object.
    package let size: Int
    /// Open while the object is loaded: the loader knows objects by their names, and the number is this one's name.
    private let file: Int32
    private nonisolated(unsafe) let handle: UnsafeMutableRawPointer
    private nonisolated(unsafe) let descriptors: UnsafePointer<rwasm_descriptor>

    /// Loads exactly these bytes, from a file in memory that has no name: nobody can exchange them after they were checked.
    package init(_ bytes: [UInt8], _ level: Builder.Level) throws(PluginError) {
        let file = rwasm_memory_file("rwasm")
        guard file >= 0 else { throw Files.failure("no file in memory for generated code") }
        var isLoaded = false
        defer { if !isLoaded { close(file) } }
        try Files.write(bytes, to: file, "generated code")
        guard let handle = dlopen("/proc/self/fd/\(file)", RTLD_NOW | RTLD_LOCAL) else {
            throw PluginError(DN_IO, "cannot load generated code: \(dlerror().map { String(cString: $0) } ?? "")")
        }
        guard let symbol = dlsym(handle, "rwasm_modules") else {
            dlclose(handle)
            throw PluginError(DN_IO, "an object of \(bytes.count) bytes holds no generated code")
        }
        isLoaded = true
        self.level = level
        self.file = file
        size = bytes.count
        self.handle = handle
        descriptors = UnsafePointer(symbol.assumingMemoryBound(to: rwasm_descriptor.self))
    }

    deinit {
        dlclose(handle)
        close(file)
    }

    /// Of module `index` of those that were compiled together.
    package func descriptor(_ index: Int = 0) -> UnsafePointer<rwasm_descriptor> { descriptors + index }
}

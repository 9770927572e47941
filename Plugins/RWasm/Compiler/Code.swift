import CRWasm
import Glibc
import PluginABI
import PluginSupport

/// A loaded shared object of generated code.
///
/// SAFETY of the pointers: static data of the object, which stays loaded while this lives.
final class Code: Sendable {
    let level: Builder.Level
    private nonisolated(unsafe) let handle: UnsafeMutableRawPointer
    private nonisolated(unsafe) let descriptors: UnsafePointer<rwasm_descriptor>

    init(_ path: String, _ level: Builder.Level) throws(PluginError) {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw PluginError(DN_IO, "cannot load generated code: \(dlerror().map { String(cString: $0) } ?? path)")
        }
        guard let symbol = dlsym(handle, "rwasm_modules") else {
            dlclose(handle)
            throw PluginError(DN_IO, "\(path) holds no generated code")
        }
        self.level = level
        self.handle = handle
        descriptors = UnsafePointer(symbol.assumingMemoryBound(to: rwasm_descriptor.self))
    }

    deinit { dlclose(handle) }

    /// Of module `index` of those that were compiled together.
    func descriptor(_ index: Int = 0) -> UnsafePointer<rwasm_descriptor> { descriptors + index }
}

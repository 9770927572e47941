import CRWasm
import Glibc
import PluginABI
import PluginSupport
import Synchronization

/// A loaded module with its code.
final class Image: Sendable {
    let module: Module
    let template: Template
    let label: String
    /// Functions that a run calls, in order.
    let entries: [Int]
    let systemData: UInt64?
    /// Bytes that data segments are copied from, and element segments' contents, at fixed addresses.
    /// SAFETY: written in init, read-only afterwards, freed in deinit.
    nonisolated(unsafe) let bytes: UnsafePointer<UInt8>
    nonisolated(unsafe) let elements: [UnsafePointer<UInt64>]
    private let current: Mutex<Code>

    static let pageBytes: UInt64 = 65536

    init(_ module: Module, _ ordinals: [Int: Int], code: Code, label: String) throws(PluginError) {
        guard let start = module.export("_start", .function) else {
            throw PluginError(DN_BAD_IMAGE, "the module exports no function _start; is it a library?")
        }
        try Self.checkEntry(module, start)
        self.module = module
        self.label = label
        let initialize = module.export("_initialize", .function)
        if let initialize { try Self.checkEntry(module, initialize) }
        entries = [module.start, initialize, start].compactMap { $0 }
        template = Template(module, ordinals, tag: ModulePlan.soleTag)
        systemData = try Self.systemData(of: module, template)
        bytes = Self.copy(module.bytes)
        elements = template.elements.map { Self.copy($0) }
        current = Mutex(code)
    }

    deinit {
        bytes.deallocate()
        for segment in elements { segment.deallocate() }
    }

    private static func copy<T: BitwiseCopyable>(_ values: [T]) -> UnsafePointer<T> {
        let place = UnsafeMutablePointer<T>.allocate(capacity: max(1, values.count))
        place.initialize(from: values, count: values.count)
        return UnsafePointer(place)
    }

    /// An entry takes nothing, or the address of the entry block (guest.h).
    private static func checkEntry(_ module: Module, _ function: Int) throws(PluginError) {
        let type = module.type(ofFunction: function)
        guard type.results.isEmpty, type.parameters.isEmpty || type.parameters == [.i32] else {
            throw PluginError(DN_BAD_IMAGE, "_start must take nothing or one i32, and give nothing")
        }
    }

    /// The value of the exported global `__dandelion_system_data`: an address of 36 bytes in memory.
    private static func systemData(of module: Module, _ template: Template) throws(PluginError) -> UInt64? {
        let name = "__dandelion_system_data"
        guard let global = module.export(name, .global) else { return nil }
        guard module.globals[global].type == GlobalType(value: .i32, isMutable: false),
            let memory = module.memories.first
        else { throw PluginError(DN_BAD_IMAGE, "\(name) must be an immutable i32 in a module with a memory") }
        let address = template.globals[global].low
        guard address + UInt64(MemoryLayout<dn_guest_system32>.size) <= UInt64(memory.minimum) * pageBytes else {
            throw PluginError(DN_BAD_IMAGE, "\(name) at \(address) lies outside the memory")
        }
        return address
    }

    /// The best code there is.
    var code: Code {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }

    var minimumBytes: UInt64 { UInt64(module.memories.first?.minimum ?? 0) * Self.pageBytes }

    /// The largest memory that the module allows.
    var maximumBytes: UInt64 {
        guard let memory = module.memories.first else { return 0 }
        return UInt64(memory.maximum ?? 65536) * Self.pageBytes
    }

    var info: dn_image_info {
        var info = dn_image_info()
        info.pointer_bytes = 4
        info.entry = dn_gaddr(entries.last ?? 0)
        info.system_data = systemData ?? .max
        info.data_begin = minimumBytes
        info.context_min = minimumBytes + Self.pageBytes
        info.resident_bytes = UInt64(module.bytes.count) * 4
        return info
    }
}

import CRWasm
import Glibc
import PluginABI
import PluginSupport

/// A loaded module with its code.
final class Image: Sendable {
    /// A call that a run makes.
    struct Step: Sendable {
        enum Argument: Sendable { case none, entryBlock, exitCode }
        var isShim = false
        var function: UInt32
        var argument = Argument.none
        /// Its result is the exit code.
        var givesCode = false
    }

    /// The function's own module.
    let main: Part
    /// What serves its imports; nil for a module of the platform's own form.
    let wasi: Wasi?
    let label: String
    let steps: [Step]
    let systemData: UInt64?
    /// The shim's functions, by imported function.
    /// SAFETY: as in `Part`.
    nonisolated(unsafe) let served: UnsafePointer<UInt32>

    init(_ main: Part, wasi: Wasi?, label: String) throws(PluginError) {
        (self.main, self.wasi, self.label) = (main, wasi, label)
        let entries = try Self.entries(of: main.module, isServed: wasi != nil)
        if let wasi {
            systemData = wasi.systemData
            steps =
                [Step(isShim: true, function: wasi.begin, argument: .entryBlock)] + entries
                + [Step(isShim: true, function: wasi.finish, argument: .exitCode)]
            served = permanentCopy(try wasi.functions(for: main.module))
        } else {
            systemData = try Self.systemData(of: main)
            steps = entries
            served = permanentCopy([])
        }
    }

    deinit { served.deallocate() }

    var module: Module { main.module }

    /// The module whose memory is the context.
    var front: Part { wasi?.part ?? main }

    private static func entries(of module: Module, isServed: Bool) throws(PluginError) -> [Step] {
        let initialize = module.export("_initialize", .function)
        let isReactor = isServed && initialize != nil
        let names = isReactor ? ModulePlan.entryNames : ["_start"]
        let entry = names.lazy.compactMap { module.export($0, .function) }.first
        guard let entry else {
            throw PluginError(
                DN_BAD_IMAGE,
                isReactor
                    ? "the reactor exports none of the functions \(names.joined(separator: ", "))"
                    : "the module exports no function _start; is it a library?")
        }
        let setUp = [module.start, initialize].compactMap { $0 }.map { Step(function: UInt32($0)) }
        for step in setUp { try check(module, step.function, [[]], [[]]) }
        try check(
            module, UInt32(entry), isReactor ? [[], [.i32, .i32]] : [[], [.i32]], isReactor ? [[], [.i32]] : [[]])
        return setUp + [
            Step(
                function: UInt32(entry), argument: isServed ? .none : .entryBlock,
                givesCode: !module.type(ofFunction: entry).results.isEmpty)
        ]
    }

    private static func check(
        _ module: Module, _ function: UInt32, _ parameters: [[ValueType]], _ results: [[ValueType]]
    ) throws(PluginError) {
        let type = module.type(ofFunction: Int(function))
        guard parameters.contains(type.parameters), results.contains(type.results) else {
            throw PluginError(
                DN_BAD_IMAGE,
                "the module's entry takes or gives values that the platform does not know: _start takes nothing or one "
                    + "i32, and gives nothing")
        }
    }

    /// The value of the exported global `__dandelion_system_data`: an address of 36 bytes in memory.
    static func systemData(of part: Part) throws(PluginError) -> UInt64? {
        let name = "__dandelion_system_data"
        let module = part.module
        guard let global = module.export(name, .global) else { return nil }
        guard module.globals[global].type == GlobalType(value: .i32, isMutable: false), !module.memories.isEmpty else {
            throw PluginError(DN_BAD_IMAGE, "\(name) must be an immutable i32 in a module with a memory")
        }
        let address = part.template.globals[global].low
        guard address + UInt64(MemoryLayout<dn_guest_system32>.size) <= part.minimumBytes else {
            throw PluginError(DN_BAD_IMAGE, "\(name) at \(address) lies outside the memory")
        }
        return address
    }

    var info: dn_image_info {
        var info = dn_image_info()
        info.pointer_bytes = 4
        info.entry = dn_gaddr(steps.last?.function ?? 0)
        info.system_data = systemData ?? .max
        info.data_begin = front.minimumBytes
        info.context_min = front.minimumBytes + Part.pageBytes + (wasi == nil ? 0 : main.minimumBytes)
        info.resident_bytes = UInt64(module.bytes.count) * 4
        return info
    }
}

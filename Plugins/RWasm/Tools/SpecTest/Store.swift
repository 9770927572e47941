import CRWasm
import Glibc
import PluginABI
import PluginKit
import RWasmCore

/// Why a module could not be linked: an import is missing or of another type.
struct LinkError: Error {
    var message: String
}

/// What a module exports, or the test's host offers.
enum External {
    case function(reference: UInt64, FunctionType)
    case table(UnsafeMutablePointer<rwasm_table>, TableType)
    case memory(UnsafeMutablePointer<rwasm_memory>, Limits)
    case global(UnsafeMutablePointer<rwasm_value>, GlobalType)
}

/// Instances that import from each other, as the specification's tests want them. Everything in it lives to its end.
///
/// SAFETY of its pointers: all blocks are allocated by `keep` or lie in the reservation, and are freed in deinit.
final class Store {
    private let caller: Caller
    private let store: UnsafeMutablePointer<rwasm_store>
    private let reservation: UnsafeMutableRawPointer
    private var memories = 0
    private var blocks: [UnsafeMutableRawPointer] = []
    private var types: [FunctionType: UInt32] = [:]
    private var count: UInt64 = 0
    /// As much as tests may want.
    private lazy var room = keep([UInt64.max])
    private(set) var spectest: [String: External] = [:]

    private static let memoryBytes = 2 << 32 + 65536
    private static let memoriesMax = 256

    init(_ caller: Caller) throws(PluginError) {
        self.caller = caller
        let size = Self.memoryBytes * Self.memoriesMax
        let memory = mmap(nil, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let memory, memory != MAP_FAILED else { throw Files.failure("cannot reserve \(size >> 30) GiB") }
        reservation = memory
        store = .allocate(capacity: 1)
        memset(store, 0, MemoryLayout<rwasm_store>.size)
        rwasm_runner_watch(caller.runner, reservation, UInt64(size))
        offerSpectest()
    }

    deinit {
        munmap(reservation, Self.memoryBytes * Self.memoriesMax)
        for block in blocks { free(block) }
        store.deallocate()
    }

    /// A zeroed block that lives as long as the store.
    private func keep<T>(_ type: T.Type, _ count: Int = 1) -> UnsafeMutablePointer<T> {
        guard let block = aligned_alloc(64, (max(1, MemoryLayout<T>.stride * count) + 63) & ~63) else { abort() }
        memset(block, 0, MemoryLayout<T>.stride * count)
        blocks.append(block)
        return block.assumingMemoryBound(to: type)
    }

    private func keep<T>(_ values: [T]) -> UnsafeMutablePointer<T> {
        let place = keep(T.self, values.count)
        for (index, value) in values.enumerated() { place[index] = value }
        return place
    }

    private func number(_ type: FunctionType) -> UInt32 {
        if let number = types[type] { return number }
        let number = UInt32(types.count)
        types[type] = number
        return number
    }

    // MARK: The test's host

    private func offerSpectest() {
        for (name, type) in [("i32", ValueType.i32), ("i64", .i64), ("f32", .f32), ("f64", .f64)] {
            let bits: UInt64 =
                switch type {
                case .f32: UInt64(Float(666.6).bitPattern)
                case .f64: 666.6.bitPattern
                default: 666
                }
            let place = keep([rwasm_value(low: bits, high: 0)])
            spectest["global_\(name)"] = .global(place, GlobalType(value: type, isMutable: false))
            offerPrint("print_\(name)", [type])
        }
        offerPrint("print", [])
        offerPrint("print_i32_f32", [.i32, .f32])
        offerPrint("print_f64_f64", [.f64, .f64])
        let table = TableType(element: .funcref, limits: Limits(minimum: 10, maximum: 20))
        spectest["table"] = .table(
            keep([
                rwasm_table(
                    elements: keep(UInt64.self, 20), size: 10, capacity: 20, grow: rwasm_grow_table, room: room)
            ]), table)
        let limits = Limits(minimum: 1, maximum: 2)
        if let memory = try? makeMemory(limits) { spectest["memory"] = .memory(memory, limits) }
    }

    private func offerPrint(_ name: String, _ parameters: [ValueType]) {
        spectest[name] = .function(
            reference: UInt64(RWASM_HOST_INSTANCE & 0x7fff_ffff) << 32,
            FunctionType(parameters: parameters, results: []))
    }

    private func makeMemory(_ limits: Limits) throws(LinkError) -> UnsafeMutablePointer<rwasm_memory> {
        guard memories < Self.memoriesMax else { throw LinkError(message: "too many memories in one file") }
        let base = reservation + memories * Self.memoryBytes
        memories += 1
        let memory = keep([
            rwasm_memory(
                base: base.assumingMemoryBound(to: UInt8.self), bytes: 0, grow: rwasm_grow,
                maximum: min(UInt64(limits.maximum ?? 65536) << 16, 4 << 30), room: room)
        ])
        guard rwasm_grow(memory, limits.minimum) == 0 else { throw LinkError(message: "no memory") }
        return memory
    }

    // MARK: Instances

    /// Links and instantiates; the trap of a failed instantiation, whose effects stay.
    func instantiate(
        _ module: Module, _ descriptor: UnsafePointer<rwasm_descriptor>, find: (String, String) -> External?
    ) throws(LinkError) -> (instance: LinkedInstance, trap: Trap?) {
        count += 1
        guard count < UInt64(RWASM_STORE_MAX) else { throw LinkError(message: "too many instances in one file") }
        let plan = ModulePlan(module, isLinkable: true)
        let bound = try bind(module, find)
        var imported: [rwasm_value] = []
        for external in bound { if case .global(let place, _) = external { imported.append(place.pointee) } }
        let template = Template(module, plan.ordinals, tag: count << 32, imported: imported)
        let layout = InstanceLayout(
            module, template, descriptor, bytes: keep(module.bytes),
            references: template.elements.map { UnsafePointer(keep($0)) })
        let area = Area(base: UnsafeMutableRawPointer(keep(UInt8.self, layout.size)), layout: layout)
        area.prepare(room: room)
        setImports(of: area, bound)
        if module.importedMemories == 0, let limits = module.memories.first {
            area.env.pointee.memory = try makeMemory(limits)
        }
        link(area, module, plan, descriptor, bound)
        let instance = LinkedInstance(module: module, plan: plan, tag: template.tag, area: area, descriptor: descriptor)
        if let trap = setUp(area) { return (instance, trap) }
        guard let start = module.start else { return (instance, nil) }
        return (instance, call(instance, start, []).trap)
    }

    private func setUp(_ area: Area) -> Trap? {
        var setup = area.setup(bytes: area.env.pointee.memory?.pointee.bytes ?? 0, fillsMemory: true)
        rwasm_runner_begin(caller.runner, count, 0, 0)
        defer { rwasm_runner_end(caller.runner) }
        let end = rwasm_runner_set_up(caller.runner, &setup)
        return end.kind == RWASM_RETURNED ? nil : Trap(rawValue: end.code) ?? .panic
    }

    private func bind(_ module: Module, _ find: (String, String) -> External?) throws(LinkError) -> [External] {
        var bound: [External] = []
        for entry in module.imports {
            guard let external = find(entry.module, entry.name) else {
                throw LinkError(message: "unknown import \(entry.module).\(entry.name)")
            }
            guard Self.fits(external, entry, module) else {
                throw LinkError(message: "incompatible import type of \(entry.module).\(entry.name)")
            }
            bound.append(external)
        }
        return bound
    }

    private static func fits(_ external: External, _ entry: Import, _ module: Module) -> Bool {
        switch (external, entry.kind) {
        case (.function(_, let type), .function): type == module.type(ofFunction: entry.index)
        case (.table(let table, let type), .table):
            type.element == module.tables[entry.index].element
                && fits(table.pointee.size, type.limits.maximum, module.tables[entry.index].limits)
        case (.memory(let memory, let limits), .memory):
            fits(UInt32(memory.pointee.bytes >> 16), limits.maximum, module.memories[entry.index])
        case (.global(_, let type), .global): type == module.globals[entry.index].type
        default: false
        }
    }

    private static func fits(_ size: UInt32, _ maximum: UInt32?, _ wanted: Limits) -> Bool {
        guard size >= wanted.minimum else { return false }
        guard let limit = wanted.maximum else { return true }
        return maximum.map { $0 <= limit } ?? false
    }

    private func setImports(of area: Area, _ bound: [External]) {
        var (tables, globals) = (0, 0)
        for external in bound {
            switch external {
            case .function: break
            case .table(let table, _):
                area.tables[tables] = table
                tables += 1
            case .memory(let memory, _): area.env.pointee.memory = memory
            case .global(let place, _):
                area.globals[globals] = place
                globals += 1
            }
        }
    }

    private func link(
        _ area: Area, _ module: Module, _ plan: ModulePlan, _ descriptor: UnsafePointer<rwasm_descriptor>,
        _ bound: [External]
    ) {
        let ordered = plan.ordinals.sorted { $0.value < $1.value }.map(\.key)
        var references: [UInt64] = []
        for external in bound { if case .function(let reference, _) = external { references.append(reference) } }
        let linked = keep([
            rwasm_linked(
                store: store, code: descriptor, instance: area.instance, functions: keep(ordered.map { UInt32($0) }),
                kinds: keep(ordered.map { number(module.type(ofFunction: $0)) }), count: UInt32(ordered.count),
                imports: keep(references), types: keep(module.types.map { number($0) }))
        ])
        withUnsafeMutableBytes(of: &store.pointee.linked) {
            $0.storeBytes(of: linked, toByteOffset: Int(count) * 8, as: UnsafeMutablePointer<rwasm_linked>.self)
        }
        area.env.pointee.host = UnsafeMutableRawPointer(linked)
        area.env.pointee.call = rwasm_link_call
    }

    /// Calls a function; the results, or why there are none.
    func call(
        _ instance: LinkedInstance, _ function: Int, _ arguments: [rwasm_value]
    ) -> (values: [rwasm_value], trap: Trap?) {
        let type = instance.module.type(ofFunction: function)
        let room = max(type.parameters.count, type.results.count, 1)
        var values = arguments + [rwasm_value](repeating: rwasm_value(), count: max(0, room - arguments.count))
        guard let entry = instance.descriptor.pointee.entry?(UInt32(function)) else { return ([], .panic) }
        rwasm_runner_begin(caller.runner, count, 0, 0)
        defer { rwasm_runner_end(caller.runner) }
        let end = caller.call(entry, instance.area.instance, type, &values)
        switch end.kind {
        case RWASM_RETURNED: return (Array(values.prefix(type.results.count)), nil)
        case RWASM_STACK: return ([], .stackExhausted)
        case RWASM_BOUNDS: return ([], .memoryBounds)
        default: return ([], Trap(rawValue: end.code) ?? .panic)
        }
    }
}

/// One instance of a store.
struct LinkedInstance {
    let module: Module
    let plan: ModulePlan
    let tag: UInt64
    let area: Area
    let descriptor: UnsafePointer<rwasm_descriptor>

    func export(_ name: String) -> External? {
        guard let export = module.exports.first(where: { $0.name.utf8.elementsEqual(name.utf8) }) else { return nil }
        switch export.kind {
        case .function:
            return .function(
                reference: tag + UInt64(plan.ordinals[export.index] ?? 0), module.type(ofFunction: export.index))
        case .table: return area.tables[export.index].map { .table($0, module.tables[export.index]) }
        case .memory: return area.env.pointee.memory.map { .memory($0, module.memories[export.index]) }
        case .global: return area.globals[export.index].map { .global($0, module.globals[export.index].type) }
        case .tag: return nil
        }
    }
}

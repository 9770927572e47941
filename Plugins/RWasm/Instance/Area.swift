import CRWasm
import Glibc

/// Where an instance's parts lie in one block of memory: what generated code sees of its host, the instance itself, and
/// the tables.
struct AreaLayout: Sendable {
    private(set) var size = 0
    let memory: Int
    let tablePointers: Int
    let tables: Int
    let globalPointers: Int
    let globals: Int
    let data: Int
    let elements: Int
    let env: Int
    let instance: Int
    /// Of each table that is not imported: where its elements lie.
    private(set) var tableElements: [Int] = []
    /// Room for elements, by table.
    let capacities: [UInt32]

    /// No table grows beyond this, unless it is larger from the beginning.
    static let tableGrowth: UInt32 = 1 << 20

    init(_ module: Module, instanceSize: Int, instanceAlignment: Int) {
        var end = 0
        func take<T>(_ type: T.Type, _ count: Int) -> Int {
            let begin = (end + MemoryLayout<T>.alignment - 1) & ~(MemoryLayout<T>.alignment - 1)
            end = begin + MemoryLayout<T>.stride * count
            return begin
        }
        env = take(rwasm_env.self, 1)
        memory = take(rwasm_memory.self, 1)
        tablePointers = take(UnsafeRawPointer.self, module.tables.count)
        tables = take(rwasm_table.self, module.tables.count)
        globalPointers = take(UnsafeRawPointer.self, module.globals.count)
        globals = take(rwasm_value.self, module.globals.count)
        data = take(rwasm_segment.self, module.data.count)
        elements = take(rwasm_segment.self, module.elements.count)
        end = (end + instanceAlignment - 1) & ~(instanceAlignment - 1)
        instance = end
        end += instanceSize
        capacities = module.tables.map { max($0.limits.minimum, min($0.limits.maximum ?? .max, Self.tableGrowth)) }
        for capacity in capacities.dropFirst(module.importedTables) {
            tableElements.append(take(UInt64.self, Int(capacity)))
        }
        size = end
    }
}

/// One instance's block.
///
/// SAFETY of all its pointers: `base` has room for the layout's size, and the layout gives every part its own place.
struct Area {
    let base: UnsafeMutableRawPointer
    let layout: AreaLayout

    private func pointer<T>(_ offset: Int, _ type: T.Type) -> UnsafeMutablePointer<T> {
        (base + offset).assumingMemoryBound(to: type)
    }

    var env: UnsafeMutablePointer<rwasm_env> { pointer(layout.env, rwasm_env.self) }
    var memory: UnsafeMutablePointer<rwasm_memory> { pointer(layout.memory, rwasm_memory.self) }
    var instance: UnsafeMutableRawPointer { base + layout.instance }
    var tables: UnsafeMutablePointer<UnsafeMutablePointer<rwasm_table>?> {
        pointer(layout.tablePointers, UnsafeMutablePointer<rwasm_table>?.self)
    }
    var globals: UnsafeMutablePointer<UnsafeMutablePointer<rwasm_value>?> {
        pointer(layout.globalPointers, UnsafeMutablePointer<rwasm_value>?.self)
    }

    /// Lays everything out; the memory and imports are to be set by the caller, before `make`.
    func prepare(_ module: Module, _ template: Template) {
        for (index, value) in template.globals.enumerated() {
            let place = pointer(layout.globals, rwasm_value.self) + index
            place.initialize(to: value)
            globals[index] = place
        }
        for index in module.importedTables..<module.tables.count {
            let table = pointer(layout.tables, rwasm_table.self) + index
            let elements = pointer(layout.tableElements[index - module.importedTables], UInt64.self)
            let size = module.tables[index].limits.minimum
            elements.update(repeating: 0, count: Int(size))
            table.initialize(to: rwasm_table(elements: elements, size: size, capacity: layout.capacities[index]))
            tables[index] = table
        }
        env.initialize(
            to: rwasm_env(
                memory: module.memories.isEmpty ? nil : memory, tables: tables, globals: globals,
                data: pointer(layout.data, rwasm_segment.self), elements: pointer(layout.elements, rwasm_segment.self),
                table_count: UInt32(module.tables.count), global_count: UInt32(module.globals.count),
                data_count: UInt32(module.data.count), element_count: UInt32(module.elements.count), tag: template.tag,
                host: nil, call: nil))
    }

    /// Sets the segments that bulk instructions can copy from. `bytes` and `elements` must outlive the instance.
    func setSegments(
        _ module: Module, bytes: UnsafeRawPointer, elements: [UnsafePointer<UInt64>]
    ) {
        let data = pointer(layout.data, rwasm_segment.self)
        for (index, segment) in module.data.enumerated() {
            let isPassive = if case .passive = segment.mode { true } else { false }
            data[index] = rwasm_segment(
                start: bytes + segment.bytes.lowerBound, length: isPassive ? UInt64(segment.bytes.count) : 0)
        }
        let places = pointer(layout.elements, rwasm_segment.self)
        for (index, segment) in module.elements.enumerated() {
            let isPassive = if case .passive = segment.mode { true } else { false }
            places[index] = rwasm_segment(
                start: elements[index], length: isPassive ? UInt64(segment.elements.count) : 0)
        }
    }

    /// Copies active segments; the code of the trap that ends this, if one does.
    func fill(_ template: Template, bytes: UnsafeRawPointer) -> Trap? {
        for fill in template.tableFills {
            guard let table = tables[fill.table], let elements = table.pointee.elements,
                fill.offset + UInt64(fill.elements.count) <= UInt64(table.pointee.size)
            else { return .tableBounds }
            for (index, element) in fill.elements.enumerated() { elements[Int(fill.offset) + index] = element }
        }
        for fill in template.memoryFills {
            guard let memory = env.pointee.memory, let base = memory.pointee.base,
                fill.offset + UInt64(fill.bytes.count) <= memory.pointee.bytes
            else { return .memoryBounds }
            memcpy(base + Int(fill.offset), bytes + fill.bytes.lowerBound, fill.bytes.count)
        }
        return nil
    }

    /// Makes the instance itself.
    func make(_ descriptor: UnsafePointer<rwasm_descriptor>) { descriptor.pointee.make?(instance, env) }
}

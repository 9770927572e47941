import CRWasm

/// What all instances of some code are made from, worked out once: where an instance's parts lie in one block of memory, and
/// what they hold at the beginning. Making an instance reads this and not the module.
///
/// SAFETY of its pointers: they point to the module's bytes and element segments, which its maker keeps; only read.
final class Mould: Sendable {
    struct Table {
        var size: UInt32
        var capacity: UInt32
        /// Where its elements lie.
        var elements: Int
    }

    struct MemoryFill {
        var offset: UInt64
        var bytes: UnsafeRawBufferPointer
    }

    /// Bytes of a block.
    let size: Int
    let memory: Int
    let tablePointers: Int
    let tables: Int
    let globalPointers: Int
    let globals: Int
    let data: Int
    let elements: Int
    let env: Int
    let instance: Int
    /// Of those that are not imported.
    let ownTables: [Table]
    let importedTables: Int
    let hasMemory: Bool
    let tag: UInt64
    let tableFills: [Template.TableFill]
    let globalValues: [rwasm_value]
    nonisolated(unsafe) let dataSegments: [rwasm_segment]
    nonisolated(unsafe) let elementSegments: [rwasm_segment]
    nonisolated(unsafe) let memoryFills: [MemoryFill]
    nonisolated(unsafe) let descriptor: UnsafePointer<rwasm_descriptor>

    /// No table grows beyond this, unless it is larger from the beginning.
    static let tableGrowth: UInt32 = 1 << 20

    /// `bytes` are the module's, `references` the contents of its element segments; both must outlive all instances.
    init(
        _ module: Module, _ template: Template, _ descriptor: UnsafePointer<rwasm_descriptor>,
        bytes: UnsafeRawPointer, references: [UnsafePointer<UInt64>]
    ) {
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
        end = (end + descriptor.pointee.align - 1) & ~(descriptor.pointee.align - 1)
        instance = end
        end += descriptor.pointee.size
        ownTables = module.tables.dropFirst(module.importedTables).map { table in
            let capacity = max(table.limits.minimum, min(table.limits.maximum ?? .max, Self.tableGrowth))
            return Table(
                size: table.limits.minimum, capacity: capacity, elements: take(UInt64.self, Int(capacity)))
        }
        size = end
        importedTables = module.importedTables
        hasMemory = !module.memories.isEmpty
        (tag, tableFills, globalValues) = (template.tag, template.tableFills, template.globals)
        // Only passive segments can be copied from later.
        dataSegments = module.data.map {
            rwasm_segment(
                start: bytes + $0.bytes.lowerBound, length: $0.mode.isPassive ? UInt64($0.bytes.count) : 0)
        }
        elementSegments = zip(module.elements, references).map {
            rwasm_segment(start: $1, length: $0.mode.isPassive ? UInt64($0.elements.count) : 0)
        }
        memoryFills = template.memoryFills.map {
            MemoryFill(
                offset: $0.offset,
                bytes: UnsafeRawBufferPointer(start: bytes + $0.bytes.lowerBound, count: $0.bytes.count))
        }
        self.descriptor = descriptor
    }
}

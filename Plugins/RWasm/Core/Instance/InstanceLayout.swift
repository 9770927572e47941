package import CRWasm

/// What all instances of some code are made from, worked out once: where an instance's parts lie in one block of memory, and
/// what they hold at the beginning. Making an instance reads this and not the module.
///
/// SAFETY of its pointers: they point to the module's bytes and element segments, which its maker keeps, and to the lists
/// of active segments, which are its own; only read.
package final class InstanceLayout: Sendable {
    struct Table {
        var size: UInt32
        var capacity: UInt32
        /// Where its elements lie.
        var elements: Int
    }

    /// Bytes of a block, with room for tables to grow.
    package let size: Int
    /// Bytes that an instance takes of it at first.
    package let firstBytes: Int
    package let memory: Int
    let tablePointers: Int
    package let tables: Int
    let globalPointers: Int
    package let globals: Int
    package let data: Int
    package let elements: Int
    package let env: Int
    package let instance: Int
    /// Of those that are not imported.
    let ownTables: [Table]
    let importedTables: Int
    let hasMemory: Bool
    package let tag: UInt64
    let globalValues: [rwasm_value]
    nonisolated(unsafe) let dataSegments: [rwasm_segment]
    nonisolated(unsafe) let elementSegments: [rwasm_segment]
    nonisolated(unsafe) let tableFills: UnsafeBufferPointer<rwasm_fill>
    nonisolated(unsafe) let memoryFills: UnsafeBufferPointer<rwasm_fill>
    package nonisolated(unsafe) let descriptor: UnsafePointer<rwasm_descriptor>

    /// Addresses that tables get to grow, elements: no table becomes larger than this, unless it is so from the beginning.
    private static let tableGrowth = 1 << 20
    private static let allTablesGrowth = 8 << 20

    /// `bytes` are the module's, `references` the contents of its element segments; both must outlive all instances.
    package init(
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
        var first = end
        let growth = UInt32(min(Self.tableGrowth, Self.allTablesGrowth / max(1, module.tables.count)))
        ownTables = module.tables.dropFirst(module.importedTables).map { table in
            let capacity = max(table.limits.minimum, min(table.limits.maximum ?? .max, growth))
            first += MemoryLayout<UInt64>.stride * Int(table.limits.minimum)
            return Table(
                size: table.limits.minimum, capacity: capacity, elements: take(UInt64.self, Int(capacity)))
        }
        (size, firstBytes) = (end, first)
        importedTables = module.importedTables
        hasMemory = !module.memories.isEmpty
        (tag, globalValues) = (template.tag, template.globals)
        // Only passive segments can be copied from later.
        dataSegments = module.data.map {
            rwasm_segment(
                start: bytes + $0.bytes.lowerBound, length: $0.mode.isPassive ? UInt64($0.bytes.count) : 0)
        }
        elementSegments = zip(module.elements, references).map {
            rwasm_segment(start: $1, length: $0.mode.isPassive ? UInt64($0.count) : 0)
        }
        tableFills = Self.list(
            template.tableFills.map {
                rwasm_fill(
                    from: references[$0.segment], count: UInt64(template.elements[$0.segment].count), offset: $0.offset,
                    table: UInt32($0.table))
            })
        memoryFills = Self.list(
            template.memoryFills.map {
                rwasm_fill(
                    from: bytes + $0.bytes.lowerBound, count: UInt64($0.bytes.count), offset: $0.offset, table: 0)
            })
        self.descriptor = descriptor
    }

    private static func list(_ fills: [rwasm_fill]) -> UnsafeBufferPointer<rwasm_fill> {
        UnsafeBufferPointer(start: permanentCopy(fills), count: fills.count)
    }

    deinit {
        tableFills.deallocate()
        memoryFills.deallocate()
    }
}

package import CRWasm
import Glibc

/// One instance's block: what generated code sees of its host, the instance itself, and the tables.
///
/// SAFETY of all its pointers: `base` has room for the layout's size, and the layout gives every part its own place.
package struct Area {
    package let base: UnsafeMutableRawPointer
    package let layout: InstanceLayout

    package init(base: UnsafeMutableRawPointer, layout: InstanceLayout) { (self.base, self.layout) = (base, layout) }

    private func pointer<T>(_ offset: Int, _ type: T.Type) -> UnsafeMutablePointer<T> {
        (base + offset).assumingMemoryBound(to: type)
    }

    package var env: UnsafeMutablePointer<rwasm_env> { pointer(layout.env, rwasm_env.self) }
    package var memory: UnsafeMutablePointer<rwasm_memory> { pointer(layout.memory, rwasm_memory.self) }
    package var instance: UnsafeMutableRawPointer { base + layout.instance }
    package var tables: UnsafeMutablePointer<UnsafeMutablePointer<rwasm_table>?> {
        pointer(layout.tablePointers, UnsafeMutablePointer<rwasm_table>?.self)
    }
    package var globals: UnsafeMutablePointer<UnsafeMutablePointer<rwasm_value>?> {
        pointer(layout.globalPointers, UnsafeMutablePointer<rwasm_value>?.self)
    }

    /// Lays everything out; the memory and imports are to be set by the caller, before `setup` is used. The block's tables
    /// read as zeros, and take from `room` what they grow by.
    package func prepare(room: UnsafeMutablePointer<UInt64>) {
        let values = pointer(layout.globals, rwasm_value.self)
        values.initialize(from: layout.globalValues, count: layout.globalValues.count)
        for index in 0..<layout.globalValues.count { globals[index] = values + index }
        for (index, own) in layout.ownTables.enumerated() {
            let table = pointer(layout.tables, rwasm_table.self) + layout.importedTables + index
            table.initialize(
                to: rwasm_table(
                    elements: pointer(own.elements, UInt64.self), size: own.size, capacity: own.capacity,
                    grow: rwasm_grow_table, room: room))
            tables[layout.importedTables + index] = table
        }
        let data = pointer(layout.data, rwasm_segment.self)
        data.initialize(from: layout.dataSegments, count: layout.dataSegments.count)
        let elements = pointer(layout.elements, rwasm_segment.self)
        elements.initialize(from: layout.elementSegments, count: layout.elementSegments.count)
        env.initialize(
            to: rwasm_env(
                memory: layout.hasMemory ? memory : nil, tables: tables, globals: globals, data: data,
                elements: elements,
                table_count: UInt32(layout.importedTables + layout.ownTables.count),
                global_count: UInt32(layout.globalValues.count), data_count: UInt32(layout.dataSegments.count),
                element_count: UInt32(layout.elementSegments.count), tag: layout.tag, host: nil, call: nil))
    }

    /// What makes the instance; `bytes` of its memory may be written by active segments, if they are not there already.
    package func setup(bytes: UInt64, fillsMemory: Bool) -> rwasm_setup {
        rwasm_setup(
            code: layout.descriptor, instance: instance, env: env, bytes: bytes, tables: layout.tableFills.baseAddress,
            table_count: layout.tableFills.count, memories: layout.memoryFills.baseAddress,
            memory_count: fillsMemory ? layout.memoryFills.count : 0)
    }
}

package import CRWasm
import Glibc

/// One instance's block: what generated code sees of its host, the instance itself, and the tables.
///
/// SAFETY of all its pointers: `base` has room for the mould's size, and the mould gives every part its own place.
package struct Area {
    package let base: UnsafeMutableRawPointer
    package let mould: Mould

    package init(base: UnsafeMutableRawPointer, mould: Mould) { (self.base, self.mould) = (base, mould) }

    private func pointer<T>(_ offset: Int, _ type: T.Type) -> UnsafeMutablePointer<T> {
        (base + offset).assumingMemoryBound(to: type)
    }

    package var env: UnsafeMutablePointer<rwasm_env> { pointer(mould.env, rwasm_env.self) }
    package var memory: UnsafeMutablePointer<rwasm_memory> { pointer(mould.memory, rwasm_memory.self) }
    package var instance: UnsafeMutableRawPointer { base + mould.instance }
    package var tables: UnsafeMutablePointer<UnsafeMutablePointer<rwasm_table>?> {
        pointer(mould.tablePointers, UnsafeMutablePointer<rwasm_table>?.self)
    }
    package var globals: UnsafeMutablePointer<UnsafeMutablePointer<rwasm_value>?> {
        pointer(mould.globalPointers, UnsafeMutablePointer<rwasm_value>?.self)
    }

    /// Lays everything out; the memory and imports are to be set by the caller, before `setup` is used. The block's tables
    /// read as zeros, and take from `room` what they grow by.
    package func prepare(room: UnsafeMutablePointer<UInt64>) {
        let values = pointer(mould.globals, rwasm_value.self)
        values.initialize(from: mould.globalValues, count: mould.globalValues.count)
        for index in 0..<mould.globalValues.count { globals[index] = values + index }
        for (index, own) in mould.ownTables.enumerated() {
            let table = pointer(mould.tables, rwasm_table.self) + mould.importedTables + index
            table.initialize(
                to: rwasm_table(
                    elements: pointer(own.elements, UInt64.self), size: own.size, capacity: own.capacity,
                    grow: rwasm_grow_table, room: room))
            tables[mould.importedTables + index] = table
        }
        let data = pointer(mould.data, rwasm_segment.self)
        data.initialize(from: mould.dataSegments, count: mould.dataSegments.count)
        let elements = pointer(mould.elements, rwasm_segment.self)
        elements.initialize(from: mould.elementSegments, count: mould.elementSegments.count)
        env.initialize(
            to: rwasm_env(
                memory: mould.hasMemory ? memory : nil, tables: tables, globals: globals, data: data,
                elements: elements,
                table_count: UInt32(mould.importedTables + mould.ownTables.count),
                global_count: UInt32(mould.globalValues.count), data_count: UInt32(mould.dataSegments.count),
                element_count: UInt32(mould.elementSegments.count), tag: mould.tag, host: nil, call: nil))
    }

    /// What makes the instance; `bytes` of its memory may be written by active segments.
    package func setup(bytes: UInt64) -> rwasm_setup {
        rwasm_setup(
            code: mould.descriptor, instance: instance, env: env, bytes: bytes, tables: mould.tableFills.baseAddress,
            table_count: mould.tableFills.count, memories: mould.memoryFills.baseAddress,
            memory_count: mould.memoryFills.count)
    }
}

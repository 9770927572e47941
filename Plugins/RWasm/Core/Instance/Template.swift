package import CRWasm

/// What an instance of a module starts with, worked out once: its globals, tables' contents and memory's contents.
package struct Template {
    struct TableFill {
        var table: Int
        var offset: UInt64
        /// The element segment.
        var segment: Int
    }

    struct MemoryFill {
        var offset: UInt64
        var bytes: Range<Int>
    }

    /// Initial values, imported ones first.
    package let globals: [rwasm_value]
    /// Contents of every element segment.
    package let elements: [[UInt64]]
    let tableFills: [TableFill]
    let memoryFills: [MemoryFill]
    package let tag: UInt64

    /// `imported` are the values of imported globals; `references` are imported functions' references where they are other
    /// instances'.
    package init(
        _ module: Module, _ ordinals: [Int: Int], tag: UInt64, imported: [rwasm_value] = []
    ) {
        var globals = imported
        func value(_ constant: Constant) -> rwasm_value {
            switch constant {
            case .bits(let low, let high): rwasm_value(low: low, high: high)
            case .null: rwasm_value()
            case .function(let index): rwasm_value(low: tag &+ UInt64(ordinals[index] ?? 0), high: 0)
            case .arithmetic(let operation, let type, let left, let right):
                rwasm_value(
                    low: operation.apply(value(left).low, value(right).low) & (type == .i32 ? 0xffff_ffff : .max),
                    high: 0)
            case .global(let index): index < globals.count ? globals[index] : rwasm_value()
            }
        }
        for global in module.globals.dropFirst(imported.count) { globals.append(value(global.initial ?? .zero)) }
        let elements = module.elements.map { segment in
            switch segment.elements {
            case .functions(let functions): functions.map { tag &+ UInt64(ordinals[Int($0)] ?? 0) }
            case .constants(let constants): constants.map { value($0).low }
            }
        }
        var tableFills: [TableFill] = []
        for (index, segment) in module.elements.enumerated() {
            guard case .active(let table, let offset) = segment.mode else { continue }
            let begin = UInt64(UInt32(truncatingIfNeeded: value(offset).low))
            tableFills.append(TableFill(table: table, offset: begin, segment: index))
        }
        var memoryFills: [MemoryFill] = []
        for segment in module.data {
            guard case .active(_, let offset) = segment.mode else { continue }
            let begin = UInt64(UInt32(truncatingIfNeeded: value(offset).low))
            memoryFills.append(MemoryFill(offset: begin, bytes: segment.bytes))
        }
        self.globals = globals
        self.elements = elements
        self.tableFills = tableFills
        self.memoryFills = memoryFills
        self.tag = tag
    }
}

/// The type of a value. Raw values are those of the binary format (section 5.3).
package enum ValueType: UInt8, Sendable, Hashable {
    case i32 = 0x7f
    case i64 = 0x7e
    case f32 = 0x7d
    case f64 = 0x7c
    case v128 = 0x7b
    case funcref = 0x70
    case externref = 0x6f
    case exnref = 0x69

    package var isReference: Bool { self == .funcref || self == .externref || self == .exnref }

    /// The letter that the table of instructions uses.
    package init?(letter: Character) {
        switch letter {
        case "i": self = .i32
        case "I": self = .i64
        case "f": self = .f32
        case "F": self = .f64
        case "v": self = .v128
        default: return nil
        }
    }
}

package struct FunctionType: Sendable, Hashable {
    package var parameters: [ValueType]
    package var results: [ValueType]

    package init(parameters: [ValueType] = [], results: [ValueType] = []) {
        (self.parameters, self.results) = (parameters, results)
    }
}

/// Sizes of a memory in pages of 64 KiB, of a table in elements.
package struct Limits: Sendable, Equatable {
    package var minimum: UInt32
    package var maximum: UInt32?

    package init(minimum: UInt32, maximum: UInt32?) {
        (self.minimum, self.maximum) = (minimum, maximum)
    }
}

package struct TableType: Sendable, Equatable {
    package var element: ValueType
    package var limits: Limits

    package init(element: ValueType, limits: Limits) {
        (self.element, self.limits) = (element, limits)
    }
}

package struct GlobalType: Sendable, Equatable {
    package var value: ValueType
    package var isMutable: Bool

    package init(value: ValueType, isMutable: Bool) {
        (self.value, self.isMutable) = (value, isMutable)
    }
}

package enum ExternalKind: UInt8, Sendable {
    case function = 0
    case table = 1
    case memory = 2
    case global = 3
    case tag = 4
}

package struct Import: Sendable {
    package var module: String
    package var name: String
    package var kind: ExternalKind
    /// Into the functions, tables, memories or globals of the module, where imported ones come first.
    package var index: Int
    /// Byte offset in the module.
    package var offset: Int
}

package struct Export: Sendable {
    package var name: String
    package var kind: ExternalKind
    package var index: Int
}

/// A constant expression (section 3.3.10).
package enum Constant: Sendable, Equatable {
    /// The bits of a number or vector.
    case bits(low: UInt64, high: UInt64)
    case null
    case function(Int)
    case global(Int)
    indirect case arithmetic(Arithmetic, ValueType, Constant, Constant)

    /// Of the proposal extended-const; raw values are the opcodes for i32, those for i64 are 0x12 higher.
    package enum Arithmetic: UInt8, Sendable {
        case add = 0x6a
        case subtract = 0x6b
        case multiply = 0x6c

        /// Wraps around in 64 bits, of which an i32 is the lower half.
        func apply(_ left: UInt64, _ right: UInt64) -> UInt64 {
            switch self {
            case .add: left &+ right
            case .subtract: left &- right
            case .multiply: left &* right
            }
        }
    }

    static let zero = Constant.bits(low: 0, high: 0)
}

/// What a segment does when the module is instantiated.
package enum SegmentMode: Sendable {
    case passive
    /// Copied to memory or table `index` at `offset`.
    case active(index: Int, offset: Constant)
    /// Only declares that its functions may be referred to.
    case declarative

    package var isPassive: Bool { if case .passive = self { true } else { false } }
}

package struct ElementSegment: Sendable {
    /// Most are lists of functions, which take a byte or two each.
    package enum Elements: Sendable {
        case functions([UInt32])
        case constants([Constant])
    }

    package var type: ValueType
    package var mode: SegmentMode
    package var elements: Elements

    package var count: Int {
        switch elements {
        case .functions(let functions): functions.count
        case .constants(let constants): constants.count
        }
    }
}

package struct DataSegment: Sendable {
    package var mode: SegmentMode
    /// Bytes of the module.
    package var bytes: Range<Int>
}

package struct Global: Sendable {
    package var type: GlobalType
    /// Nil when imported.
    package var initial: Constant?
}

/// A function's code: locals and instructions up to and with the last `end`.
package struct Body: Sendable {
    package var bytes: Range<Int>
}

/// A decoded module. Its sections are checked; its function bodies are not until a `FunctionReader` has gone through them.
package struct Module: Sendable {
    package var bytes: [UInt8] = []
    package var types: [FunctionType] = []
    package var imports: [Import] = []
    /// Type index of each function, imported ones first.
    package var functions: [Int] = []
    package var importedFunctions = 0
    package var tables: [TableType] = []
    package var importedTables = 0
    package var memories: [Limits] = []
    package var importedMemories = 0
    package var globals: [Global] = []
    package var importedGlobals = 0
    /// Type index of each tag of exceptions.
    package var tags: [Int] = []
    package var exports: [Export] = []
    package var start: Int?
    /// The exported function that a run calls; nil for the one that the module's kind has.
    package var entry: String?
    package var elements: [ElementSegment] = []
    package var data: [DataSegment] = []
    /// Whether there is a data count section, without which bodies cannot name data segments.
    var hasDataCount = false
    /// Of the functions that are not imported.
    package var bodies: [Body] = []
    /// Functions that `ref.func` may name in bodies (section 3.4.11, "refs").
    package var declared: Set<Int> = []

    package func type(ofFunction index: Int) -> FunctionType { types[functions[index]] }

    /// What an exception of a tag carries.
    func values(ofTag index: Int) -> [ValueType] { types[tags[index]].parameters }

    package func export(_ name: String, _ kind: ExternalKind) -> Int? {
        exports.first { $0.kind == kind && $0.name.utf8.elementsEqual(name.utf8) }?.index
    }
}

/// Why bytes are no valid module, and where.
package struct WasmError: Error, Sendable, Equatable {
    package enum Kind: Sendable { case malformed, invalid, unsupported }
    package var kind: Kind
    package var message: String
    /// Byte offset in the module.
    package var offset: Int

    package init(_ kind: Kind, _ message: String, at offset: Int) {
        self.kind = kind
        self.message = message
        self.offset = offset
    }
}

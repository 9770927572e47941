/// The type of a value. Raw values are those of the binary format (section 5.3).
enum ValueType: UInt8, Sendable, Hashable {
    case i32 = 0x7f
    case i64 = 0x7e
    case f32 = 0x7d
    case f64 = 0x7c
    case v128 = 0x7b
    case funcref = 0x70
    case externref = 0x6f

    var isReference: Bool { self == .funcref || self == .externref }

    /// The letter that the table of instructions uses.
    init?(letter: Character) {
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

struct FunctionType: Sendable, Hashable {
    var parameters: [ValueType] = []
    var results: [ValueType] = []
}

/// Sizes of a memory in pages of 64 KiB, of a table in elements.
struct Limits: Sendable, Equatable {
    var minimum: UInt32
    var maximum: UInt32?
}

struct TableType: Sendable, Equatable {
    var element: ValueType
    var limits: Limits
}

struct GlobalType: Sendable, Equatable {
    var value: ValueType
    var isMutable: Bool
}

enum ExternalKind: UInt8, Sendable {
    case function = 0
    case table = 1
    case memory = 2
    case global = 3
}

struct Import: Sendable {
    var module: String
    var name: String
    var kind: ExternalKind
    /// Into the functions, tables, memories or globals of the module, where imported ones come first.
    var index: Int
    /// Byte offset in the module.
    var offset: Int
}

struct Export: Sendable {
    var name: String
    var kind: ExternalKind
    var index: Int
}

/// A constant expression (section 3.3.10).
enum Constant: Sendable, Equatable {
    /// The bits of a number or vector.
    case bits(low: UInt64, high: UInt64)
    case null
    case function(Int)
    case global(Int)
    indirect case arithmetic(Arithmetic, ValueType, Constant, Constant)

    /// Of the proposal extended-const; raw values are the opcodes for i32, those for i64 are 0x12 higher.
    enum Arithmetic: UInt8, Sendable {
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
enum SegmentMode: Sendable {
    case passive
    /// Copied to memory or table `index` at `offset`.
    case active(index: Int, offset: Constant)
    /// Only declares that its functions may be referred to.
    case declarative

    var isPassive: Bool { if case .passive = self { true } else { false } }
}

struct ElementSegment: Sendable {
    /// Most are lists of functions, which take a byte or two each.
    enum Elements: Sendable {
        case functions([UInt32])
        case constants([Constant])
    }

    var type: ValueType
    var mode: SegmentMode
    var elements: Elements

    var count: Int {
        switch elements {
        case .functions(let functions): functions.count
        case .constants(let constants): constants.count
        }
    }
}

struct DataSegment: Sendable {
    var mode: SegmentMode
    /// Bytes of the module.
    var bytes: Range<Int>
}

struct Global: Sendable {
    var type: GlobalType
    /// Nil when imported.
    var initial: Constant?
}

/// A function's code: locals and instructions up to and with the last `end`.
struct Body: Sendable {
    var bytes: Range<Int>
}

/// A decoded module. Its sections are checked; its function bodies are not until a `FunctionReader` has gone through them.
struct Module: Sendable {
    var bytes: [UInt8] = []
    var types: [FunctionType] = []
    var imports: [Import] = []
    /// Type index of each function, imported ones first.
    var functions: [Int] = []
    var importedFunctions = 0
    var tables: [TableType] = []
    var importedTables = 0
    var memories: [Limits] = []
    var importedMemories = 0
    var globals: [Global] = []
    var importedGlobals = 0
    var exports: [Export] = []
    var start: Int?
    var elements: [ElementSegment] = []
    var data: [DataSegment] = []
    /// Whether there is a data count section, without which bodies cannot name data segments.
    var hasDataCount = false
    /// Of the functions that are not imported.
    var bodies: [Body] = []
    /// Functions that `ref.func` may name in bodies (section 3.4.11, "refs").
    var declared: Set<Int> = []

    func type(ofFunction index: Int) -> FunctionType { types[functions[index]] }

    func export(_ name: String, _ kind: ExternalKind) -> Int? {
        exports.first { $0.kind == kind && $0.name.utf8.elementsEqual(name.utf8) }?.index
    }
}

/// Why bytes are no valid module, and where.
struct WasmError: Error, Sendable, Equatable {
    enum Kind: Sendable { case malformed, invalid, unsupported }
    var kind: Kind
    var message: String
    /// Byte offset in the module.
    var offset: Int

    init(_ kind: Kind, _ message: String, at offset: Int) {
        self.kind = kind
        self.message = message
        self.offset = offset
    }
}

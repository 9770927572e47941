/// A numeric instruction or one that accesses memory, as the table says.
final class Operation: Sendable {
    let mnemonic: String
    let operands: [ValueType]
    let result: ValueType?
    /// The Rust expression, split at its operands.
    let expression: [Piece]
    let isCondition: Bool
    let mayTrap: Bool
    /// log2 of the natural alignment; nil when it does not access memory.
    let alignment: UInt32?
    /// How many lanes it can name one of; 0 when it names none.
    let lanes: UInt8

    enum Piece: Sendable, Equatable {
        case text(String)
        case operand(Int)
        case function
        case lane
    }

    init(
        mnemonic: String, operands: [ValueType], result: ValueType?, expression: [Piece], isCondition: Bool = false,
        mayTrap: Bool = false, alignment: UInt32? = nil, lanes: UInt8 = 0
    ) {
        self.mnemonic = mnemonic
        self.operands = operands
        self.result = result
        self.expression = expression
        self.isCondition = isCondition
        self.mayTrap = mayTrap
        self.alignment = alignment
        self.lanes = lanes
    }

    /// The name of the runtime's method.
    var method: String { String(mnemonic.map { $0 == "." ? "_" : $0 }) }
}

/// The instructions of the table by opcode.
struct Instructions: Sendable {
    static let shared = Instructions()

    private var plain = [Operation?](repeating: nil, count: 256)
    private var saturating = [Operation?](repeating: nil, count: 8)
    private var vector = [Operation?](repeating: nil, count: 256)

    /// Opcodes without a prefix that the table does not hold: control, variables, tables, constants.
    private static let others: Set<UInt8> = [
        0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11,
        0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1f, 0x20, 0x21, 0x22,
        0x23, 0x24, 0x25, 0x26, 0x3f, 0x40, 0x41, 0x42, 0x43, 0x44, 0xd0, 0xd1, 0xd2,
    ]

    private init() {
        for line in InstructionTable.numeric.split(separator: "\n") {
            let fields = line.split(separator: " ", maxSplits: 3)
            guard fields.count == 4, let opcode = Int(fields[0], radix: 16) else { continue }
            let operation = Self.numeric(String(fields[1]), fields[2], fields[3])
            if opcode >= 0xfc00 { saturating[opcode & 0xff] = operation } else { plain[opcode] = operation }
        }
        for line in InstructionTable.memory.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count == 4, let opcode = Int(fields[0], radix: 16) else { continue }
            plain[opcode] = Self.access(String(fields[1]), fields[2], fields[3])
        }
        for line in VectorTable.numeric.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 3, let opcode = Int(fields[0], radix: 16) else { continue }
            vector[opcode] = Self.vector(String(fields[1]), fields[2], lanes: fields.dropFirst(3).first)
        }
        for line in VectorTable.memory.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 3, let opcode = Int(fields[0], radix: 16) else { continue }
            vector[opcode] = Self.vectorAccess(String(fields[1]), fields[2], lanes: fields.dropFirst(3).first)
        }
    }

    private static func numeric(
        _ mnemonic: String, _ types: Substring, _ expression: Substring, _ lanes: Substring? = nil
    ) -> Operation {
        let halves = types.split(separator: ":")
        let isCondition = expression.hasPrefix("?")
        let mayTrap = expression.hasPrefix("!")
        return Operation(
            mnemonic: mnemonic, operands: halves[0].compactMap(ValueType.init(letter:)),
            result: halves[1].first.flatMap(ValueType.init(letter:)),
            expression: pieces(isCondition || mayTrap ? expression.dropFirst() : expression), isCondition: isCondition,
            mayTrap: mayTrap, lanes: lanes.flatMap { UInt8($0) } ?? 0)
    }

    private static func access(_ mnemonic: String, _ type: Substring, _ alignment: Substring) -> Operation {
        let value = type.first.flatMap(ValueType.init(letter:))
        let isStore = mnemonic.contains(".store")
        return Operation(
            mnemonic: mnemonic, operands: isStore ? [.i32] + [value].compactMap { $0 } : [.i32],
            result: isStore ? nil : value, expression: [], mayTrap: true, alignment: UInt32(alignment))
    }

    /// The runtime's function of the same name, with its lane as a generic argument.
    private static func vector(_ mnemonic: String, _ types: Substring, lanes: Substring?) -> Operation {
        let count = types.prefix { $0 != ":" }.count
        let arguments = (0..<count).map { "$\($0)" }.joined(separator: ", ")
        let name = mnemonic.replacing(".", with: "_")
        return numeric(mnemonic, types, Substring("\(name)\(lanes == nil ? "" : "::<$L>")(\(arguments))"), lanes)
    }

    private static func vectorAccess(_ mnemonic: String, _ alignment: Substring, lanes: Substring?) -> Operation {
        let isStore = mnemonic.contains(".store")
        return Operation(
            mnemonic: mnemonic, operands: isStore || lanes != nil ? [.i32, .v128] : [.i32],
            result: isStore ? nil : .v128, expression: [], mayTrap: true, alignment: UInt32(alignment),
            lanes: lanes.flatMap { UInt8($0) } ?? 0)
    }

    private static func pieces(_ expression: Substring) -> [Operation.Piece] {
        var pieces: [Operation.Piece] = []
        var text = ""
        var rest = expression
        while let character = rest.popFirst() {
            guard character == "$", let name = rest.popFirst() else {
                text.append(character)
                continue
            }
            if !text.isEmpty { pieces.append(.text(text)) }
            text = ""
            pieces.append(name.wholeNumberValue.map { .operand($0) } ?? (name == "L" ? .lane : .function))
        }
        if !text.isEmpty { pieces.append(.text(text)) }
        return pieces
    }

    func plain(_ opcode: UInt8) -> Operation? { plain[Int(opcode)] }

    func saturating(_ opcode: UInt32) -> Operation? { opcode < 8 ? saturating[Int(opcode)] : nil }

    func vector(_ opcode: UInt32) -> Operation? { opcode < 256 ? vector[Int(opcode)] : nil }

    /// Whether the byte begins an instruction of the supported proposals.
    func isDefined(_ opcode: UInt8) -> Bool {
        plain[Int(opcode)] != nil || Self.others.contains(opcode) || opcode == 0xfc || opcode == 0xfd
    }
}

import PluginABI
import PluginKit

/// One instruction; `a`, `b` and `c` are registers.
struct Instruction {
    enum Operation: String, CaseIterable {
        case set, add, sub, load, store, loadb, storeb, jump, trap, exit

        /// What its line holds: r a register, n a number.
        var operands: String {
            switch self {
            case .set, .jump: "rn"
            case .add, .sub: "rrr"
            case .load, .store, .loadb, .storeb: "rrn"
            case .trap: "n"
            case .exit: "r"
            }
        }
    }

    var operation: Operation
    var a = 0
    var b = 0
    var c = 0
    var number: Int64 = 0

    static let registers = 16

    /// Reads a line; nil when it is nonsense.
    init?(_ words: [Substring]) {
        guard let name = words.first, let operation = Operation(rawValue: String(name)),
            words.count == operation.operands.count + 1
        else { return nil }
        self.operation = operation
        var registers: [Int] = []
        for (word, kind) in zip(words.dropFirst(), operation.operands) {
            if kind == "n" {
                guard let number = Self.number(word) else { return nil }
                self.number = number
            } else {
                guard word.first == "r", let index = Int(word.dropFirst()), (0..<Self.registers).contains(index) else {
                    return nil
                }
                registers.append(index)
            }
        }
        registers += [0, 0, 0]
        (a, b, c) = (registers[0], registers[1], registers[2])
    }

    private static func number(_ word: Substring) -> Int64? {
        word.hasPrefix("0x") ? Int64(word.dropFirst(2), radix: 16) : Int64(word)
    }
}

/// A parsed image of the text format "tiny 1", described in README.md. Many contexts on many threads may run it.
final class Image: ComputeImage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init.
    let code: [Instruction]

    private static let magic = "tiny 1\n"
    private static let longest = 1 << 20

    /// - Throws: DN_UNSUPPORTED for another format, DN_BAD_IMAGE with the byte offset of the bad line.
    init(_ bytes: UnsafeRawBufferPointer) throws(PluginError) {
        guard bytes.starts(with: Self.magic.utf8) else {
            throw PluginError(DN_UNSUPPORTED, "does not begin with the line 'tiny 1'")
        }
        guard bytes.count <= Self.longest else { throw PluginError(DN_BAD_IMAGE, "is larger than 1 MiB") }
        var code: [(at: Int, instruction: Instruction)] = []
        var at = Self.magic.utf8.count
        while true {
            guard let end = bytes[at...].firstIndex(of: UInt8(ascii: "\n")) else {
                throw PluginError(DN_BAD_IMAGE, "does not end with the line 'end'", at: UInt64(at))
            }
            let words = String(decoding: bytes[at..<end], as: UTF8.self).split(separator: " ")
            if words == ["end"] {
                at = end + 1
                break
            }
            if let first = words.first, first.first != "#" {
                guard let instruction = Instruction(words) else {
                    throw PluginError(
                        DN_BAD_IMAGE, "is no instruction that this backend knows", at: UInt64(at))
                }
                code.append((at, instruction))
            }
            at = end + 1
        }
        guard at == bytes.count else {
            throw PluginError(DN_BAD_IMAGE, "goes on after the line 'end'", at: UInt64(at))
        }
        for (at, one) in code where one.operation == .jump {
            guard one.number >= 0, one.number < code.count else {
                throw PluginError(DN_BAD_IMAGE, "jumps to an instruction that does not exist", at: UInt64(at))
            }
        }
        self.code = code.map(\.instruction)
    }

    override var info: dn_image_info {
        var info = dn_image_info()
        info.pointer_bytes = 8
        info.system_data = Layout.systemData
        info.data_begin = Layout.dataBegin
        info.context_min = Layout.smallestContext
        info.resident_bytes = UInt64(code.count * MemoryLayout<Instruction>.stride)
        return info
    }
}

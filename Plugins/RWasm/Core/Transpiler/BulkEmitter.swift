/// Reference, table and bulk memory instructions.
extension FunctionEmitter {
    mutating func bulk(_ instruction: Instruction) {
        switch instruction {
        case .refNull(let type): push(Operand(text: type == .exnref ? "X::NONE" : "0u64", type: type, isLasting: true))
        case .refIsNull:
            let value = pop()
            let bits = value.text + (value.type == .exnref ? ".tag" : "")
            push(
                Operand(
                    text: "((\(bits) == 0) as i32)", condition: "(\(bits) == 0)", type: .i32,
                    locals: value.locals, weight: value.weight + 1))
        case .refFunc(let index): bind(plan.reference(to: index), .funcref)
        case .memorySize: bind("c.mem.size()", .i32)
        case .memoryGrow:
            bind("c.mem.grow(\(pop().text))", .i32)
            renewMemory()
        case .memoryFill: statement("c.mem.fill", 3)
        case .memoryCopy: statement("c.mem.copy", 3)
        case .memoryInit(let segment): statement("c.env.memory_init", 3, leading: ["\(segment)"])
        case .dataDrop(let segment): text += "c.env.data_drop(\(segment));\n"
        default: table(instruction)
        }
    }

    private mutating func table(_ instruction: Instruction) {
        switch instruction {
        case .tableGet(let table):
            bind("c.t\(table).get(\(pop().text), \(function))", plan.module.tables[table].element)
        case .tableSet(let table): statement("c.t\(table).set", 2)
        case .tableSize(let table): bind("c.t\(table).size()", .i32)
        case .tableGrow(let table):
            let arguments = pop(2)
            bind("c.t\(table).grow(\(arguments[0].text), \(arguments[1].text))", .i32)
        case .tableFill(let table): statement("c.t\(table).fill", 3)
        case .tableCopy(let to, let from):
            let arguments = pop(3)
            text += "c.t\(to).copy(\(arguments[0].text), c.t\(from), \(arguments[1].text), \(arguments[2].text), "
            text += "\(function));\n"
        case .tableInit(let table, let segment):
            statement("c.env.table_init", 3, leading: ["c.t\(table)", "\(segment)"])
        case .elementDrop(let segment): text += "c.env.element_drop(\(segment));\n"
        default: break
        }
    }

    /// A call without result, which is told the function's index for its traps.
    private mutating func statement(_ callee: String, _ count: Int, leading: [String] = []) {
        let arguments = leading + pop(count).map(\.text) + ["\(function)"]
        text += "\(callee)(\(arguments.joined(separator: ", ")));\n"
    }
}

/// Writes one function as Rust.
///
/// Blocks become `loop`s that are left by `break` (labels on blocks need Rust 1.65), so structured control flow stays
/// what it is. Values without effects are kept as expressions until they are used; before a local that they read
/// changes, and where blocks begin, they are bound to a name.
struct FunctionEmitter: FunctionSink {
    enum Kind { case function, block, loop, `if`, `else` }

    struct Frame {
        var kind: Kind
        var type: FunctionType
        /// Names its label and, in a loop, its parameters.
        var id: Int
        /// Names of its results.
        var results: [String]
        /// Operands below it.
        var height: Int
        /// Names of an `if`'s parameters, for its else.
        var parameters: [Operand] = []
    }

    let plan: ModulePlan
    let function: Int
    let part: Int
    /// The body; all of the function when it is complete.
    var text = ""
    private var head = ""
    var size: Int { text.utf8.count }
    /// Whether a local is named: the others are not declared, as there may be far more of them than code.
    private var isNamed: [Bool] = []
    /// Whether `m` is named, a copy of the instance's memory: what does not change is not loaded again after each store.
    private var namesMemory = false
    var operands: [Operand] = []
    var frames: [Frame] = []
    private var nextName = 0
    /// Operands below are names or constants that no assignment changes.
    private var settled = 0
    /// Blocks opened since code became unreachable; nil while it is reachable.
    private var deadBlocks: Int?

    static let heaviest = 24
    static let mostPending = 32

    init(plan: ModulePlan, function: Int, part: Int) {
        self.plan = plan
        self.function = function
        self.part = part
    }

    mutating func begin(locals: [ValueType]) {
        let type = plan.module.type(ofFunction: function)
        let parameters = type.parameters.enumerated().map { ", mut l\($0.offset): \($0.element.rust)" }.joined()
        head = plan.inlines ? "" : "#[inline(never)] "
        head += "pub fn f\(function)(c: &mut I\(parameters)) -> \(type.results.rust) {\n"
        self.locals = locals
        isNamed = [Bool](repeating: false, count: locals.count)
        frames.append(
            Frame(
                kind: .function, type: FunctionType(parameters: [], results: type.results), id: 0, results: [],
                height: 0))
    }

    /// Comes after what may have grown the memory.
    mutating func renewMemory() {
        guard plan.copiesMemory else { return }
        namesMemory = true
        text += "m = m.renewed(&c.mem);\n"
    }

    /// The function is complete.
    mutating func finish() {
        let parameters = plan.module.type(ofFunction: function).parameters.count
        for (index, local) in locals.enumerated().dropFirst(parameters) where isNamed[index] {
            head += "let mut l\(index): \(local.rust) = \(local.zero);\n"
        }
        text = head + (namesMemory ? "let mut m = c.mem;\n" : "") + text
    }

    private(set) var locals: [ValueType] = []

    mutating func take(_ instruction: Instruction) {
        if let deadBlocks {
            skip(instruction, deadBlocks)
            return
        }
        switch instruction {
        case .operation(let operation, let lane): emit(operation, lane)
        case .access(let operation, let offset, let lane): emit(operation, offset: offset, lane)
        case .constant(let type, let low, let high): push(Operand(constant: type, low, high))
        case .shuffle(let low, let high): shuffle(low, high)
        case .nop: break
        case .drop: _ = pop()
        case .select: select()
        case .localGet(let index): get(index)
        case .localSet(let index): set(index)
        case .localTee(let index):
            set(index)
            get(index)
        case .globalGet(let index): bind(plan.read(global: index), plan.module.globals[index].type.value)
        case .globalSet(let index): text += plan.write(global: index, value: pop().text) + ";\n"
        case .block, .loop, .if, .else, .end, .br, .brIf, .brTable, .return, .unreachable: control(instruction)
        case .call(let callee):
            call(plan.callee(callee, from: part), plan.module.type(ofFunction: callee), leading: [])
        case .callIndirect(let type, let table):
            let index = pop()
            let element = newName()
            text += "let \(element) = c.t\(table).get(\(index.text), \(function));\n"
            call("k\(plan.canonical[type])", plan.module.types[type], leading: [element, "\(function)"])
        default: bulk(instruction)
        }
    }

    /// Code that cannot be reached is left out, but its blocks are counted to find where it ends.
    private mutating func skip(_ instruction: Instruction, _ depth: Int) {
        switch instruction {
        case .block, .loop, .if: deadBlocks = depth + 1
        case .end where depth > 0: deadBlocks = depth - 1
        case .else where depth == 0, .end where depth == 0: control(instruction)
        default: break
        }
    }

    var isDead: Bool { deadBlocks != nil }

    mutating func die() {
        deadBlocks = 0
        if let frame = frames.last, operands.count > frame.height {
            operands.removeLast(operands.count - frame.height)
        }
    }

    mutating func revive() { deadBlocks = nil }

    // MARK: Operands

    mutating func pop() -> Operand {
        // The validator has seen to it that there is one; the other value is never used.
        let operand = operands.popLast() ?? Operand(text: "0", type: .i32)
        settled = min(settled, operands.count)
        return operand
    }

    mutating func pop(_ count: Int) -> [Operand] {
        let popped = Array(operands.suffix(count))
        operands.removeLast(popped.count)
        settled = min(settled, operands.count)
        return popped
    }

    mutating func push(_ operand: Operand) {
        operands.append(operand)
        if operand.weight > Self.heaviest { settle(operands.count - 1) }
        if operands.count - settled > Self.mostPending { settleAll() }
    }

    mutating func newName() -> String {
        nextName += 1
        return "t\(nextName)"
    }

    mutating func newID() -> Int {
        nextName += 1
        return nextName
    }

    /// Binds the value of an expression with effects to a name, and pushes that.
    mutating func bind(_ expression: String, _ type: ValueType) {
        let name = newName()
        text += "let \(name): \(type.rust) = \(expression);\n"
        push(Operand(text: name, type: type))
    }

    /// Binds operand `index` to a name, unless it is one.
    mutating func settle(_ index: Int) {
        let operand = operands[index]
        guard operand.weight > 0 || !operand.locals.isEmpty else { return }
        let name = newName()
        text += "let \(name): \(operand.type.rust) = \(operand.text);\n"
        operands[index] = Operand(text: name, type: operand.type)
    }

    mutating func settleAll() {
        for index in settled..<operands.count { settle(index) }
        settled = operands.count
    }

    private mutating func get(_ local: Int) {
        isNamed[local] = true
        push(Operand(text: "l\(local)", type: locals[local], locals: [local]))
    }

    private mutating func set(_ local: Int) {
        isNamed[local] = true
        let value = pop()
        for index in settled..<operands.count where operands[index].locals.contains(local) { settle(index) }
        if value.text != "l\(local)" { text += "l\(local) = \(value.text);\n" }
    }

    // MARK: Plain instructions

    private mutating func emit(_ operation: Operation, _ lane: UInt8) {
        let arguments = pop(operation.operands.count)
        var expression = ""
        var locals: [Int] = []
        var weight = 1
        for piece in operation.expression {
            switch piece {
            case .text(let part): expression += part
            case .function: expression += "\(function)"
            case .lane: expression += "\(lane)"
            case .operand(let index): expression += Self.operand(arguments[index], of: operation)
            }
        }
        for argument in arguments {
            weight += argument.weight
            for local in argument.locals where !locals.contains(local) { locals.append(local) }
        }
        guard let type = operation.result else { return }
        if operation.mayTrap { return bind(expression, type) }
        var result = Operand(text: "(\(expression))", type: type, locals: locals, weight: weight)
        if operation.isCondition {
            result.condition = result.text
            result.text += " as i32"
            result.text = "(\(result.text))"
        }
        push(result)
    }

    /// An operand's text; in float arithmetic, one that the optimiser cannot fold away.
    private static func operand(_ operand: Operand, of operation: Operation) -> String {
        operand.isNeutral && operation.result == operand.type && operation.mnemonic.hasPrefix("f")
            ? "opaque_\(operand.type.conversion)(\(operand.text))" : operand.text
    }

    private mutating func shuffle(_ low: UInt64, _ high: UInt64) {
        let values = pop(2)
        push(
            Operand(
                text: "i8x16_shuffle(\(values[0].text), \(values[1].text), V128::new(\(low), \(high)))", type: .v128,
                locals: values[0].locals + values[1].locals, weight: 1 + values[0].weight + values[1].weight))
    }

    private mutating func emit(_ operation: Operation, offset: UInt32, _ lane: UInt8) {
        let arguments = pop(operation.operands.count)
        let values = ([arguments[0].text, "\(offset)"] + arguments.dropFirst().map(\.text)).joined(separator: ", ")
        let lane = operation.lanes > 0 ? "::<\(lane)>" : ""
        let memory = plan.copiesMemory ? "m" : "c.mem"
        if plan.copiesMemory { namesMemory = true }
        let expression = "\(memory).\(operation.method)\(lane)(\(values))"
        if let type = operation.result { bind(expression, type) } else { text += expression + ";\n" }
    }

    private mutating func select() {
        let condition = pop()
        let values = pop(2)
        push(
            Operand(
                text: "(if \(condition.truth) { \(values[0].text) } else { \(values[1].text) })", type: values[0].type,
                locals: condition.locals + values[0].locals + values[1].locals,
                weight: 1 + condition.weight + values[0].weight + values[1].weight))
    }

    private mutating func call(_ callee: String, _ type: FunctionType, leading: [String]) {
        let arguments = (["c"] + leading + pop(type.parameters.count).map(\.text)).joined(separator: ", ")
        let names = type.results.map { _ in newName() }
        text += (names.isEmpty ? "" : "let \(tuple(names)) = ") + "\(callee)(\(arguments));\nhere();\n"
        renewMemory()
        for (name, type) in zip(names, type.results) { push(Operand(text: name, type: type)) }
    }
}

/// Writes one function as Rust.
///
/// Blocks become `loop`s that are left by `break` (labels on blocks need Rust 1.65), so structured control flow stays
/// what it is. Values without effects are kept as expressions until they are used; before a local that they read
/// changes, and where blocks begin, they are bound to a name.
struct FunctionEmitter: FunctionSink {
    enum Kind { case function, block, loop, `if`, `else`, `try`, `catch`, catchAll, tryTable }

    struct Frame {
        var kind: Kind
        var type: FunctionType
        /// Names its label and, in a loop, its parameters.
        var id: Int
        /// Names of its results.
        var results: [String] = []
        /// Operands below it.
        var height: Int
        /// Names of an `if`'s parameters, for its else.
        var parameters: [Operand] = []
        /// Of a `try_table`.
        var clauses: [Catch] = []
        /// In a handler of a `try`, what it caught.
        var caught = ""
        /// Of a `try`: the number of blocks around the one to which exceptions go, with it; nil when it is the next one.
        var target: Int?
        /// Of a block that is taken apart: where it ends, and where else it is entered, which is the beginning of a loop, the
        /// alternative of an `if`, or handlers.
        var arm: Int?
        var other = 0
    }

    let plan: ModulePlan
    let function: Int
    let part: Int
    /// The body; all of the function when it is complete.
    var text = ""
    private var head = ""
    var size: Int { armBytes + text.utf8.count }
    /// How deep its blocks are nested.
    private(set) var nesting = Nesting()
    /// Of a function that is taken apart: what an earlier reading found, and how many blocks have begun.
    let known: Nesting?
    private var begun = 0
    /// Its finished arms, the number of the one at hand, and the variables that all see.
    var arms = [""]
    var arm = 0
    var armBytes = 0
    var places: [String: ValueType] = [:]
    /// Whether groups of arms are functions, which come behind this one, and where their variables are.
    let isOutlined: Bool
    var tail = ""
    var scope: String { isOutlined ? "v." : "" }
    /// Operands below are seen by all arms.
    var lasting = 0
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

    /// `known` is the function's nesting when its blocks have to be taken apart.
    init(plan: ModulePlan, function: Int, part: Int, known: Nesting? = nil) {
        (self.plan, self.function, self.part, self.known) = (plan, function, part, known)
        isOutlined = known?.isOutlined ?? false
    }

    /// Whether the block that begins at this instruction is taken apart.
    var isDeep: Bool { known.map { $0.heights[begun - 1] >= Nesting.mostKept } ?? false }

    mutating func begin(locals: [ValueType]) {
        let type = plan.module.type(ofFunction: function)
        let parameters = type.parameters.enumerated().map { ", mut l\($0.offset): \($0.element.rust)" }.joined()
        head = plan.inlines ? "" : "#[inline(never)] "
        head += "pub fn f\(function)(c: &mut I\(parameters)) -> \(type.results.rust) {\n"
        self.locals = locals
        isNamed = [Bool](repeating: false, count: locals.count)
        frames.append(
            Frame(
                kind: .function, type: FunctionType(parameters: [], results: type.results), id: 0, height: 0))
    }

    /// Comes after what may have grown the memory.
    mutating func renewMemory() {
        guard plan.copiesMemory else { return }
        namesMemory = true
        text += "m = m.renewed(&c.mem);\n"
    }

    /// The function is complete.
    mutating func finish() {
        if known != nil { assembleArms() }
        guard !isOutlined else {
            text = head + text + "}\n" + tail
            return
        }
        for local in variablesInUse where local >= parameterCount {
            head += "let mut l\(local): \(locals[local].rust) = \(locals[local].zero);\n"
        }
        text = head + memoryCopy + text + "}\n"
    }

    var parameterCount: Int { plan.module.type(ofFunction: function).parameters.count }
    /// Parameters, and other locals that are named.
    var variablesInUse: [Int] { locals.indices.filter { $0 < parameterCount || isNamed[$0] } }
    var memoryCopy: String { namesMemory ? "let mut m = c.mem;\n" : "" }

    private(set) var locals: [ValueType] = []

    mutating func take(_ instruction: Instruction) {
        nesting.take(instruction)
        if instruction.opensBlock { begun += 1 }
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
        case .block, .loop, .if, .else, .end, .br, .brIf, .brTable, .return, .unreachable, .try, .tryTable, .catch,
            .catchAll,
            .delegate, .rethrow, .throw, .throwRef:
            control(instruction)
        case .call(let callee):
            call(plan.callee(callee, from: part), plan.module.type(ofFunction: callee), leading: [])
            if plan.throwing.contains(callee) { passOn() }
        case .callIndirect(let type, let table):
            let index = pop()
            let element = newName()
            text += "let \(element) = c.t\(table).get(\(index.text), \(function));\n"
            call("k\(plan.canonical[type])", plan.module.types[type], leading: [element, "\(function)"])
            if plan.throwingTypes.contains(plan.canonical[type]) { passOn() }
        default: bulk(instruction)
        }
    }

    /// Code that cannot be reached is left out, but its blocks are counted to find where it ends.
    private mutating func skip(_ instruction: Instruction, _ depth: Int) {
        switch instruction {
        case .block, .loop, .if, .try, .tryTable: deadBlocks = depth + 1
        case .end where depth > 0, .delegate where depth > 0: deadBlocks = depth - 1
        case .else where depth == 0, .end where depth == 0, .catch where depth == 0, .catchAll where depth == 0,
            .delegate where depth == 0:
            control(instruction)
        default: break
        }
    }

    var isDead: Bool { deadBlocks != nil }

    mutating func die() {
        deadBlocks = 0
        if let frame = frames.last, operands.count > frame.height {
            operands.removeLast(operands.count - frame.height)
            settled = min(settled, operands.count)
            lasting = min(lasting, operands.count)
        }
    }

    mutating func revive() { deadBlocks = nil }

    // MARK: Operands

    mutating func pop() -> Operand {
        // The validator has seen to it that there is one; the other value is never used.
        let operand = operands.popLast() ?? Operand(text: "0", type: .i32)
        settled = min(settled, operands.count)
        lasting = min(lasting, operands.count)
        return operand
    }

    mutating func pop(_ count: Int) -> [Operand] {
        let popped = Array(operands.suffix(count))
        operands.removeLast(popped.count)
        settled = min(settled, operands.count)
        lasting = min(lasting, operands.count)
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
        push(Operand(text: "\(scope)l\(local)", type: locals[local], locals: [local]))
    }

    private mutating func set(_ local: Int) {
        isNamed[local] = true
        let value = pop()
        for index in settled..<operands.count where operands[index].locals.contains(local) { settle(index) }
        let name = "\(scope)l\(local)"
        if value.text != name { text += "\(name) = \(value.text);\n" }
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

/// Structured control flow.
extension FunctionEmitter {
    mutating func control(_ instruction: Instruction) {
        switch instruction {
        case .block(let type): open(.block, type)
        case .loop(let type): open(.loop, type)
        case .if(let type): open(.if, type)
        case .else: alternative()
        case .end: close()
        case .br(let depth):
            text += jump(depth)
            die()
        case .brIf(let depth): branchIf(depth)
        case .brTable(let depths, let fallback): branchTable(depths, fallback)
        case .return:
            text += jump(frames.count - 1)
            die()
        case .unreachable:
            text += "trap(UNREACHABLE, \(function));\n"
            die()
        default: exception(instruction)
        }
    }

    mutating func open(_ kind: Kind, _ type: FunctionType, _ clauses: [Catch] = []) {
        let condition = kind == .if ? pop().truth : ""
        var frame = Frame(
            kind: kind, type: type, id: newID(), height: operands.count - type.parameters.count, clauses: clauses)
        if isDeep { return openDeep(frame, condition) }
        // The condition is evaluated after these names are bound; that changes nothing, for neither has effects.
        settleAll()
        frame.results = type.results.map { _ in newName() }
        let parameters = kind == .loop || kind == .if ? pop(type.parameters.count) : []
        frame.parameters = parameters
        if kind == .loop {
            for (index, parameter) in parameters.enumerated() {
                text += "let mut p\(frame.id)_\(index): \(parameter.type.rust) = \(parameter.text);\n"
            }
        }
        if !frame.results.isEmpty { text += "let \(tuple(frame.results)): \(type.results.rust) = " }
        text += "'b\(frame.id): loop {\n"
        switch kind {
        case .loop:
            for (index, parameter) in parameters.enumerated() { bind("p\(frame.id)_\(index)", parameter.type) }
        case .if:
            text += "if \(condition) {\n"
            for parameter in parameters { push(parameter) }
        case .try, .tryTable: text += "'u\(frame.id): loop {\n"
        default: break
        }
        frames.append(frame)
    }

    private mutating func alternative() {
        guard var frame = frames.last else { return }
        if !isDead { text += jump(0) }
        if frame.arm == nil { text += "} else {\n" } else { begin(arm: frame.other) }
        revive()
        _ = pop(operands.count - frame.height)
        for parameter in frame.parameters { push(parameter) }
        frame.kind = .else
        frames[frames.count - 1] = frame
    }

    private mutating func close() {
        guard let frame = frames.last else { return }
        // Falling out of a loop leaves it with its results, unlike a branch to it.
        if !isDead { text += frame.kind == .function ? jump(0) : leave(frame) }
        frames.removeLast()
        if frame.kind == .function { return finish() }
        closeHandlers(of: frame)
        if frame.arm != nil { return closeDeep(frame) }
        if frame.kind == .if {
            let values = frame.parameters.map(\.text)
            text += "} else {\nbreak 'b\(frame.id)\(values.isEmpty ? "" : " " + tuple(values));\n"
        }
        if frame.kind == .if || frame.kind == .else { text += "}\n" }
        text += "};\n"
        revive()
        _ = pop(operands.count - frame.height)
        for (name, type) in zip(frame.results, frame.type.results) { push(Operand(text: name, type: type)) }
    }

    /// Leaves a block with the operands on top as results.
    func leave(_ frame: Frame) -> String {
        if let arm = frame.arm { return go(to: arm, at: frame.height, frame.type.results.count) }
        let values = operands.suffix(frame.type.results.count).map(\.text)
        return "break 'b\(frame.id)\(values.isEmpty ? "" : " " + tuple(values));\n"
    }

    /// A branch with the operands on top, which stay.
    func jump(_ depth: Int) -> String {
        let frame = frames[frames.count - 1 - depth]
        switch frame.kind {
        case .function:
            let values = operands.suffix(frame.type.results.count).map(\.text)
            return giving(Array(values))
        case .loop where frame.arm != nil: return go(to: frame.other, at: frame.height, frame.type.parameters.count)
        case .loop:
            let values = operands.suffix(frame.type.parameters.count)
            let moves = values.enumerated().map { "p\(frame.id)_\($0.offset) = \($0.element.text);\n" }
            return moves.joined() + "continue 'b\(frame.id);\n"
        default: return leave(frame)
        }
    }

    /// The compiler compares the cases of a match with each other; longer tables stay tables.
    private static let longestMatch = 1024

    private func labelCount(_ depth: Int) -> Int {
        let frame = frames[frames.count - 1 - depth]
        return frame.kind == .loop ? frame.type.parameters.count : frame.type.results.count
    }

    private mutating func branchIf(_ depth: Int) {
        let condition = pop()
        for index in (operands.count - labelCount(depth))..<operands.count { settle(index) }
        text += "if \(condition.truth) {\n\(jump(depth))}\n"
    }

    private mutating func branchTable(_ depths: [Int], _ fallback: Int) {
        let index = pop()
        for operand in (operands.count - labelCount(fallback))..<operands.count { settle(operand) }
        if branchByArms(depths, fallback, index) { return die() }
        var cases: [Int: [String]] = [:]
        if depths.count > Self.longestMatch {
            let places = Dictionary(uniqueKeysWithValues: Set(depths).sorted().enumerated().map { ($1, $0) })
            for (depth, place) in places where depth != fallback { cases[depth] = ["\(place)"] }
            let rows = depths.map { "\(places[$0] ?? 0)" }.joined(separator: ", ")
            text += "{\nstatic TABLE: [u32; \(depths.count)] = [\(rows)];\n"
            text += "match TABLE.get(\(index.text) as u32 as usize).copied().unwrap_or(u32::MAX) {\n"
        } else {
            for (number, depth) in depths.enumerated() where depth != fallback {
                cases[depth, default: []].append("\(number)")
            }
            text += "match \(index.text) as u32 {\n"
        }
        for (depth, numbers) in cases.sorted(by: { $0.key < $1.key }) {
            text += "\(numbers.joined(separator: " | ")) => {\n\(jump(depth))}\n"
        }
        text += "_ => {\n\(jump(fallback))}\n}\n"
        if depths.count > Self.longestMatch { text += "}\n" }
        die()
    }
}

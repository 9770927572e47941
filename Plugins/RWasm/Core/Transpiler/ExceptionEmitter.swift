/// Exceptions. One that is under way lies in the instance, as `c.x`, whose tag is then not 0; whoever calls a function that
/// may throw looks there after each call, and goes to the next handler or returns.
///
/// The body of a block with handlers is a loop `'u` within the block's own, which an exception breaks.
extension FunctionEmitter {
    mutating func exception(_ instruction: Instruction) {
        switch instruction {
        case .try(let type): open(.try, type)
        case .tryTable(let type, let clauses): open(.tryTable, type, clauses)
        case .catch(let tag): handler(tag)
        case .catchAll: handler(nil)
        case .delegate(let depth): delegate(depth)
        case .rethrow(let depth):
            raise("c.x = \(frames[frames.count - 1 - depth].caught);\n")
        case .throw(let tag): `throw`(tag)
        default:
            settle(operands.count - 1)
            let exception = pop().text
            raise("if \(exception).tag == 0 {\ntrap(NULL_EXCEPTION, \(function))\n}\nc.x = \(exception);\n")
        }
    }

    private mutating func `throw`(_ tag: Int) {
        let types = plan.module.values(ofTag: tag)
        var statements = "c.x.tag = \(tag + 1);\n"
        for (index, value) in pop(types.count).enumerated() {
            statements += "c.x.v[\(index)] = \(value.type.boxed(value.text));\n"
        }
        raise(statements)
    }

    private mutating func raise(_ statements: String) {
        text += statements + unwind()
        die()
    }

    /// Comes after a call of what may throw.
    mutating func passOn() {
        text += "if c.x.tag != 0 {\n\(unwind())}\n"
    }

    /// Goes to the innermost handlers that `frames` below `count` have, or to the caller.
    func unwind(from count: Int? = nil) -> String {
        let outer = frames.prefix(count ?? frames.count)
        guard let frame = outer.last(where: { $0.kind == .try || $0.kind == .tryTable }) else {
            return giving(nil)
        }
        return frame.arm == nil ? "break 'u\(frame.id);\n" : go(to: frame.other)
    }

    // MARK: The legacy form

    /// Ends the body or the handler at hand, and begins one for `tag`; nil catches all.
    private mutating func handler(_ tag: Int?) {
        guard var frame = frames.last else { return }
        if !isDead { text += leave(frame) }
        revive()
        _ = pop(operands.count - frame.height)
        let condition = tag.map { "c.x.tag == \($0 + 1)" }
        frame.caught = "e\(newID())"
        if frame.arm == nil {
            text += "}\n\(condition.map { "if \($0) " } ?? ""){\nlet \(frame.caught) = c.x;\nc.x.tag = 0;\n"
        } else {
            begin(arm: frame.other)
            places[frame.caught] = .exnref
            frame.caught = scope + frame.caught
            if let condition {
                frame.other = newArm()
                text += "if !(\(condition)) {\n\(go(to: frame.other))}\n"
            }
            text += "\(frame.caught) = c.x;\nc.x.tag = 0;\n"
        }
        frame.kind = tag == nil ? .catchAll : .catch
        frames[frames.count - 1] = frame
        if let tag { pushValues(of: tag, in: frame.caught) }
    }

    private mutating func pushValues(of tag: Int, in exception: String) {
        for (index, type) in plan.module.values(ofTag: tag).enumerated() {
            bind(type.unboxed("\(exception).v[\(index)]"), type)
        }
    }

    /// Ends a `try` whose exceptions go to the handlers of an outer block.
    private mutating func delegate(_ depth: Int) {
        guard var frame = frames.last else { return }
        frame.target = frames.count - 1 - depth
        frames[frames.count - 1] = frame
        control(.end)
    }

    // MARK: The end of a block with handlers

    /// Writes what is still to come of the handlers of `frame`, which has been taken off.
    mutating func closeHandlers(of frame: Frame) {
        switch frame.kind {
        case .try, .tryTable:
            if frame.arm == nil { text += "}\n" } else { begin(arm: frame.other) }
            revive()
            _ = pop(operands.count - frame.height)
            for clause in frame.clauses { take(clause) }
            text += unwind(from: frame.target)
        case .catch:
            if frame.arm == nil { text += "}\n" } else { begin(arm: frame.other) }
            text += unwind()
        case .catchAll: if frame.arm == nil { text += "}\n" }
        default: break
        }
    }

    private mutating func take(_ clause: Catch) {
        let caught = "e\(newID())"
        text += clause.tag.map { "if c.x.tag == \($0 + 1) " } ?? ""
        text += "{\nlet \(caught) = c.x;\nc.x.tag = 0;\n"
        let count = operands.count
        if let tag = clause.tag { pushValues(of: tag, in: caught) }
        if clause.givesReference { push(Operand(text: caught, type: .exnref)) }
        text += jump(clause.depth) + "}\n"
        _ = pop(operands.count - count)
    }
}

extension ValueType {
    /// A value of this type as the runtime's Value. Exceptions are never in one.
    func boxed(_ text: String) -> String { self == .exnref ? "Value::ZERO" : "Value::from_\(conversion)(\(text))" }

    /// A runtime's Value as one of this type.
    func unboxed(_ text: String) -> String { self == .exnref ? "X::NONE" : "\(text).\(conversion)()" }
}

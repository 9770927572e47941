/// Blocks that are nested deeper than the compiler takes in good time, which needs the square of their depth.
///
/// The outer ones of such a function, of which each holds many others, are taken apart: what lies between their ends becomes
/// the arms of one `match` in a loop, and a branch to one of them sets the number of the next arm. What crosses from arm to
/// arm lies in variables of the function, `w`, one for each place on the operand stack and type. The inner blocks stay
/// what they are, so that loops that run often keep their form. When there are very many arms, they are shared out among
/// functions of their own, and all variables, with the locals, lie in a struct `v`.
extension FunctionEmitter {
    /// What is known of a function's nesting after its first reading.
    struct Nesting {
        /// For each block, in the order in which they begin, how many lie within each other in it.
        private(set) var heights: [Int] = []
        private(set) var deepest = 0
        private var open: [Int] = []

        mutating func take(_ instruction: Instruction) {
            if instruction.opensBlock {
                open.append(heights.count)
                heights.append(0)
                deepest = max(deepest, open.count)
                return
            }
            switch instruction {
            case .end, .delegate:
                guard let inner = open.popLast(), let outer = open.last else { return }
                heights[outer] = max(heights[outer], heights[inner] + 1)
            default: break
            }
        }

        /// Functions with deeper nesting are read again, and taken apart.
        static let mostNested = 128
        /// Blocks of which so many lie within each other stay what they are.
        static let mostKept = 32
        /// With more blocks that are taken apart, the arms become functions.
        static let mostArms = 256

        var isDeep: Bool { deepest > Self.mostNested }
        var isOutlined: Bool { isDeep && heights.count { $0 >= Self.mostKept } > Self.mostArms }
    }

    /// Arms of one function: what the compiler needs for it grows with their square.
    private static var armsTogether: Int { 64 }

    mutating func newArm() -> Int {
        arms.append("")
        return arms.count - 1
    }

    /// What follows is arm `arm`.
    mutating func begin(arm: Int) {
        arms[self.arm] = text
        armBytes += text.utf8.count
        text = ""
        self.arm = arm
    }

    func go(to arm: Int) -> String { "s = \(arm);\ncontinue 'm;\n" }

    /// A branch with the `count` operands on top, which go to the places from `height` on.
    ///
    /// In rising order none is overwritten before it is read: an operand names places no lower than its own.
    func go(to arm: Int, at height: Int, _ count: Int) -> String {
        let moves = operands.suffix(count).enumerated().map { offset, operand in
            let name = place(height + offset, operand.type)
            return operand.text == name ? "" : "\(name) = \(operand.text);\n"
        }
        return moves.joined() + go(to: arm)
    }

    private func place(_ index: Int, _ type: ValueType) -> String { "\(scope)w\(index)_\(type.rust.lowercased())" }

    /// The variable for a place on the stack.
    private mutating func claim(_ index: Int, _ type: ValueType) -> Operand {
        let name = place(index, type)
        places[String(name.dropFirst(scope.count))] = type
        return Operand(text: name, type: type, isLasting: true)
    }

    /// Puts all operands where every arm sees them.
    private mutating func spill() {
        for index in lasting..<operands.count where !operands[index].isLasting {
            let operand = claim(index, operands[index].type)
            text += "\(operand.text) = \(operands[index].text);\n"
            operands[index] = operand
        }
        lasting = operands.count
    }

    mutating func openDeep(_ opened: Frame, _ condition: String) {
        var frame = opened
        spill()
        frame.arm = newArm()
        for (offset, type) in frame.type.results.enumerated() { _ = claim(frame.height + offset, type) }
        switch frame.kind {
        case .loop:
            frame.other = newArm()
            for (offset, type) in frame.type.parameters.enumerated() { _ = claim(frame.height + offset, type) }
            text += go(to: frame.other, at: frame.height, frame.type.parameters.count)
            begin(arm: frame.other)
            _ = pop(frame.type.parameters.count)
            pushPlaces(frame.height, frame.type.parameters)
        case .if:
            frame.other = newArm()
            frame.parameters = Array(operands.suffix(frame.type.parameters.count))
            text += "if !(\(condition)) {\n\(go(to: frame.other))}\n"
        case .try, .tryTable: frame.other = newArm()
        default: break
        }
        frames.append(frame)
    }

    mutating func closeDeep(_ frame: Frame) {
        if frame.kind == .if {
            begin(arm: frame.other)
            _ = pop(operands.count - frame.height)
            for parameter in frame.parameters { push(parameter) }
            text += leave(frame)
        }
        begin(arm: frame.arm ?? 0)
        revive()
        _ = pop(operands.count - frame.height)
        pushPlaces(frame.height, frame.type.results)
    }

    private mutating func pushPlaces(_ height: Int, _ types: [ValueType]) {
        for (offset, type) in types.enumerated() { push(claim(height + offset, type)) }
    }

    /// A branch by a table, of which only blocks that stay what they are become cases of a `match`; false when none is
    /// taken apart.
    mutating func branchByArms(_ depths: [Int], _ fallback: Int, _ index: Operand) -> Bool {
        guard known != nil else { return false }
        spill()
        var numbers: [Int: Int] = [:]
        var cases = ""
        for depth in Set(depths + [fallback]).sorted() {
            let frame = frames[frames.count - 1 - depth]
            if frame.arm != nil || frame.kind == .function {
                numbers[depth] = armOfBranch(depth)
            } else {
                numbers[depth] = Self.firstCase + depth
                cases += "\(Self.firstCase + depth) => {\n\(jump(depth))}\n"
            }
        }
        let rows = depths.map { "\(numbers[$0] ?? 0)" }.joined(separator: ", ")
        text += "static TABLE: [u32; \(depths.count)] = [\(rows)];\n"
        text += "match choose(&TABLE, \(index.text) as u32, \(numbers[fallback] ?? 0)) {\n\(cases)"
        text += "arm => {\ns = arm;\ncontinue 'm;\n}\n}\n"
        return true
    }

    /// Beyond all arms.
    private static var firstCase: Int { 1 << 30 }

    /// The arm where a branch leads, or a new one that takes its values there.
    private mutating func armOfBranch(_ depth: Int) -> Int {
        let frame = frames[frames.count - 1 - depth]
        if let arm = frame.arm {
            let isLoop = frame.kind == .loop
            if isLoop ? frame.type.parameters.isEmpty : frame.type.results.isEmpty { return isLoop ? frame.other : arm }
        }
        let arm = newArm()
        arms[arm] = jump(depth)
        armBytes += arms[arm].utf8.count
        return arm
    }

    /// All arms as one loop, or as functions that one calls; those come behind, in `tail`.
    mutating func assembleArms() {
        begin(arm: arm)
        let names = places.sorted { $0.key < $1.key }
        guard isOutlined else {
            let variables = names.map { "let mut \($0.key): \($0.value.rust) = \($0.value.zero);\n" }
            text = variables.joined() + "let mut s = 0u32;\n" + loop(0..<arms.count, "trap(PANIC, \(function))")
            return
        }
        let type = plan.module.type(ofFunction: function)
        let fields = variablesInUse.map { ("l\($0)", locals[$0]) } + names.map { ($0.key, $0.value) }
        let groups = stride(from: 0, to: arms.count, by: Self.armsTogether)
        let declared = fields.map { "\($0.0): \($0.1.rust),\n" }.joined()
        tail = "struct V\(function) {\n\(declared)r: \(type.results.rust),\n}\n"
        for (number, low) in groups.enumerated() {
            let range = low..<min(low + Self.armsTogether, arms.count)
            tail += "#[inline(never)] fn f\(function)_\(number)(c: &mut I, v: &mut V\(function), mut s: u32) -> u32 {\n"
            tail += memoryCopy + loop(range, "return s") + "}\n"
        }
        let values = fields.map { name, type in
            let isParameter = name.hasPrefix("l") && (Int(name.dropFirst()) ?? .max) < parameterCount
            return isParameter ? "\(name)" : "\(name): \(type.zero)"
        }
        let result = "r: " + tuple(type.results.map(\.zero))
        text = "let mut v = V\(function) {\n\((values + [result]).joined(separator: ",\n"))\n};\n"
        text += "let mut s = 0u32;\nloop {\ns = match s / \(Self.armsTogether) {\n"
        for number in 0..<Array(groups).count { text += "\(number) => f\(function)_\(number)(c, &mut v, s),\n" }
        text += "_ => return v.r,\n};\n}\n"
    }

    private func loop(_ range: Range<Int>, _ otherwise: String) -> String {
        let cases = range.map { "\($0) => {\n\(arms[$0])}\n" }
        return "'m: loop {\nmatch s {\n\(cases.joined())_ => \(otherwise),\n}\n}\n"
    }

    /// Leaves the function; nil are no values that anybody looks at.
    func giving(_ values: [String]?) -> String {
        let types = plan.module.type(ofFunction: function).results
        guard isOutlined else { return "return \(tuple(values ?? types.map(\.zero)));\n" }
        return (values.map { $0.isEmpty ? "" : "v.r = \(tuple($0));\n" } ?? "") + "return u32::MAX;\n"
    }
}

import PluginABI

/// One guest program, what it is given, and what every native backend must make of it.
public struct GuestCase: Sendable, CustomStringConvertible {
    /// A file of Tests/Guests without its ending.
    public var guest: String
    public var title: String
    /// The first input item: numbers that the guest reads with parameter().
    public var parameters: [UInt64]
    public var limit: UInt64 = 4 << 20
    public var deadline: UInt64 = 5_000_000_000
    public var expectation: Expectation

    public enum Expectation: Sendable {
        /// Leaves with this code, and its outputs pass the check.
        case exits(Int32, @Sendable ([GuestSet]) -> Bool)
        /// Is stopped for one of these faults.
        case faults(Set<Int32>, Fault = Fault())
        case stops(Int32)
        /// Leaves, but what it says about its outputs is refused.
        case lies
        /// Anything, as long as the sandbox holds and the next function is served.
        case contained
    }

    /// What must be known about a fault.
    public struct Fault: Sendable {
        /// It reports the address that the guest noted.
        public var address = false
        /// It reports the pc that the guest noted.
        public var pc = false
        public var syscall: Int64?
        public var trap: Int32?

        public init(address: Bool = false, pc: Bool = false, syscall: Int64? = nil, trap: Int32? = nil) {
            self.address = address
            self.pc = pc
            self.syscall = syscall
            self.trap = trap
        }
    }

    public init(
        _ guest: String, _ title: String, _ parameters: [UInt64], limit: UInt64 = 4 << 20,
        deadline: UInt64 = 5_000_000_000, _ expectation: Expectation
    ) {
        self.guest = guest
        self.title = title
        self.parameters = parameters
        self.limit = limit
        self.deadline = deadline
        self.expectation = expectation
    }

    public var description: String { "\(guest): \(title)" }

    /// Sets that the guest is given instead of parameters, when there are any.
    public var sets: [GuestSet] = []
    /// Names of its output sets.
    public var outputs = ["out"]

    public var inputs: [GuestSet] {
        guard sets.isEmpty else { return sets }
        return [GuestSet("parameters", [GuestItem("numbers", parameters.flatMap { number in bytes(of: number) })])]
    }

    /// The same case with input sets of its own and these output sets.
    public func given(_ sets: [GuestSet], outputs: [String]) -> GuestCase {
        var copy = self
        copy.sets = sets
        copy.outputs = outputs
        return copy
    }

    /// What is wrong with an outcome; empty when it is as expected.
    public func problems(_ outcome: Outcome) -> [String] {
        switch expectation {
        case .exits(let code, let check):
            return outcome.outcome == DN_RUN_EXITED && outcome.exitCode == code && outcome.outputProblem == nil
                && check(outcome.outputs) ? [] : ["wanted exit \(code) with its outputs, got \(outcome)"]
        case .faults(let kinds, let fault): return problems(outcome, kinds, fault)
        case .stops(let how): return outcome.outcome == how ? [] : ["wanted outcome \(how), got \(outcome)"]
        case .lies:
            return outcome.outcome == DN_RUN_EXITED && outcome.outputProblem != nil
                ? [] : ["wanted refused outputs, got \(outcome)"]
        case .contained: return []
        }
    }

    private func problems(_ outcome: Outcome, _ kinds: Set<Int32>, _ fault: Fault) -> [String] {
        var problems: [String] = []
        if outcome.outcome != DN_RUN_FAULTED || !kinds.contains(outcome.faultKind) {
            problems.append("wanted a fault of \(kinds)")
        }
        if fault.address, outcome.address != outcome.notedAddress { problems.append("wrong address") }
        if fault.pc, outcome.pc != outcome.notedPC { problems.append("wrong pc") }
        if let trap = fault.trap, outcome.trapCode != trap { problems.append("wrong trap code") }
        if let syscall = fault.syscall, outcome.syscall != syscall { problems.append("wrong system call") }
        return problems.isEmpty ? [] : ["\(problems.joined(separator: ", ")): \(outcome)"]
    }
}

/// The little-endian bytes of a number.
public func bytes(of number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }

/// The little-endian numbers in an item's bytes.
public func numbers(in bytes: [UInt8]) -> [UInt64] {
    stride(from: 0, to: bytes.count - bytes.count % 8, by: 8).map { start in
        (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << ($1 * 8) }
    }
}

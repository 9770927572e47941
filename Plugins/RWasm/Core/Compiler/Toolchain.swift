import CRWasm
import Glibc
import PluginABI
package import PluginKit

/// A Rust compiler, and the limits under which it runs.
package struct Toolchain: Sendable {
    /// The compiler itself, not rustup's stand-in.
    package let compiler: String
    /// "rustc 1.63.0".
    package let version: String
    private let sysroot: String
    /// What the optimiser is told, when it knows it: counters of loops stay 32 bits wide. A widened one is cut to 32 bits again
    /// for each address that may wrap.
    let optimiserFlags: [String]

    private static let narrowCounters = ["-Cllvm-args=-indvars-widen-indvars=false"]
    static let oldest = (1, 63)
    package static let advice =
        "install rustc (apt-get install rustc) or name it in the plugin's configuration (rustc = PATH)"

    package struct Limits: Sendable {
        /// Resident bytes of all that works on one module.
        package var memory: UInt64
        /// Bytes of each thread's stack, of which there are about six: much nesting needs much of it.
        package var stack: UInt64 { memory / 8 }
        /// Seconds of processor time for one crate.
        package var seconds: UInt32

        package init(memory: UInt64 = 2 << 30, seconds: UInt32 = 300) {
            (self.memory, self.seconds) = (memory, seconds)
        }
    }

    /// For whom a compiler works.
    package struct Effort: Sendable {
        /// Asked several times a second; the work is given up when it is not.
        package var isWanted: @Sendable () -> Bool
        /// Nobody waits: it has what processors are not used for.
        package var isPatient: Bool
        /// Where what the compiler takes is charged.
        package var memory: (service: HostMemory, account: UInt64)?

        package init(
            isWanted: @escaping @Sendable () -> Bool = { true }, isPatient: Bool = false,
            memory: (service: HostMemory, account: UInt64)? = nil
        ) {
            (self.isWanted, self.isPatient, self.memory) = (isWanted, isPatient, memory)
        }
    }

    /// How far the compiler is shut in: as far as this process's rights reach.
    private enum Confinement: CaseIterable {
        /// In namespaces of its own, as another user.
        case apart
        case otherUser
        /// In namespaces of its own as the user that this process is: as anybody may, where the kernel has such of users.
        case apartAsSelf
        case sameUser

        var isOtherUser: Bool { self == .apart || self == .otherUser }
        var isApart: Bool { self == .apart || self == .apartAsSelf }
        /// Root is another user than the compiler's.
        var isPossible: Bool { !isOtherUser || geteuid() == 0 }
    }

    /// No user of the system has this number; below "nobody", which services share.
    private static let user: UInt32 = 65533

    private var confinement = Confinement.sameUser

    /// Finds the compiler: `name` is a path, or a name to look for in PATH and the usual places.
    package init(_ name: String) throws(PluginError) {
        guard let found = Self.find(name) else { throw PluginError(DN_UNAVAILABLE, "no \(name) found; \(Self.advice)") }
        let work = try Folder.temporary("dandelion-rwasm-")
        defer { work.removeAll() }
        let sysroot = try Self.ask(found, ["--print", "sysroot"], work)
        let inner = "\(sysroot)/bin/rustc"
        compiler = access(inner, X_OK) == 0 ? inner : found
        self.sysroot = (try? Files.absolute(sysroot)) ?? sysroot
        let answer = try Self.ask(compiler, ["--version"], work).split(separator: " ")
        guard answer.count >= 2, let (major, minor) = Self.numbers(answer[1]) else {
            throw PluginError(DN_UNAVAILABLE, "\(found) does not tell its version; \(Self.advice)")
        }
        guard (major, minor) >= Self.oldest else {
            throw PluginError(
                DN_UNAVAILABLE, "rustc \(answer[1]) is too old; 1.63 or later is needed: \(Self.advice)")
        }
        version = "rustc \(answer[1])"
        // Unknown arguments end the compiler before it prints anything.
        let known = try? Self.ask(compiler, Self.narrowCounters + ["--print", "target-cpus"], work)
        optimiserFlags = known == nil ? [] : Self.narrowCounters
        try confine(work)
    }

    /// Finds out by trying how far the compiler can be shut in.
    private mutating func confine(_ work: Folder) throws(PluginError) {
        var refusal: PluginError?
        for confinement in Confinement.allCases where confinement.isPossible {
            self.confinement = confinement
            do throws(PluginError) {
                try prepare(work)
                return try compile(["--version"], in: work, limits: Limits(seconds: 10))
            } catch {
                refusal = error
            }
        }
        if let refusal { throw PluginError(DN_UNAVAILABLE, refusal.message) }
    }

    /// What an operator should know of it.
    package var confinementText: String {
        switch confinement {
        case .apart: "in namespaces of its own as user \(Self.user)"
        case .otherUser: "as user \(Self.user)"
        case .apartAsSelf: "in namespaces of its own as this node's user"
        case .sameUser: "as this node's user"
        }
    }

    private static func numbers(_ version: Substring) -> (Int, Int)? {
        let fields = version.split(separator: ".")
        guard fields.count >= 2, let major = Int(fields[0]), let minor = Int(fields[1]) else { return nil }
        return (major, minor)
    }

    private static func find(_ name: String) -> String? {
        if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let home = getenv("HOME").map { String(cString: $0) } ?? ""
        let folders =
            path.split(separator: ":").map(String.init) + ["/usr/bin", "/usr/local/bin", "\(home)/.cargo/bin"]
        return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// What the compiler says of itself: it is found by its stand-in, which wants to see the user's own folder.
    private static func ask(_ program: String, _ arguments: [String], _ work: Folder) throws(PluginError) -> String {
        let home = getenv("HOME").map { ["HOME=\(String(cString: $0))"] } ?? []
        let order = Order(program: program, arguments: arguments, environment: home + environment)
        let answer = try run(order, in: work, limits: Limits(memory: 4 << 30, seconds: 10), Effort())
        return answer.split(separator: "\n").first.map(String.init) ?? ""
    }

    private static let environment = ["PATH=/usr/local/bin:/usr/bin:/bin", "TMPDIR=.", "LANG=C"]

    /// A new folder in which the compiler can work: in the cache's, or where another user reaches it by its name.
    func makeWork(in cache: Cache) throws(PluginError) -> Folder {
        let work = try confinement == .otherUser ? Folder.temporary("dandelion-rwasm-") : cache.makeWork()
        try prepare(work)
        return work
    }

    private func prepare(_ work: Folder) throws(PluginError) {
        if confinement.isOtherUser { try work.give(to: Self.user) }
    }

    /// Compiles in `work`, the only place that the compiler can write to; names in `arguments` are relative to it. Throws
    /// DN_BAD_IMAGE when it refuses or exceeds its limits.
    func compile(
        _ arguments: [String], in work: Folder, limits: Limits, _ effort: Effort = Effort()
    ) throws(PluginError) {
        let environment =
            Self.environment + [
                "RUST_MIN_STACK=\(limits.stack)", "LD_LIBRARY_PATH=\(sysroot)/lib", "HOME=\(work.path)",
            ]
        let order = Order(
            program: compiler, arguments: ["--sysroot", sysroot] + arguments, environment: environment,
            readable: [sysroot, "/usr", "/lib", "/lib64", "/bin", "/etc", "/opt"], confinement: confinement)
        _ = try Self.run(order, in: work, limits: limits, effort)
    }

    /// What is run, and how it is shut in; nil is not at all.
    private struct Order {
        var program: String
        var arguments: [String]
        var environment: [String]
        var readable: [String] = []
        var confinement: Confinement?
    }

    private static func run(
        _ order: Order, in work: Folder, limits: Limits, _ effort: Effort
    ) throws(PluginError) -> String {
        var output = [CChar](repeating: 0, count: 4096)
        let asker = Asker(effort)
        let status = withCStrings([order.program] + order.arguments) { arguments in
            withCStrings(order.environment) { environment in
                withCStrings(order.readable) { readable in
                    work.path.withCString { directory in
                        var command = rwasm_command(
                            arguments: arguments, environment: environment, directory: directory, readable: readable,
                            memory: limits.memory, seconds: limits.seconds,
                            user: order.confinement?.isOtherUser == true ? Self.user : 0,
                            is_confined: order.confinement == nil ? 0 : 1,
                            is_apart: order.confinement?.isApart == true ? 1 : 0, is_patient: effort.isPatient ? 1 : 0,
                            is_wanted: Asker.ask, may_hold: Asker.hold, arg: asker.pointer)
                        return rwasm_command_run(&command, &output, output.count)
                    }
                }
            }
        }
        withExtendedLifetime(asker) {}
        let text = String(decoding: output.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        if status != 0 { throw failure(status, text, order.program, limits) }
        return text
    }

    private static func failure(
        _ status: Int32, _ text: String, _ program: String, _ limits: Limits
    ) -> PluginError {
        switch status {
        case RWASM_COMMAND_FAILED: return Files.failure("cannot run \(program)")
        case RWASM_COMMAND_UNWANTED: return PluginError(DN_CANCELLED, "the node is stopping")
        case RWASM_COMMAND_BUSY:
            return PluginError(DN_BUSY, "the node has no memory for the compiler now", retryable: true)
        case RWASM_COMMAND_TIME:
            return PluginError(
                DN_BAD_IMAGE, "the module took the compiler more than \(limits.seconds) s; it is refused")
        case RWASM_COMMAND_MEMORY:
            return PluginError(
                DN_BAD_IMAGE, "the module took the compiler more than \(limits.memory >> 20) MiB; it is refused")
        default:
            let errors = text.split(separator: "\n").filter { $0.contains("error") || $0.contains("memory") }
            return PluginError(
                DN_BAD_IMAGE,
                "the compiler failed (status \(status), limits \(limits.memory >> 20) MiB and \(limits.seconds) s): "
                    + (errors.first.map(String.init) ?? String(text.suffix(160))))
        }
    }
}

/// Asks whether the work is wanted and charges its memory, for C; the caller of `rwasm_command_run` keeps it.
private final class Asker {
    private let effort: Toolchain.Effort
    private let charge: HostCharge?

    /// What is charged ahead: a compiler grows by less between two looks.
    private static let step = 16 << 20

    init(_ effort: Toolchain.Effort) {
        self.effort = effort
        charge = effort.memory.map { HostCharge($0.service, account: $0.account) }
    }

    private func mayHold(_ bytes: Int) -> Bool {
        guard let charge else { return true }
        let wanted = (bytes / Self.step + 1) * Self.step
        if wanted < charge.held { charge.settle(to: wanted) }
        return wanted <= charge.held || charge.take(wanted - charge.held)
    }

    static let hold: @convention(c) (UnsafeMutableRawPointer?, UInt64) -> Int32 = { argument, bytes in
        guard let argument else { return 1 }
        // SAFETY: the argument is the asker of the call that is under way.
        return Unmanaged<Asker>.fromOpaque(argument).takeUnretainedValue().mayHold(Int(clamping: bytes)) ? 1 : 0
    }

    var pointer: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    static let ask: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = { argument in
        guard let argument else { return 1 }
        // SAFETY: the argument is the asker of the call that is under way.
        return Unmanaged<Asker>.fromOpaque(argument).takeUnretainedValue().effort.isWanted() ? 1 : 0
    }
}

/// Calls `body` with a null-ended array of C strings, valid for the call.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
    let copies: [UnsafePointer<CChar>?] = strings.map { UnsafePointer(strdup($0)) } + [nil]
    defer { for copy in copies { free(UnsafeMutablePointer(mutating: copy)) } }
    // SAFETY: the array holds at least the null, so it has a base.
    return copies.withUnsafeBufferPointer { body($0.baseAddress.unsafelyUnwrapped) }
}

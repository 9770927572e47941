import CRWasm
import Glibc
import PluginABI
import PluginSupport

/// A Rust compiler, and the limits under which it runs.
struct Toolchain: Sendable {
    /// The compiler itself, not rustup's stand-in.
    let compiler: String
    /// "rustc 1.63.0".
    let version: String
    private let sysroot: String
    /// What the optimiser is told, when it knows it: counters of loops stay 32 bits wide. A widened one is cut to 32 bits again
    /// for each address that may wrap.
    let optimiserFlags: [String]

    private static let narrowCounters = ["-Cllvm-args=-indvars-widen-indvars=false"]
    static let oldest = (1, 63)
    static let advice = "install rustc (apt-get install rustc) or name it in the plugin's configuration (rustc = PATH)"

    struct Limits: Sendable {
        /// Bytes of address space.
        var memory: UInt64 = 4 << 30
        /// Bytes of each thread's stack, of which there are about six: much nesting needs much of it.
        var stack: UInt64 { memory / 16 }
        /// Seconds for one crate.
        var seconds: UInt32 = 300
    }

    /// Finds the compiler: `name` is a path, or a name to look for in PATH and the usual places.
    init(_ name: String) throws(PluginError) {
        guard let found = Self.find(name) else { throw PluginError(DN_UNAVAILABLE, "no \(name) found; \(Self.advice)") }
        let limits = Limits(memory: 4 << 30, seconds: 10)
        let sysroot = try Self.ask(found, ["--print", "sysroot"], limits)
        let inner = "\(sysroot)/bin/rustc"
        compiler = access(inner, X_OK) == 0 ? inner : found
        self.sysroot = sysroot
        let answer = try Self.ask(compiler, ["--version"], limits).split(separator: " ")
        guard answer.count >= 2, let (major, minor) = Self.numbers(answer[1]) else {
            throw PluginError(DN_UNAVAILABLE, "\(found) does not tell its version; \(Self.advice)")
        }
        guard (major, minor) >= Self.oldest else {
            throw PluginError(
                DN_UNAVAILABLE, "rustc \(answer[1]) is too old; 1.63 or later is needed: \(Self.advice)")
        }
        version = "rustc \(answer[1])"
        // Unknown arguments end the compiler before it prints anything.
        let known = try? Self.ask(compiler, Self.narrowCounters + ["--print", "target-cpus"], limits)
        optimiserFlags = known == nil ? [] : Self.narrowCounters
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

    private static func ask(_ program: String, _ arguments: [String], _ limits: Limits) throws(PluginError) -> String {
        let answer = try run(
            [program] + arguments, in: "/tmp", readable: ["/"], writableHome: true, limits: limits)
        return answer.split(separator: "\n").first.map(String.init) ?? ""
    }

    /// Compiles in `directory`, the only place where the compiler may write. Throws DN_BAD_IMAGE when it refuses or
    /// exceeds its limits.
    func compile(_ arguments: [String], in directory: String, reading: [String], limits: Limits) throws(PluginError) {
        _ = try Self.run(
            [compiler] + arguments, in: directory,
            readable: [sysroot, "/usr", "/lib", "/lib64", "/bin", "/etc", "/opt"] + reading, limits: limits)
    }

    private static func run(
        _ arguments: [String], in directory: String, readable: [String], writableHome: Bool = false, limits: Limits
    ) throws(PluginError) -> String {
        var environment = [
            "PATH=/usr/local/bin:/usr/bin:/bin", "TMPDIR=\(directory)", "LANG=C", "RUST_MIN_STACK=\(limits.stack)",
        ]
        if writableHome, let home = getenv("HOME") { environment.append("HOME=\(String(cString: home))") }
        var output = [CChar](repeating: 0, count: 4096)
        let status = withCStrings(arguments) { arguments in
            withCStrings(environment) { environment in
                withCStrings(readable) { readable in
                    directory.withCString { directory in
                        var command = rwasm_command(
                            arguments: arguments, environment: environment, directory: directory, readable: readable,
                            memory: limits.memory, seconds: limits.seconds)
                        return rwasm_command_run(&command, &output, output.count)
                    }
                }
            }
        }
        let text = String(decoding: output.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard status != -1 else { throw Files.failure("cannot run \(arguments[0])") }
        guard status != -2 else {
            throw PluginError(DN_BAD_IMAGE, "the module took the compiler more than \(limits.seconds) s; it is refused")
        }
        guard status == 0 else {
            let errors = text.split(separator: "\n").filter { $0.contains("error") || $0.contains("memory") }
            throw PluginError(
                DN_BAD_IMAGE,
                "the compiler failed (status \(status), limits \(limits.memory >> 20) MiB and \(limits.seconds) s): "
                    + (errors.first.map(String.init) ?? String(text.suffix(160))))
        }
        return text
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

import FuzzDriver
import Glibc

/// Ends the process, which libFuzzer reports with the input, when something does not hold.
func failed(_ what: String) {
    print(what)
    fflush(nil)
    abort()
}

private let targets = roomTargets.merging(pluginTargets) { first, _ in first }
private let chosen: (@Sendable (UnsafeRawBufferPointer) -> Void)? = getenv("FUZZ_TARGET")
    .flatMap { targets[String(cString: $0)] }

guard chosen != nil else {
    print("FUZZ_TARGET must be one of: \(targets.keys.sorted().joined(separator: " "))")
    exit(2)
}
exit(
    fuzz_run(CommandLine.argc, CommandLine.unsafeArgv) { data, size in
        chosen?(UnsafeRawBufferPointer(start: data, count: size))
        return 0
    })

import FuzzDriver
import Glibc

/// What is fuzzed, by name. A target returns whatever the input is, in time and memory that libFuzzer bounds; what must
/// hold of its result is checked by `expect`.
let targets: [String: @Sendable (UnsafeRawBufferPointer) -> Void] = [
    "answer": fuzzAnswer,
    "bson": fuzzBSON,
    "composition": fuzzComposition,
    "elf": fuzzELF,
    "http1": fuzzHTTP1,
    "http2": fuzzHTTP2,
    "json": fuzzJSON,
    "multipart": fuzzMultipart,
    "outputs": fuzzOutputs,
    "request": fuzzRequest,
    "wasm": fuzzWasm,
]

/// Ends the process, which libFuzzer reports with the input, when something does not hold.
func expect(_ holds: Bool, _ what: StaticString, line: Int = #line) {
    guard !holds else { return }
    print("\(what) (line \(line))")
    fflush(nil)
    abort()
}

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

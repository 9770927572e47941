/// What is fuzzed, by name, but for plugins. A target returns whatever the input is, in time and memory that libFuzzer bounds; what must
/// hold of its result is checked by `expect`.
let roomTargets: [String: @Sendable (UnsafeRawBufferPointer) -> Void] = [
    "bson": fuzzBSON,
    "composition": fuzzComposition,
    "elf": fuzzELF,
    "http1": fuzzHTTP1,
    "http2": fuzzHTTP2,
    "json": fuzzJSON,
    "multipart": fuzzMultipart,
    "outputs": fuzzOutputs,
    "wasm": fuzzWasm,
]

func expect(_ holds: Bool, _ what: StaticString, line: Int = #line) {
    if !holds { failed("\(what) (line \(line))") }
}

@testable import RWasmCore

/// Decoding, validation and translation; the text must stay in proportion to the module.
@Sendable func fuzzWasm(_ bytes: UnsafeRawBufferPointer) {
    guard let module = try? ModuleDecoder.decode(Array(bytes)),
        let crates = try? Crates.sole(module, exports: .bySignature)
    else { return }
    let text = crates.stages.joined().reduce(0) { $0 + $1.text.utf8.count }
    expect(text <= (1 << 16) + 512 * bytes.count, "a module becomes too much text")
}

import Failure

@testable import Composition

private let registered: [String: Signature] = [
    "F": Signature(.compute, inputs: ["a"], outputs: ["b"]),
    "G": Signature(.compute, inputs: ["a", "b", "c"], outputs: ["x", "y"]),
    "HTTP": Signature(
        .communication,
        variants: [
            .init(inputs: ["requests"], outputs: ["headers", "bodies"]),
            .init(inputs: ["request"], outputs: ["response", "body"]),
        ]),
    "S": Signature(.composition, inputs: ["in"], outputs: ["out"], callees: ["T"]),
]

@Sendable func fuzzComposition(_ bytes: UnsafeRawBufferPointer) {
    let environment = Environment(lookup: { registered[$0] }, names: { _ in Array(registered.keys) })
    do throws(Failure) {
        _ = try CompositionGraph.compile(String(decoding: bytes, as: UTF8.self), in: environment)
    } catch {
        expect(error.kind != .internal, "a text is the compiler's own fault")
    }
}

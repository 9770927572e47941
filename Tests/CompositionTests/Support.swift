@testable import Composition
import Failure
import Values

/// Deterministic randomness (SplitMix64), so that a failing case can be run again.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

let registered: [String: Signature] = [
    "Access": Signature(.compute, inputs: ["token"], outputs: ["request"]),
    "FanOut": Signature(.compute, inputs: ["endpoints"], outputs: ["requests"]),
    "Render": Signature(.compute, inputs: ["logs"], outputs: ["page", "stats"]),
    "Pair": Signature(.compute, inputs: ["a", "b", "c"], outputs: ["x", "y"]),
    "HTTP": Signature(
        .communication,
        variants: [
            .init(inputs: ["requests"], outputs: ["headers", "bodies"]),
            .init(inputs: ["request"], outputs: ["response", "body"]),
        ]),
    "Sub": Signature(.composition, inputs: ["in"], outputs: ["out"], callees: ["Gone"]),
]

let environment = Environment(lookup: { registered[$0] }, names: { _ in Array(registered.keys) })

func compile(_ text: String) throws -> [CompositionGraph] {
    try CompositionGraph.compile(text, in: environment)
}

/// The failure of a text that must not compile.
func refusal(_ text: String, shadowing: Bool = false) -> Failure? {
    do throws(Failure) {
        _ = try CompositionGraph.compile(text, in: environment, taken: shadowing ? .shadowed : .refused)
        return nil
    } catch {
        return error
    }
}

let logProcessing = """
    function Access(token) => (request);
    function HTTP(request) => (response, body);
    function FanOut(endpoints) => (requests);
    function Render(logs) => (page);

    composition LogProcessing(token) => (page) {
        Access(token = all token) => (authorize = request);
        HTTP(request = each authorize) => (endpoints = body);
        FanOut(endpoints = all endpoints) => (fetches = requests);
        HTTP(request = each fetches) => (logs = body);
        Render(logs = all logs) => (page = page);
    }
    """

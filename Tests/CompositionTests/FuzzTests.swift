@testable import Composition
import Failure
import Testing
import Values

/// Whatever the text, the compiler answers: a graph or a failure with a place, in bounded time.
@Suite struct FuzzTests {
    static let seeds = [
        logProcessing,
        """
        function Pair(a, b, c) => (x, y); function Sub(in) => (out); # comment
        composition D(p, q) => (o, p) { /* twice */
          Pair(a = keyed p, b = optional keyed q, c = each m) => (o = x, n = y) by a outer b cross c;
          C(z = anyEach q) => (m = w); Sub(in = anyKeyed n) => ();
        }
        composition C(z) => (w) { Sub(in = all z) => (w = out); };
        """,
    ]
    static let pieces = [
        "(", ")", "{", "}", ",", ";", "=", "=>", "by", "cross", "inner", "all", "keyed", "each", "optional", "function",
        "composition", "/*", "*/", "#", "//", "\n", "\u{0}", "é", "\u{1F600}", "9", "Pair", "a", " ", "in", "C", "D",
    ]

    @Test func mutatedTextsNeverTrap() throws {
        var random = Seeded(state: 3)
        var compiled = 0
        for round in 0..<20_000 {
            var text = Array(Self.seeds[round % Self.seeds.count].utf8)
            for _ in 0..<Int.random(in: 1...6, using: &random) { mutate(&text, &random) }
            let source = String(decoding: text, as: UTF8.self)
            do throws(Failure) {
                for graph in try CompositionGraph.compile(source, in: environment) { check(graph) }
                compiled += 1
            } catch {
                #expect(error.kind == .invalid || error.kind == .conflict)
                #expect(error.detail.hasPrefix("line "))
            }
        }
        // The mutations must not all be refused at once, or they would reach little.
        #expect(compiled > 200)
    }

    private func mutate(_ text: inout [UInt8], _ random: inout Seeded) {
        let at = Int.random(in: 0...text.count, using: &random)
        let end = min(text.count, at + .random(in: 0...12, using: &random))
        switch Int.random(in: 0..<5, using: &random) {
        case 0: text.removeSubrange(at..<end)
        case 1: text.insert(contentsOf: (Self.pieces.randomElement(using: &random) ?? "").utf8, at: at)
        case 2: text.insert(contentsOf: Array(text[at..<end]), at: .random(in: 0...text.count, using: &random))
        case 3: if at < text.count { text[at] = .random(in: 0...255, using: &random) }
        default: text.replaceSubrange(at..<end, with: (Self.pieces.randomElement(using: &random) ?? "").utf8)
        }
    }

    /// What a dispatcher relies on.
    private func check(_ graph: CompositionGraph) {
        var known = Set(graph.inputSets)
        for call in graph.calls {
            let sets = Set(call.inputs.compactMap { $0?.set })
            #expect(sets.isSubset(of: known) && call.waits == sets.count)
            for output in call.outputs.compactMap({ $0 }) { #expect(known.insert(output).inserted) }
            #expect(call.dimensions.flatMap(\.parameters).allSatisfy { call.inputs[$0] != nil })
        }
        #expect(known == Set(0..<graph.setCount) && Set(graph.outputSets).isSubset(of: known))
        #expect(graph.consumers.joined().count == graph.calls.reduce(0) { $0 + $1.waits })
    }

    @Test func aMegabyteOfStatements() throws {
        var text = "function Access(token) => (request);\ncomposition Big(s0) => (s16000) {"
        for index in (0..<16_000).reversed() {
            text += "Access(token = keyed s\(index)) => (s\(index + 1) = request);\n"
        }
        text += "}" + String(repeating: " ", count: 100_000)
        #expect(text.utf8.count > 900_000)
        let graph = try #require(try compile(text).first)
        #expect(graph.calls.count == 16_000 && graph.calls[0].position.line == 16_001)
        check(graph)
    }

    @Test func aMegabyteOnOneLineAndOfRubbish() {
        #expect(refusal(String(repeating: "(", count: 1 << 20))?.kind == .invalid)
        #expect(refusal(String(repeating: "$", count: 1 << 20))?.kind == .invalid)
        #expect(refusal("composition C() => () {" + String(repeating: "x();", count: 1 << 18))?.kind == .invalid)
        #expect(refusal("composition " + String(repeating: "n", count: 1 << 20))?.kind == .invalid)
        #expect(refusal(String(repeating: " ", count: 5 << 20))?.kind == .tooLarge)
    }

    @Test func deepNestingOfCompositions() throws {
        var text = "function Access(a) => (b); composition C0(a) => (b) { Access(a = all a) => (b = b); }\n"
        for index in 1...5000 { text += "composition C\(index)(a) => (b) { C\(index - 1)(a = each a) => (b = b); }\n" }
        #expect(try compile(text).map(\.name).last == "C5000")
        text += "composition D(a) => (a) { D(a = all a) => (); }"
        #expect(refusal(text)?.kind == .invalid)
    }
}

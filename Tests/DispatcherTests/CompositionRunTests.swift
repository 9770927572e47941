import Dispatcher
import Failure
import Registry
import Testing

@Suite(.serialized) struct CompositionRunTests {
    let node = TestNode.shared

    private static let declarations = """
        function E(a, b) => (x, y);
        function K(a, b) => (x, y);
        function F(a, b) => (x, y);
        function S(a, b) => (x, y);

        """

    private func run(_ text: String, _ inputs: [[String]]) -> InvocationOutcome {
        do {
            return node.invoke(.composition(try node.catalogue.standard.compileOnce(Self.declarations + text)), inputs)
        } catch {
            return InvocationOutcome(result: .failure(error), exitCode: 0, timeline: InvocationTimeline())
        }
    }

    @Test func aChain() {
        let outcome = run(
            """
            composition C(p) => (q) {
                E(a = all p) => (m = x);
                E(a = all m) => (q = x);
            }
            """, [["one", "two"]])
        #expect(outcome.texts == [["one", "two"]])
        #expect(outcome.timeline.sandboxes == 2)
    }

    @Test func eachMakesOneSandboxPerItem() {
        let outcome = run("composition C(p) => (q) { E(a = each p) => (q = x); }", [["1", "2", "3", "4", "5"]])
        #expect(outcome.texts == [["1", "2", "3", "4", "5"]])
        #expect(outcome.timeline.sandboxes == 5)
    }

    @Test func keyedGroupsOverTheWholeSet() {
        // Keys by first byte: b, a, b -> two groups, the outputs in the order of the keys.
        let outcome = run(
            """
            composition C(p) => (q) {
                K(a = all p) => (m = x);
                E(a = keyed m) => (q = x);
            }
            """, [["b1", "a1", "b2"]])
        #expect(outcome.texts == [["a1", "b1", "b2"]])
        #expect(outcome.timeline.sandboxes == 3)
    }

    @Test func anEmptyInputStopsTheCallUnlessOptional() {
        let text = """
            composition C(p, e) => (q) { E(a = all p, b = all e) => (q = x); }
            """
        #expect(run(text, [["1"], []]).texts == [[]])
        #expect(run(text.replacing("b = all", with: "b = optional all"), [["1"], []]).texts == [["1"]])
    }

    @Test func aFailingInstanceFailsTheWholeAndSaysWhere() {
        let failure = run(
            """
            composition C(p) => (q) {
                E(a = each p) => (m = x);
                F(a = all m) => (q = x);
            }
            """, [["1", "2"]]
        ).failure
        #expect(failure?.kind == .functionFault)
        #expect(failure?.detail.contains("composition 'C'") == true)
        #expect(node.contexts() == 0)
    }

    @Test func nestedCompositionsRunPerInstance() throws {
        let outcome = run(
            """
            composition Inner(p) => (q) { E(a = all p) => (q = x); }
            """, [["x"]])
        #expect(outcome.texts == [["x"]])
        // One text, one composition: nesting needs a registered one.
        _ = try node.catalogue.standard.register(
            compositions: Self.declarations
                + "composition Twice(p) => (q) { E(a = all p) => (m = x); E(a = all m) => (q = x); }",
            account: node.account)
        let nested = run(
            "function Twice(p) => (q); composition C(p) => (q) { Twice(p = each p) => (q = q); }", [["1", "2", "3"]])
        #expect(nested.texts == [["1", "2", "3"]])
        #expect(nested.timeline.sandboxes == 6)
        #expect(throws: Failure.self) { try node.catalogue.standard.removeFunction("E") }
        try node.catalogue.standard.removeComposition("Twice")
    }

    @Test func wideFanOutEndsOnce() {
        let items = (0..<500).map { "\($0)" }
        let outcome = run("composition C(p) => (q) { E(a = each p) => (q = x); }", [items])
        #expect(outcome.texts == [items])
        #expect(node.contexts() == 0)
    }

    /// Calls that need not run end at once; a chain of them must not use up the worker's stack.
    @Test func aLongChainOfCallsWithoutItemsEnds() {
        let length = 20_000
        let calls = (0..<length).map { "E(a = each s\($0)) => (s\($0 + 1) = x);" }.joined(separator: "\n")
        let outcome = run("composition C(s0) => (s\(length)) { \(calls) }", [[]])
        #expect(outcome.texts == [[]])
        #expect(outcome.timeline.sandboxes == 0)
    }

    /// Levels of nesting take the worker's stack, so there is a bound to them.
    @Test func nestingHasABound() throws {
        let depth = 300
        let text = (1...depth).map { level in
            "composition N\(level)(p) => (q) { \(level == 1 ? "E(a = all p) => (q = x)" : "N\(level - 1)(p = all p) => (q = q)"); }"
        }
        let names = try node.catalogue.standard.register(
            compositions: Self.declarations + text.joined(separator: "\n"), account: node.account)
        #expect(names.count == depth)
        #expect(node.invoke(.name("N100"), [["1"]]).texts == [["1"]])
        let failure = node.invoke(.name("N\(depth)"), [["1"]]).failure
        #expect(failure?.kind == .tooLarge)
        #expect(failure?.detail.contains("'N44' is nested in 256 others") == true)
        for made in names.reversed() { try node.catalogue.standard.removeComposition(made.name) }
    }
}

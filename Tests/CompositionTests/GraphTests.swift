@testable import Composition
import Failure
import Testing
import Values

@Suite struct GraphTests {
    @Test func logProcessingOfThePaper() throws {
        let graph = try #require(try compile(logProcessing).first)
        #expect(graph.name == "LogProcessing")
        #expect(graph.setNames == ["token", "authorize", "endpoints", "fetches", "logs", "page"])
        #expect(graph.inputSets == [0] && graph.outputSets == [5])
        #expect(graph.calls.map { graph.targets[$0.target].name } == ["Access", "HTTP", "FanOut", "HTTP", "Render"])
        // HTTP as (request) => (response, body) is its second signature.
        #expect(graph.targets[1] == Target(name: "HTTP", kind: .communication, variant: 1))
        #expect(graph.calls[1].inputs == [Binding(set: 1, sharding: .each, optional: false)])
        #expect(graph.calls[1].outputs == [nil, 2])
        #expect(graph.calls[1].dimensions == [Dimension(parameters: [0], joins: [], isAny: false)])
        // Declared with one output of two: the first.
        #expect(graph.calls[4].outputs == [5, nil])
        #expect(graph.calls[4].dimensions.isEmpty)
        #expect(graph.calls.allSatisfy { $0.waits == 1 })
        #expect(graph.consumers == [[0], [1], [2], [3], [4], []])
        #expect(graph.calls[0].position == Place(line: 7, column: 5))
    }

    @Test func statementsInAnyOrderBecomeTopological() throws {
        let graph = try #require(
            try compile(
                """
                function Pair(a, b, c) => (x, y);
                composition C(i) => (o) {
                  Pair(a = all m, b = all n) => (o = x);
                  Pair(a = all m) => (n = y);
                  Pair(c = keyed i) => (m = x);
                }
                """
            ).first)
        #expect(graph.calls.map(\.position.line) == [5, 4, 3])
        #expect(graph.calls[2].waits == 2)
        #expect(graph.calls[0].inputs == [nil, nil, Binding(set: 0, sharding: .keyed, optional: false)])
        for (set, consumers) in graph.consumers.enumerated() {
            for call in consumers { #expect(graph.calls[call].inputs.contains { $0?.set == set }) }
        }
    }

    @Test func everyShardingAndJoin() throws {
        let graph = try #require(
            try compile(
                """
                function Pair(a, b, c) => (x, y);
                composition C(p, q, r) => (o1, o2, o3, o4) {
                  Pair(c = keyed p, a = keyed q, b = optional each r) => (o1 = x) by c outer a cross b;
                  Pair(a = anyKeyed p, b = anyKeyed q, c = anyEach r) => (o2 = x) by b left a;
                  Pair(a = all p, b = all p, c = optional all p) => (o3 = x) by a cross b;
                  Pair(a = keyed p, b = keyed q, c = keyed r) => (o4 = x) by p inner q right r;
                }
                """
            ).first)
        #expect(
            graph.calls[0].dimensions == [
                Dimension(parameters: [2, 0], joins: [.full], isAny: false),
                Dimension(parameters: [1], joins: [], isAny: false),
            ])
        #expect(graph.calls[0].inputs[1] == Binding(set: 2, sharding: .each, optional: true))
        #expect(
            graph.calls[1].dimensions == [
                Dimension(parameters: [1, 0], joins: [.left], isAny: true),
                Dimension(parameters: [2], joins: [], isAny: true),
            ])
        #expect(graph.calls[2].dimensions.isEmpty && graph.calls[2].waits == 1)
        #expect(
            graph.calls[3].dimensions == [
                Dimension(parameters: [0, 1, 2], joins: [.inner, .right], isAny: false)
            ])
    }

    @Test func compositionsOfOneTextUseEachOtherInAnyOrder() throws {
        let graphs = try compile(
            """
            composition Outer(a) => (c) { Inner(x = each a) => (c = y); Sub(in = all a) => (); }
            function Sub(in) => (out);
            function Inner(x) => (y);
            composition Inner(p) => (q) { Access(token = all p) => (q = request); }
            function Access(token) => (request);
            """)
        #expect(graphs.map(\.name) == ["Inner", "Outer"])
        #expect(graphs[1].targets.map(\.kind) == [.composition, .composition])
        #expect(graphs[1].callees == ["Inner", "Sub"])
        #expect(graphs[0].signature == Signature(.composition, inputs: ["p"], outputs: ["q"], callCount: 1))
    }

    @Test func anInputMayPassThrough() throws {
        let graph = try #require(try compile("composition Id(a, b) => (b, a) {};").first)
        #expect(graph.outputSets == [1, 0] && graph.setCount == 2 && graph.calls.isEmpty)
    }

    @Test func noStatementNeedsInputs() throws {
        let graph = try #require(
            try compile("function Access(t) => (r); composition C() => (o) { Access() => (o = r); }").first)
        #expect(graph.calls[0].waits == 0 && graph.calls[0].inputs == [nil])
    }

    @Test(arguments: [
        ("HTTP(requests) => (headers, bodies)", 0), ("HTTP(request) => (response, body)", 1),
        ("HTTP(request) => (response)", 1), ("HTTP(requests) => (headers)", 0), ("HTTP(r) => (response, b)", 1),
        ("HTTP(in0) => (out0)", 0), ("HTTP(request) => (headers)", 0), ("HTTP(request) => ()", 1),
    ])
    func declarationPicksTheSignature(declaration: String, variant: Int) throws {
        let parameter = declaration.dropFirst(5).prefix { $0 != ")" }
        let graphs = try compile(
            "function \(declaration); composition C(a) => (a) { HTTP(\(parameter) = each a) => (); }")
        #expect(graphs[0].targets[0].variant == variant)
    }

    @Test func commentsAndKeywordsAsNames() throws {
        let graph = try #require(
            try compile(
                """
                # a line
                function Access(all) => (by); // another
                /* a block * with / signs
                */ composition composition(optional) => (each) {
                    Access(all = optional all optional) => (each = by);
                };
                """
            ).first)
        #expect(graph.name == "composition")
        #expect(graph.calls[0].inputs == [Binding(set: 0, sharding: .all, optional: true)])
    }

    @Test func oneShotTextsMayShadowRegisteredNames() throws {
        let text = "composition Render(a) => (a) {}"
        #expect(refusal(text)?.kind == .conflict)
        #expect(refusal(text, shadowing: true) == nil)
    }
}

/// How many calls a composition makes, those of nested ones included.
struct CallCountTests {
    private static let leaf = "function Access(token) => (request);\n"

    private func tower(_ levels: Int, of name: String = "T") -> String {
        Self.leaf
            + (1...levels).map { level in
                let call = level == 1 ? "Access(token = all p)" : "\(name)\(level - 1)(p = all p)"
                let output = level == 1 ? "request" : "q"
                return
                    "composition \(name)\(level)(p) => (q) { \(call) => (q = \(output)); \(call) => (r = \(output)); }\n"
            }.joined()
    }

    @Test func countsOfATower() throws {
        // Each level: two calls, each with all that its callee makes.
        let counts = try compile(tower(10)).map(\.callCount)
        #expect(counts == [2, 6, 14, 30, 62, 126, 254, 510, 1022, 2046])
    }

    @Test func towersBeyondTheBoundAreRefused() throws {
        #expect(refusal(tower(18)) == nil)
        let failure = try #require(refusal(tower(19)))
        #expect(failure.kind == .invalid)
        #expect(failure.facts.contains(.init("line", "20")))
        #expect(
            failure.detail.contains("with this call of `T18`, which makes 524286 itself, `T19` makes 1048574 calls"))
        #expect(failure.detail.contains("1000000 are admitted"))
        let boundless = Environment(mostCalls: .max, lookup: { registered[$0] })
        #expect(try CompositionGraph.compile(tower(70), in: boundless).last?.callCount == Int.max)
    }

    @Test func registeredCalleesCount() throws {
        let signatures = [
            "Access": Signature(.compute, inputs: ["token"], outputs: ["request"]),
            "Deep": Signature(.composition, inputs: ["p"], outputs: ["q"], callCount: 70),
        ]
        let environment = Environment(mostCalls: 100, lookup: { signatures[$0] })
        func compile(_ calls: Int) throws -> [CompositionGraph] {
            let text = (0..<calls).map { "Deep(p = all p) => (q\($0) = q);" }.joined(separator: "\n")
            return try CompositionGraph.compile(
                "function Deep(p) => (q); composition C(p) => (q0) { \(text) }", in: environment)
        }
        #expect(try compile(1).map(\.callCount) == [71])
        #expect(throws: Failure.self) { try compile(2) }
    }
}

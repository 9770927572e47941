@testable import Composition
import Failure
import Testing

@Suite struct PictureTests {
    private func picture(_ text: String) throws -> [String] {
        try CompositionGraph.picture(of: text) { $0 == "HTTP" }
            .split(separator: "\n").map { String($0.drop { $0 == " " }) }
    }

    @Test func logProcessingOfThePaper() throws {
        let lines = try picture(logProcessing)
        #expect(
            lines.dropFirst(3) == [
                "subgraph cluster_c0 {",
                #"label="LogProcessing"; fontname="Helvetica"; color=gray;"#,
                #"c0_in0 [label="token", shape=plaintext];"#,
                #"c0_call0 [label="Access"];"#,
                ##"c0_call1 [label="HTTP", style="rounded,filled", fillcolor="#dbe9f6", peripheries=2];"##,
                #"c0_call2 [label="FanOut"];"#,
                ##"c0_call3 [label="HTTP", style="rounded,filled", fillcolor="#dbe9f6", peripheries=2];"##,
                #"c0_call4 [label="Render"];"#,
                #"c0_out0 [label="page", shape=plaintext];"#,
                #"c0_in0 -> c0_call0 [label="token"];"#,
                #"c0_call0 -> c0_call1 [label="each authorize"];"#,
                #"c0_call1 -> c0_call2 [label="endpoints"];"#,
                #"c0_call2 -> c0_call3 [label="each fetches"];"#,
                #"c0_call3 -> c0_call4 [label="logs"];"#,
                #"c0_call4 -> c0_out0 [label="page"];"#,
                "}", "}",
            ])
    }

    /// Joins, several sets along one line, sets that may be empty, an input handed through, and a composition of the same text.
    @Test func everythingElseThatATextCanSay() throws {
        let lines = try picture(
            """
            function Pair(a, b, c) => (x, y);
            composition Main(p, q) => (o, p) {
                Pair(a = keyed p, b = optional keyed q, c = optional all q) => (m = x, n = y) by a left b;
                Inner(i = all m, j = optional each n) => (o = k);
            }
            composition Inner(i, j) => (k) { Pair(a = optional all i, b = optional all j) => (k = x); }
            """)
        for line in [
            #"c1_call0 [label="Pair\nby p left q", peripheries=2];"#,
            #"c1_call1 [label="Inner", shape=folder, style="", peripheries=2];"#,
            #"c1_in1 -> c1_call0 [label="keyed q\nq", style=dashed];"#,
            #"c1_call0 -> c1_call1 [label="m\neach n"];"#,
            #"c1_in0 -> c1_out1 [label="p"];"#,
            #"c0_call0 -> c0_out0 [label="k"];"#,
        ] {
            #expect(lines.contains(line), "\(line) is missing in \(lines)")
        }
    }

    @Test func mistakesAreTold() {
        #expect(throws: Failure.self) { try picture("composition C(a) => (b) {}") }
        do throws(Failure) {
            let text = "function F(a) => (b);\ncomposition C(x) => (y) { F(a = all z) => (y = b); }"
            _ = try CompositionGraph.picture(of: text) { _ in false }
            Issue.record("a set without a source was drawn")
        } catch {
            #expect(error.detail.hasPrefix("line 2, column 37: set `z` is produced by no statement"))
        }
    }
}

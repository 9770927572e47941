@testable import Composition
import Failure
import Testing
import Values

/// Each mistake is told at its exact place.
@Suite struct DiagnosticTests {
    struct Case: CustomStringConvertible {
        var text: String
        var line: Int
        var column: Int
        var message: String
        var description: String { text }
    }

    static let head = "function Pair(a, b, c) => (x, y);\nfunction Access(token) => (request);\n"

    static func inBody(_ statement: String, _ column: Int, _ message: String) -> Case {
        Case(
            text: head + "composition C(i, j) => (i) {\n" + statement + "\n}", line: 4, column: column, message: message
        )
    }

    static let cases = [
        Case(text: "", line: 1, column: 1, message: "the text defines no composition"),
        Case(
            text: "functoin f(a) => (b);", line: 1, column: 1,
            message: "expected `function` or `composition`, found `functoin`; did you mean `function`?"),
        Case(
            text: "function Access(token) => (request)\ncomposition C() => () {}", line: 2, column: 1,
            message: "expected `;` after a declaration, found `composition`"),
        Case(
            text: "composition C(a b) => () {}", line: 1, column: 17, message: "expected `,` or `)`, found `b`"),
        Case(
            text: "composition C(a,) => () {}", line: 1, column: 17,
            message: "expected the name of an input set, found `)`"),
        Case(
            text: "composition C() = () {}", line: 1, column: 17,
            message: "expected `=>` between inputs and outputs, found `=`"),
        Case(
            text: "composition 1C() => () {}", line: 1, column: 13, message: "a name cannot begin with a digit"),
        Case(
            text: "composition Cé() => () {}", line: 1, column: 14,
            message: "`é` has no meaning here; names are of letters, digits and `_`"),
        Case(
            text: "composition C() => () { /* open }", line: 1, column: 25,
            message: "this comment has no closing `*/`"),
        Case(
            text: "composition C() => () {", line: 1, column: 24,
            message: "expected `}` to end the composition, found the end of the text"),
        Case(
            text: "composition C() => () {}}", line: 1, column: 25,
            message: "expected `function` or `composition`, found `}`"),
        Case(
            text: "function Acess(token) => (request); composition C() => () {}", line: 1, column: 10,
            message: "no function or composition `Acess` is registered; did you mean `Access`?"),
        Case(
            text: "function Pair(a) => (x); composition C() => () {}", line: 1, column: 10,
            message: "`Pair` is declared with 1 input and 1 output sets, but registered as (a, b, c) => (x, y)"),
        Case(
            text: "function HTTP(r) => (a, b, c); composition C() => () {}", line: 1, column: 10,
            message: "`HTTP` is declared with 1 input and 3 output sets, but registered as "
                + "(requests) => (headers, bodies) or (request) => (response, body)"),
        Case(
            text: head + head + "composition C() => () {}", line: 3, column: 10,
            message: "`Pair` is declared on line 1 already"),
        Case(
            text: "composition C(a, b, a) => () {}", line: 1, column: 21,
            message: "`C` has two input sets of the name `a`"),
        Case(
            text: "composition C(a) => (a, a) {}", line: 1, column: 25,
            message: "`C` has two output sets of the name `a`"),
        Case(
            text: "composition C() => () {}\ncomposition C() => () {}", line: 2, column: 13,
            message: "composition `C` is defined on line 1 already"),
        Case(
            text: "composition Render() => () {}", line: 1, column: 13,
            message: "the name `Render` is registered already"),
        Case(
            text: "composition C(input) => (inptu) {}", line: 1, column: 26,
            message: "output `inptu` is produced by no statement and is no input; did you mean `input`?"),
        Case(
            text: "composition A() => () { B() => (); }\ncomposition B() => () { A() => (); }", line: 1, column: 13,
            message: "compositions cannot use each other in a circle: `A` uses `B` uses `A`"),
        Case(
            text: "function Sub(in) => (out);\ncomposition Gone(a) => (b) { Sub(in = all a) => (b = out); }",
            line: 2, column: 13, message: "`Gone` uses the registered `Sub`, which itself calls `Gone`"),
        inBody("Pair(a = all i) => (k = x)", -1, "expected `;` after a statement, found `}`"),
        inBody(
            "Pair(a = alli) => ();", 10,
            "expected `all`, `each`, `keyed`, `anyEach` or `anyKeyed` before a set, found `alli`; "
                + "a blank belongs behind `all`"),
        inBody(
            "Pair(a = i) => ();", 10,
            "expected `all`, `each`, `keyed`, `anyEach` or `anyKeyed` before a set, found `i`; "
                + "`all i` gives every instance the whole set"),
        inBody(
            "Pair(a = keyd i) => ();", 10,
            "expected `all`, `each`, `keyed`, `anyEach` or `anyKeyed` before a set, found `keyd`; "
                + "did you mean `keyed`?"),
        inBody(
            "Pair(a = ) => ();", 10, "expected `all`, `each`, `keyed`, `anyEach` or `anyKeyed`, found `)`"),
        inBody(
            "Render(logs = all i) => ();", 1,
            "`Render` is not declared; add `function Render(logs) => (page, stats);`"),
        inBody("Piar() => ();", 1, "`Piar` is not declared; did you mean `Pair`?"),
        inBody("Pair(aa = all i) => ();", 6, "`Pair` has no input `aa`; did you mean `a`?"),
        inBody("Pair(a = all i, a = all j) => ();", 17, "input `a` is given twice"),
        inBody("Pair() => (k = z);", 16, "`Pair` has no output `z`; did you mean `x`?"),
        inBody(
            "Pair() => (k = x, l = x);", 23, "output `x` is set `k` already; that set can be used twice"),
        inBody("Pair(a = all k) => ();", 14, "set `k` is produced by no statement and is no input; did you mean `i`?"),
        inBody("Pair() => (i = x);", 12, "set `i` is an input of the composition, on line 3"),
        inBody("Pair() => (k = x, k = y);", 19, "set `k` is assigned already, on line 4"),
        inBody(
            "Pair(a = all k) => (k = x);", 1,
            "statements wait for each other in a circle: `Pair` (line 4) for `Pair` (line 4)"),
        inBody(
            "Access(token = all k) => (l = request); Pair(a = all l) => (k = x);", 1,
            "statements wait for each other in a circle: `Access` (line 4) for `Pair` (line 4) for `Access` (line 4)"),
        inBody(
            "Pair(a = keyed i, b = each j) => () by a inner b;", 48,
            "a join needs two `keyed` or two `anyKeyed` inputs: `a` is `keyed`, `b` is `each`"),
        inBody(
            "Pair(a = keyed i, b = anyKeyed j) => () by a left b;", 51,
            "a join needs two `keyed` or two `anyKeyed` inputs: `a` is `keyed`, `b` is `anyKeyed`"),
        inBody("Pair(a = keyed i, b = keyed j) => () by a inner a;", 49, "`a` is joined twice"),
        inBody("Pair(a = keyed i, b = keyed j) => () by a cross b inner a;", 57, "`a` is joined twice"),
        inBody(
            "Pair(a = keyed i) => () by a inner c;", 36, "`c` cannot be joined: this statement does not give it"),
        inBody("Pair(a = keyed i) => () by a inner nothing;", 36, "`Pair` has no input `nothing`"),
        inBody(
            "Pair(a = keyed i, b = keyed j) => () by a iner b;", 43,
            "expected `inner`, `left`, `right`, `full` or `cross`, found `iner`; did you mean `inner`?"),
    ]

    @Test(arguments: cases)
    func isToldAtItsPlace(_ example: Case) throws {
        let told = try #require(refusal(example.text))
        // -1: the mistake shows only where the next line goes on.
        let (line, column) = example.column < 0 ? (example.line + 1, 1) : (example.line, example.column)
        #expect(told.detail.hasPrefix("line \(line), column \(column): \(example.message)\n"), "\(told.detail)")
        #expect(told.facts.prefix(2) == [.init("line", "\(line)"), .init("column", "\(column)")])
    }

    @Test func excerptPointsWithACaret() throws {
        let told = try #require(refusal("composition C(input) => (\tünknown) {}"))
        #expect(
            told.detail.hasPrefix(
                "line 1, column 27: `ü` has no meaning here; names are of letters, digits and `_`\n"
                    + "    composition C(input) => ( ünknown) {}\n"
                    + "                              ^"), "\(told.detail)")
    }

    @Test func severalMistakesAreToldTogether() throws {
        let text =
            Self.head + """
                composition C(i) => (o) {
                    Pair(a = i) => (o = x);
                    Pair(a = all i) (p = x);
                    Access(token = each i) => (q = request);
                }
                composition D(i => (o) {}
                """
        let told = try #require(refusal(text))
        #expect(told.kind == .invalid)
        let lines = told.detail.split(separator: "\n").filter { $0.hasPrefix("line ") }.map { $0.prefix(17) }
        #expect(lines == ["line 4, column 14", "line 5, column 21", "line 8, column 17"])
        #expect(told.facts.last == .init("errors", "3"))
    }

    @Test func aConflictIsAMistakeWhenTheTextHasOthers() throws {
        #expect(refusal("composition Render() => () {}")?.kind == .conflict)
        #expect(refusal("composition Render() => (a) {}")?.kind == .invalid)
    }

    @Test func tooManyMistakesAreCounted() throws {
        let text = "x composition C() => () {" + String(repeating: "; ", count: 99) + "}"
        let told = try #require(refusal(text))
        #expect(told.detail.hasSuffix("and 80 more"), "\(told.detail)")
    }

    @Test func aLongLineIsCut() throws {
        let blank = String(repeating: " ", count: 5000)
        let text = blank + "?" + blank
        let told = try #require(refusal(text))
        let lines = told.detail.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.allSatisfy { $0.count < 200 })
        #expect(lines[1].firstIndex(of: "?").map { lines[1].distance(from: lines[1].startIndex, to: $0) } == 64)
        #expect(lines[2].last == "^" && lines[2].count == 65)
    }
}

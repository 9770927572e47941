/// Recursive descent over the tokens of one text. The grammar stands in Docs/composition-language.md.
struct Parser {
    /// Ends the parsing of one statement or header; the parser goes on behind it.
    private struct Mistake: Error {
        var place: Mark
        var message: String
    }

    private let diagnostics: Diagnostics
    private var lexer: Lexer
    private var token: Token
    /// One token of lookahead.
    private var following: Token

    init(_ diagnostics: Diagnostics) {
        self.diagnostics = diagnostics
        lexer = Lexer(diagnostics)
        token = lexer.next()
        following = lexer.next()
    }

    mutating func module() -> Module {
        var module = Module()
        while token.kind != .end {
            do throws(Mistake) {
                try topLevel(into: &module)
            } catch {
                diagnostics.add(error.place, error.message)
                skipToTopLevel()
            }
        }
        return module
    }

    // MARK: - Grammar

    private mutating func topLevel(into module: inout Module) throws(Mistake) {
        let keyword = text(token)
        switch keyword {
        case "function":
            advance()
            module.declarations.append(try header("function"))
            try expect(";", "after a declaration")
        case "composition":
            advance()
            let header = try header("composition")
            module.compositions.append(CompositionSyntax(header: header, statements: try block()))
            // The original's clients write no `;` here; one does no harm.
            _ = accept(";")
        default:
            let hint = token.kind == .name ? suggestion(for: keyword, among: ["function", "composition"]) : ""
            throw Mistake(
                place: token.place, message: "expected `function` or `composition`, found \(found)\(hint)")
        }
    }

    private mutating func header(_ kind: String) throws(Mistake) -> Header {
        let name =
            kind == "function" ? try callee("the name of the \(kind)") : try name("the name of the \(kind)")
        let inputs = try list("before the input sets") { (p: inout Parser) throws(Mistake) in
            try p.name("the name of an input set")
        }
        try expectArrow()
        let outputs = try list("before the output sets") { (p: inout Parser) throws(Mistake) in
            try p.name("the name of an output set")
        }
        return Header(name: name, inputs: inputs, outputs: outputs)
    }

    private mutating func block() throws(Mistake) -> [Statement] {
        try expect("{", "before the statements")
        var statements: [Statement] = []
        while !accept("}") {
            do throws(Mistake) {
                if token.kind == .end || isAtTopLevel {
                    throw Mistake(place: token.place, message: "expected `}` to end the composition, found \(found)")
                }
                statements.append(try statement())
            } catch {
                // Without its end the rest of the block cannot be told from the next composition.
                guard token.kind != .end, !isAtTopLevel else { throw error }
                diagnostics.add(error.place, error.message)
                skipStatement()
            }
        }
        return statements
    }

    private mutating func statement() throws(Mistake) -> Statement {
        let callee = try callee("a statement or `}`")
        let inputs = try list("before the inputs") { (p: inout Parser) throws(Mistake) in try p.input() }
        try expectArrow()
        let outputs = try list("before the outputs") { (p: inout Parser) throws(Mistake) in try p.output() }
        let join = text(token) == "by" ? try join() : nil
        try expect(";", "after a statement")
        return Statement(callee: callee, inputs: inputs, outputs: outputs, join: join)
    }

    private mutating func input() throws(Mistake) -> InputSyntax {
        let parameter = try name("the name of a parameter")
        try expect("=", "after the parameter `\(parameter.text)`")
        let isOptional = text(token) == "optional"
        if isOptional { advance() }
        let sharding = try sharding()
        let set = try name("the name of a set")
        return InputSyntax(parameter: parameter, isOptional: isOptional, sharding: sharding, set: set)
    }

    private mutating func sharding() throws(Mistake) -> Sharding {
        let word = text(token)
        if let sharding = Sharding(rawValue: word) {
            advance()
            return sharding
        }
        let choices = "`all`, `each`, `keyed`, `anyEach` or `anyKeyed`"
        guard token.kind == .name else {
            throw Mistake(place: token.place, message: "expected \(choices), found \(found)")
        }
        let glued = Sharding.allCases.last { word.hasPrefix($0.rawValue) }
        let hint =
            if let glued {
                "; a blank belongs behind `\(glued.rawValue)`"
            } else if following.kind == .name {
                suggestion(for: word, among: Sharding.allCases.map(\.rawValue))
            } else {
                "; `all \(word)` gives every instance the whole set"
            }
        throw Mistake(place: token.place, message: "expected \(choices) before a set, found \(found)\(hint)")
    }

    private mutating func output() throws(Mistake) -> OutputSyntax {
        let set = try name("the name of a set")
        try expect("=", "after the set `\(set.text)`")
        return OutputSyntax(set: set, parameter: try name("the name of an output of the function"))
    }

    private mutating func join() throws(Mistake) -> JoinSyntax {
        advance()
        var join = JoinSyntax(first: try name("the first parameter to join"), steps: [])
        while token.kind == .name {
            let word = text(token)
            let kind = word == "outer" ? .full : JoinKind(rawValue: word)
            guard kind != nil || word == "cross" else {
                let hint = suggestion(for: word, among: JoinKind.allCases.map(\.rawValue) + ["outer", "cross"])
                throw Mistake(
                    place: token.place,
                    message: "expected `inner`, `left`, `right`, `full` or `cross`, found \(found)\(hint)")
            }
            advance()
            join.steps.append(.init(kind: kind, name: try name("a parameter to join")))
        }
        return join
    }

    // MARK: - Tokens

    private mutating func advance() {
        token = following
        following = lexer.next()
    }

    /// The text of a name, empty for other tokens.
    private func text(_ token: Token) -> String {
        token.kind == .name ? lexer.text(token) : ""
    }

    /// The current token, for a message.
    private var found: String {
        token.kind == .end ? "the end of the text" : "`\(lexer.text(token))`"
    }

    /// The name of something registered: also of one of its versions or aliases.
    private mutating func callee(_ what: String) throws(Mistake) -> Name {
        guard token.kind == .versionedName else { return try name(what) }
        return take()
    }

    private mutating func name(_ what: String) throws(Mistake) -> Name {
        guard token.kind == .name else {
            throw Mistake(place: token.place, message: "expected \(what), found \(found)")
        }
        return take()
    }

    private mutating func take() -> Name {
        let name = Name(text: lexer.text(token), place: token.place)
        advance()
        return name
    }

    private mutating func accept(_ sign: Unicode.Scalar) -> Bool {
        guard token.kind == .sign(UInt8(ascii: sign)) else { return false }
        advance()
        return true
    }

    private mutating func expect(_ sign: Unicode.Scalar, _ context: String) throws(Mistake) {
        guard !accept(sign) else { return }
        throw Mistake(place: token.place, message: "expected `\(sign)` \(context), found \(found)")
    }

    private mutating func expectArrow() throws(Mistake) {
        guard token.kind == .arrow else {
            throw Mistake(place: token.place, message: "expected `=>` between inputs and outputs, found \(found)")
        }
        advance()
    }

    /// `( )` or `( element, element )`
    private mutating func list<Element>(
        _ context: String, _ element: (inout Parser) throws(Mistake) -> Element
    ) throws(Mistake) -> [Element] {
        try expect("(", context)
        guard !accept(")") else { return [] }
        var elements: [Element] = []
        repeat { elements.append(try element(&self)) } while accept(",")
        guard accept(")") else {
            throw Mistake(place: token.place, message: "expected `,` or `)`, found \(found)")
        }
        return elements
    }

    // MARK: - Going on after a mistake

    /// `function` or `composition` followed by a name: no statement begins so.
    private var isAtTopLevel: Bool {
        let word = text(token)
        return (word == "function" || word == "composition")
            && (following.kind == .name || following.kind == .versionedName)
    }

    private mutating func skipToTopLevel() {
        while token.kind != .end, !isAtTopLevel { advance() }
    }

    /// Behind the next `;`, or before what ends the block.
    private mutating func skipStatement() {
        while token.kind != .end, token.kind != .sign(UInt8(ascii: "}")), !isAtTopLevel {
            if accept(";") { return }
            advance()
        }
    }
}

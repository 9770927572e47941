/// What the parser makes of a text; names are not resolved yet.
struct Module {
    var declarations: [Header] = []
    var compositions: [CompositionSyntax] = []
}

struct Name {
    var text: String
    var place: Mark
}

/// `name(inputs) => (outputs)` of a declaration or a composition.
struct Header {
    var name: Name
    var inputs: [Name]
    var outputs: [Name]
}

struct CompositionSyntax {
    var header: Header
    var statements: [Statement]
}

/// `callee(inputs) => (outputs) by join;`
struct Statement {
    var callee: Name
    var inputs: [InputSyntax]
    var outputs: [OutputSyntax]
    var join: JoinSyntax?
}

/// `parameter = optional sharding set`
struct InputSyntax {
    var parameter: Name
    var isOptional: Bool
    var sharding: Sharding
    var set: Name
}

/// `set = parameter`
struct OutputSyntax {
    var set: Name
    var parameter: Name
}

/// `first operator name operator name`
struct JoinSyntax {
    struct Step {
        /// nil: `cross`
        var kind: JoinKind?
        var name: Name
    }

    var first: Name
    var steps: [Step]
}

public import Failure

/// What becomes of a text whose compositions have names that are registered.
public enum TakenNames: Sendable {
    /// It is refused.
    case refused
    /// They are new versions: they may have the names, but not call, by way of others, themselves.
    case versions
    /// Nothing: the text is run once and not registered, or has been checked before.
    case shadowed
}

extension CompositionGraph {
    /// Longer texts are refused, so that a text cannot take memory out of proportion.
    static var longestText: Int { 4 << 20 }

    /// Parses and checks a text; gives its compositions, callees before callers.
    ///
    /// `taken` says whether its compositions may have registered names.
    /// Throws `.tooLarge`, `.invalid`, or `.conflict` when nothing but registered names is in the way; the detail shows
    /// each mistake with line, column and excerpt, the facts `line` and `column` are those of the first.
    public static func compile(
        _ text: String, in environment: Environment, taken: TakenNames = .refused
    ) throws(Failure) -> [CompositionGraph] {
        let length = text.utf8.count
        guard length <= longestText else {
            throw Failure(.tooLarge, "the text has \(length) bytes; a composition may have \(longestText)")
        }
        let diagnostics = Diagnostics(source: Array(text.utf8))
        var parser = Parser(diagnostics)
        let module = parser.module()
        // Names are resolved only in a text that parses: otherwise one mistake would be told many times.
        if let failure = diagnostics.failure { throw failure }
        let graphs = ModuleChecker(module, environment, diagnostics, taken).check()
        if let failure = diagnostics.failure { throw failure }
        return graphs
    }
}

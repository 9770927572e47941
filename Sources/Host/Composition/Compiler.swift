public import Failure

extension CompositionGraph {
    /// Parses and checks a text; gives its compositions, callees before callers.
    ///
    /// `shadowing`: its compositions may have registered names (a text that is run once and not registered).
    /// Throws `.invalid`, or `.conflict` when nothing but registered names is in the way; the detail shows each mistake
    /// with line, column and excerpt, the facts `line` and `column` are those of the first.
    public static func compile(
        _ text: String, in environment: Environment, shadowing: Bool = false
    ) throws(Failure) -> [CompositionGraph] {
        []
    }
}

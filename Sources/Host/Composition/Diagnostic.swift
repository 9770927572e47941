/// A place in a text; both count from 1, columns in Unicode scalars.
public struct Position: Sendable, Hashable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// One mistake in a text.
public struct Diagnostic: Sendable, Equatable {
    public var position: Position
    /// One sentence: what is wrong and, where it is known, what would be right.
    public var message: String
    /// The line in question and a caret below the place.
    public var excerpt: String
    /// The name is taken by something registered: a conflict, not a mistake in the text itself.
    public var isConflict: Bool
}

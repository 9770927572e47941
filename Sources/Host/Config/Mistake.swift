internal import Failure

/// Where something stands in a text: line and column from 1, in code points.
public struct Place: Sendable, Equatable, Comparable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (left: Place, right: Place) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// One thing that is wrong in a file.
public struct Mistake: Sendable, Equatable, CustomStringConvertible {
    /// The file as the user named it.
    public var file: String
    /// Nil when it concerns the file as a whole.
    public var place: Place?
    public var message: String
    /// The line concerned and a caret below the column, where the text was at hand.
    public var excerpt: String?

    public init(file: String, place: Place?, message: String, excerpt: String? = nil) {
        self.file = file
        self.place = place
        self.message = message
        self.excerpt = excerpt
    }

    /// `file:line:column: message`, the form that editors jump to.
    public var description: String {
        guard let place else { return "\(file): \(message)" }
        return "\(file):\(place.line):\(place.column): \(message)"
    }
}

/// All mistakes of a config, in the order of the text; never empty.
public struct ConfigError: Error, Sendable, CustomStringConvertible {
    public var mistakes: [Mistake]

    public init(mistakes: [Mistake]) {
        self.mistakes = mistakes
    }

    /// One mistake a line, each followed by its excerpt.
    public var description: String {
        mistakes.map { mistake in "\(mistake)" + (mistake.excerpt.map { "\n\($0)" } ?? "") }.joined(separator: "\n")
    }
}

/// Gathers the mistakes of one text, so that all are told at once.
final class MistakeLog {
    let file: String
    let text: String
    private let lines: [Substring]
    private var found: [Mistake] = []

    init(file: String, text: String) {
        self.file = file
        self.text = text
        // By scalars: as a Character, "\r\n" is one and no "\n".
        lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map(Substring.init)
    }

    func add(_ place: Place?, _ message: String) {
        found.append(Mistake(file: file, place: place, message: message, excerpt: place.flatMap(excerpt)))
    }

    /// Throws when anything was added.
    func finish() throws(ConfigError) {
        if !found.isEmpty { throw ConfigError(mistakes: mistakes) }
    }

    var mistakes: [Mistake] {
        found.sorted { ($0.place ?? Place(line: 0, column: 0)) < ($1.place ?? Place(line: 0, column: 0)) }
    }

    private func excerpt(_ place: Place) -> String? {
        guard place.line >= 1, place.line <= lines.count else { return nil }
        let line = lines[place.line - 1].prefix(120).filter { $0 != "\r" }
        guard place.column >= 1, place.column <= line.unicodeScalars.count + 1 else { return "    \(line)" }
        // Tabs are kept, so that the caret stands below its column whatever a tab's width is.
        let margin = line.unicodeScalars.prefix(place.column - 1).map { $0 == "\t" ? "\t" : " " }.joined()
        return "    \(line)\n    \(margin)^"
    }
}

extension Nearest {
    /// "did you mean 'x'?" when one of `words` is close to `word`, else the list of them.
    static func hint(for word: String, among words: [String]) -> String {
        if let nearest = nearest(to: word, among: words) { return "did you mean '\(nearest)'?" }
        if words.isEmpty { return "none is listed" }
        return "known are " + words.map { "'\($0)'" }.joined(separator: ", ")
    }
}

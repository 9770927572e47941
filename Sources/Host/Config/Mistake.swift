internal import Failure
public import Values

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
        let line = Self.harmless(lines[place.line - 1].prefix(120).filter { $0 != "\r" }).unicodeScalars
        guard place.column >= 1, place.column <= line.count + 1 else { return "    \(String(line))" }
        let before = line.prefix(place.column - 1).reduce(0) { $0 + UTF8.width($1) }
        return Array(String(line).utf8).excerpt(around: before)
    }
}

extension MistakeLog {
    /// Keys of the host's own tables, whose values are no secrets.
    private static let known: Set<Substring> = [
        "backends", "class", "cores", "dead_band", "idle_timeout", "image_cache", "inline", "interval", "ki", "kp",
        "listen",
        "log", "max_body", "max_connections", "max_requests", "max_response", "memory", "memory_limit", "path",
        "plugin",
        "plugin_directory", "protocol", "queue_delay", "sha256", "state", "timeout", "drain_timeout", "translators",
        "waiting", "weight", "local_path", "optional", "address", "authenticate", "clients", "insecure", "serves",
    ]

    /// The line without what might be a secret: logs and replies show it. Left are comments, names of tables, keys, values
    /// of the host's own keys, and plain numbers and truth values.
    static func harmless(_ line: String) -> String {
        let trimmed = line.drop { $0 == " " || $0 == "\t" }
        if trimmed.isEmpty || trimmed.first == "#" { return line }
        if isTableName(trimmed) { return line }
        // Before the sign of a key there are neither texts nor lists; where there are, it stands in a value.
        guard let equals = line.firstIndex(of: "="), !line[..<equals].contains(where: { "\"',[{".contains($0) }) else {
            return "***"
        }
        let key = line[..<equals].split(whereSeparator: { " \t.".contains($0) }).last ?? ""
        let value = line[line.index(after: equals)...].drop { $0 == " " || $0 == "\t" }
        if known.contains(key), !value.contains("{") { return line }
        let bare = value.prefix { $0 != "#" }.filter { $0 != " " && $0 != "\t" }
        let isNumber = (1...6).contains(bare.utf8.count) && bare.allSatisfy(\.isNumber)
        let isPlain = isNumber || bare == "true" || bare == "false"
        return isPlain ? line : String(line[...equals]) + " ***"
    }

    /// `[table."name"]`; a list of texts begins with a quote.
    private static func isTableName(_ text: Substring) -> Bool {
        let inside = text.drop { $0 == "[" }
        guard text.first == "[", let first = inside.first, first.isLetter || first.isNumber else { return false }
        return !text.contains { $0 == "=" || $0 == "," }
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

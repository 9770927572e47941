internal import Failure

/// A place in a text; both count from 1, columns in Unicode scalars.
public struct Position: Sendable, Hashable, Comparable {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (a: Position, b: Position) -> Bool {
        (a.line, a.column) < (b.line, b.column)
    }
}

/// A position and the byte of the text it stands for.
struct Place {
    var offset: Int
    var position: Position
}

/// One mistake in a text.
struct Diagnostic {
    var place: Place
    /// One sentence: what is wrong and, where it is known, what would be right.
    var message: String
    /// The name is taken by something registered: a conflict, not a mistake in the text itself.
    var isConflict: Bool
}

/// Collects the mistakes of one text, and tells them together.
final class Diagnostics {
    /// Further mistakes are counted, not told.
    static let told = 20

    let source: [UInt8]
    private var list: [Diagnostic] = []
    private var untold = 0

    init(source: [UInt8]) {
        self.source = source
    }

    var isEmpty: Bool { list.isEmpty }
    var count: Int { list.count + untold }
    /// Whether one more would be told: when not, its message is not worth making.
    var isFull: Bool { list.count >= Diagnostics.told }

    func add(_ place: Place, _ message: @autoclosure () -> String, isConflict: Bool = false) {
        guard !isFull else {
            untold += 1
            return
        }
        list.append(Diagnostic(place: place, message: message(), isConflict: isConflict))
    }

    /// nil when there is no mistake.
    var failure: Failure? {
        let sorted = list.sorted { $0.place.position < $1.place.position }
        guard let first = sorted.first else { return nil }
        var text = sorted.map(render).joined(separator: "\n")
        if untold > 0 { text += "\nand \(untold) more" }
        return Failure(
            list.allSatisfy(\.isConflict) ? .conflict : .invalid, text,
            [
                .init("line", String(first.place.position.line)), .init("column", String(first.place.position.column)),
                .init("errors", String(list.count + untold)),
            ])
    }

    private func render(_ diagnostic: Diagnostic) -> String {
        let position = diagnostic.place.position
        return "line \(position.line), column \(position.column): \(diagnostic.message)\n"
            + excerpt(around: diagnostic.place.offset)
    }

    /// The line with a caret below the place, cut to about a screen's width.
    private func excerpt(around offset: Int) -> String {
        let reach = 60
        var start = offset
        while start > 0, offset - start < reach, source[start - 1] != UInt8(ascii: "\n") { start -= 1 }
        while start < offset, isContinuation(source[start]) { start += 1 }
        var end = offset
        while end < source.count, end - offset < reach, source[end] != UInt8(ascii: "\n") { end += 1 }
        while end > offset, end < source.count, isContinuation(source[end]) { end -= 1 }
        // Tabs and other controls take one column, so that the caret stands right.
        let shown = source[start..<end].map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: " ") : $0 }
        let columns = source[start..<offset].reduce(0) { $0 + (isContinuation($1) ? 0 : 1) }
        return "    \(String(decoding: shown, as: UTF8.self))\n    \(String(repeating: " ", count: columns))^"
    }
}

/// A byte inside a UTF-8 sequence, not its first.
func isContinuation(_ byte: UInt8) -> Bool { byte & 0xc0 == 0x80 }

/// "; did you mean `x`?" with the nearest of the candidates, or nothing when none is near.
func suggestion(for name: String, among candidates: some Sequence<String>) -> String {
    Nearest.nearest(to: name, among: candidates).map { "; did you mean `\($0)`?" } ?? ""
}

internal import Failure
internal import Values

/// A place and the byte of the text that it stands for.
struct Mark {
    var offset: Int
    var position: Place
}

/// One mistake in a text.
struct Diagnostic {
    var place: Mark
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

    func add(_ place: Mark, _ message: @autoclosure () -> String, isConflict: Bool = false) {
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
            + source.excerpt(around: diagnostic.place.offset)
    }
}

/// "; did you mean `x`?" with the nearest of the candidates, or nothing when none is near.
func suggestion(for name: String, among candidates: some Sequence<String>) -> String {
    Nearest.nearest(to: name, among: candidates).map { "; did you mean `\($0)`?" } ?? ""
}

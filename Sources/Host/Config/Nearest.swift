/// Suggestions for a misspelled word.
enum Nearest {
    /// "did you mean 'x'?" when one of `words` is close to `word`, else the list of them.
    static func hint(for word: String, among words: [String]) -> String {
        if let nearest = nearest(to: word, among: words) { return "did you mean '\(nearest)'?" }
        if words.isEmpty { return "none is listed" }
        return "known are " + words.map { "'\($0)'" }.joined(separator: ", ")
    }

    /// The word with the fewest changes, if those are at most a third of it (and one is always admitted).
    static func nearest(to word: String, among words: [String]) -> String? {
        let limit = max(1, word.count / 3)
        return words.map { (distance(fold(word), fold($0)), $0) }
            .filter { $0.0 <= limit }
            .min { $0.0 < $1.0 }?.1
    }

    /// Case and the choice between '-' and '_' are no difference.
    private static func fold(_ word: String) -> [Character] {
        word.lowercased().map { $0 == "-" ? "_" : $0 }
    }

    /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
    static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var before: [Int] = []
        var above = Array(0...right.count)
        for row in left.indices {
            var line = [row + 1]
            for column in right.indices {
                let replaced = above[column] + (left[row] == right[column] ? 0 : 1)
                var best = min(replaced, above[column + 1] + 1, line[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    best = min(best, before[column - 1] + 1)
                }
                line.append(best)
            }
            before = above
            above = line
        }
        return above[right.count]
    }
}

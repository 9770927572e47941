/// Suggestions for a misspelled word.
public enum Nearest {
    /// The word with the fewest changes, if those are at most a third of `word` (and one is always admitted). Case and the
    /// choice between '-' and '_' are no difference; words of more than 64 bytes are not looked at.
    public static func nearest(to word: String, among words: some Sequence<String>) -> String? {
        let wanted = fold(word)
        let allowed = max(1, wanted.count / 3)
        guard wanted.count <= 64 else { return nil }
        var best: (distance: Int, word: String)?
        for candidate in words where abs(candidate.utf8.count - wanted.count) <= allowed {
            let distance = distance(wanted, fold(candidate))
            if distance <= allowed, distance < best?.distance ?? .max { best = (distance, candidate) }
        }
        return best?.word
    }

    private static func fold(_ word: String) -> [UInt8] {
        word.lowercased().utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
    }

    /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var before: [Int] = []
        var above = Array(0...right.count)
        for row in left.indices {
            var line = [row + 1]
            line.reserveCapacity(right.count + 1)
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

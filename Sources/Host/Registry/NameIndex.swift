/// Names in order: a page of them, or those beside a word, is found without a look at all the others.
///
/// Kept in runs of a few hundred, so that a change moves little and many are added in any order.
struct NameIndex {
    private var runs: [[String]] = []
    private static let longestRun = 512

    /// Adds a name that is not there.
    mutating func insert(_ name: String) {
        guard !runs.isEmpty else {
            runs = [[name]]
            return
        }
        let run = run(of: name)
        runs[run].insert(name, at: Self.place(of: name, in: runs[run]))
        guard runs[run].count > Self.longestRun else { return }
        let half = Self.longestRun / 2
        runs.insert(Array(runs[run][half...]), at: run + 1)
        runs[run].removeSubrange(half...)
    }

    mutating func remove(_ name: String) {
        guard !runs.isEmpty else { return }
        let run = run(of: name)
        let place = Self.place(of: name, in: runs[run])
        guard place < runs[run].count, runs[run][place] == name else { return }
        runs[run].remove(at: place)
        if runs[run].isEmpty { runs.remove(at: run) }
    }

    /// At most `limit` names that follow `name`, which need not be there; from the first on when nil.
    func names(after name: String?, limit: Int) -> [String] {
        guard !runs.isEmpty else { return [] }
        var run = 0
        var place = 0
        if let name {
            run = self.run(of: name)
            place = Self.place(of: name, in: runs[run])
            if place < runs[run].count, runs[run][place] == name { place += 1 }
        }
        var found: [String] = []
        while run < runs.count, found.count < limit {
            found += runs[run][place...].prefix(limit - found.count)
            run += 1
            place = 0
        }
        return found
    }

    /// At most `limit` names on either side of where `name` stands or would stand.
    func names(near name: String, limit: Int) -> [String] {
        guard !runs.isEmpty else { return [] }
        let run = run(of: name)
        let before = run > 0 ? runs[run - 1] : []
        let after = run + 1 < runs.count ? runs[run + 1] : []
        let place = before.count + Self.place(of: name, in: runs[run])
        let all = before + runs[run] + after
        return Array(all[max(0, place - limit)..<min(all.count, place + limit)])
    }

    /// The run that holds `name` or would take it.
    private func run(of name: String) -> Int {
        var low = 0
        var high = runs.count
        while high - low > 1 {
            let middle = (low + high) / 2
            // No run is empty.
            if let first = runs[middle].first, first <= name { low = middle } else { high = middle }
        }
        return low
    }

    private static func place(of name: String, in run: [String]) -> Int {
        var low = 0
        var high = run.count
        while low < high {
            let middle = (low + high) / 2
            if run[middle] < name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

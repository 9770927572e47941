/// "; did you mean `x`?" with the nearest of the candidates, or nothing when none is near.
func suggestion(for name: String, among candidates: some Sequence<String>) -> String {
    guard let nearest = nearest(to: name, among: candidates) else { return "" }
    return "; did you mean `\(nearest)`?"
}

/// The candidate with the fewest edits from `name`, if it is near enough to be meant.
private func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
    let wanted = Array(name.lowercased().utf8)
    let allowed = max(1, wanted.count / 3)
    guard wanted.count <= 64 else { return nil }
    var best: (distance: Int, name: String)?
    for candidate in candidates where abs(candidate.utf8.count - wanted.count) <= allowed {
        let distance = editDistance(wanted, Array(candidate.lowercased().utf8))
        if distance <= allowed, distance < best?.distance ?? .max { best = (distance, candidate) }
    }
    return best?.name
}

/// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`: optimal string alignment.
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        row.reserveCapacity(b.count + 1)
        for j in b.indices {
            var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
            row.append(cost)
        }
        (beforeLast, last) = (last, row)
    }
    return last[b.count]
}

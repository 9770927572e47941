/// Nodes 0 ..< count so that each comes behind all it needs, and nil; or nil and the nodes of one cycle, each followed by
/// one that it needs.
///
/// `needs[i]` may hold a node several times. Keeps the given order where the needs allow (Kahn's algorithm).
func topologicalOrder(needs: [[Int]]) -> (order: [Int]?, cycle: [Int]) {
    var waits = needs.map(\.count)
    var neededBy = [[Int]](repeating: [], count: needs.count)
    for (node, needed) in needs.enumerated() {
        for other in needed { neededBy[other].append(node) }
    }
    var order = needs.indices.filter { waits[$0] == 0 }
    order.reserveCapacity(needs.count)
    var done = 0
    while done < order.count {
        for node in neededBy[order[done]] {
            waits[node] -= 1
            if waits[node] == 0 { order.append(node) }
        }
        done += 1
    }
    if order.count == needs.count { return (order, []) }
    return (nil, cycle(needs: needs, unordered: { waits[$0] > 0 }))
}

/// Walks from an unordered node to one that it needs, until a node comes again; begins with the cycle's lowest node.
private func cycle(needs: [[Int]], unordered: (Int) -> Bool) -> [Int] {
    var seenAt: [Int: Int] = [:]
    var path: [Int] = []
    // An unordered node always needs another unordered one, so the walk ends in a cycle.
    var next = needs.indices.first(where: unordered)
    while let node = next, seenAt[node] == nil {
        seenAt[node] = path.count
        path.append(node)
        next = needs[node].first(where: unordered)
    }
    let cycle = next.flatMap { seenAt[$0] }.map { path[$0...] } ?? []
    guard let lowest = cycle.indices.min(by: { cycle[$0] < cycle[$1] }) else { return [] }
    return Array(cycle[lowest...] + cycle[..<lowest])
}

/// Tells trailers of streams that are over from heads of streams that may not begin any more: nghttp2 forgets both and drops
/// what comes on them.
struct StreamOrder {
    private var highest: Int32 = 0
    /// Streams that ended here before the client had sent all of its request, so that the rest may be on its way.
    private var abandoned: [Int32] = []

    /// More than a client can have open at once.
    private static let mostAbandoned = 256

    mutating func begin(_ id: Int32) {
        highest = max(highest, id)
        abandoned.removeAll { $0 == id }
    }

    mutating func abandon(_ id: Int32) {
        if abandoned.count == Self.mostAbandoned { abandoned.removeFirst() }
        abandoned.append(id)
    }

    /// Whether HEADERS may come on `id`, which is not open: the first use of a number ends all that are lower and were never
    /// used (RFC 9113, 5.1.1).
    mutating func admits(headersOn id: Int32) -> Bool {
        guard id > highest else { return abandoned.contains(id) }
        highest = id
        // If it is refused, its trailers may follow all the same.
        abandon(id)
        return true
    }
}

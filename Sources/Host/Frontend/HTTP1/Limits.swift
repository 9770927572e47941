/// What one request may ask of the node's memory and patience.
struct Limits: Sendable {
    /// Request line and header fields, or trailer fields, in bytes.
    var head = 64 << 10
    var fields = 100
    /// A body, in bytes.
    var body = 64 << 20
    /// Shared by all requests of the node.
    var budget = MemoryBudget(limit: .max)
}

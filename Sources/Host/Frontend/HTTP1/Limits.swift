internal import Failure
internal import Memory

/// What one request may ask of the node's memory and patience.
struct Limits: Sendable {
    /// Request line and header fields, or trailer fields, in bytes.
    var head = 64 << 10
    var fields = 100
    /// A body, in bytes.
    var body = 64 << 20
    /// Shared by all requests of the node.
    var budget = MemoryBudget()
    /// The account of a request's tenant.
    var account: (@Sendable (RequestHead) -> MemoryAccount)?
    /// Refuses a request that would not be served now, before its body is read.
    var admit: (@Sendable (RequestHead) throws(Problem) -> Void)?

    /// To be asked before a body that has not arrived yet is read.
    /// - Parameter length: Of the body, if it is known.
    func admit(_ head: RequestHead, length: Int?) throws(Problem) {
        try admit?(head)
        guard let length else { return }
        do throws(Failure) { try account(of: head).check(length, .bodies) } catch { throw Problem(error) }
    }

    /// Where a request's body is charged.
    func account(of head: RequestHead) -> MemoryAccount { account?(head) ?? budget.own }
}

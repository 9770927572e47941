internal import Durable
internal import Failure
internal import Items
internal import Memory
internal import Registry

/// How a request wants its invocation to outlive it.
struct DurableTerms: Sendable {
    /// Answered when it is kept, not when it is done.
    let isAsync: Bool
    /// Nanoseconds that the answer may wait for the result all the same.
    let wait: UInt64?
    let key: String?

    /// Nil for an ordinary request.
    init?(_ head: RequestHead) throws(Problem) {
        let preferences = Preferences(head)
        key = try head.idempotencyKey()
        guard preferences.isAsync || key != nil else { return nil }
        isAsync = preferences.isAsync
        wait = preferences.wait
    }
}

/// The input of a durable invocation: as functions get it, and as it is kept.
struct DurableInput: Sendable {
    let sets: DecodedSets
    let kept: Blob
    let key: IdempotencyKey?

    /// - Parameter type: of the body; forms that differ in their boundary only are the same.
    init(
        _ sets: DecodedSets, _ order: InvocationOrder, key: String?, type: MediaType, limit: Int,
        _ account: MemoryAccount
    ) throws(Problem) {
        self.sets = sets
        do throws(Failure) { kept = try StoredSets.encode(sets.sets, limit: limit, account) } catch {
            throw Problem(error)
        }
        guard let key else {
            self.key = nil
            return
        }
        let facts = [
            "invoke", order.name, order.className ?? "", order.fresh ? "fresh" : "", "\(type)", Store.digest(of: kept),
        ]
        let whole = facts.map { "\($0.utf8.count):\($0)" }.joined()
        self.key = IdempotencyKey(text: key, fingerprint: Array(Store.digest(of: Blob(whole)).utf8))
    }
}

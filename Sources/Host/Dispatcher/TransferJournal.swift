public import Failure
public import Items

/// Remembers what the requests to the outside of one invocation led to, so that another attempt of it repeats none whose effect it
/// cannot know. All on the loop of the invocation's worker.
public protocol TransferJournal: AnyObject {
    /// What is to be done about a request before it is made; `then` is called once, perhaps at once.
    func plan(_ step: TransferStep, then: @escaping (TransferPlan) -> Void)

    /// How a request that was made has ended. `then` is called once that may be used, or with why it may not.
    func settle(_ step: TransferStep, _ outcome: TransferOutcome, then: @escaping (Failure?) -> Void)
}

/// One request of a communication function.
public struct TransferStep: Sendable {
    /// Where in the invocation it is made: the same in each attempt. Numbers of calls behind `/`, of instances behind `.`, of items
    /// behind `#`.
    public let place: String
    public let function: String
    /// The name of the item that holds it.
    public let item: String
    public let inputs: [Blob]
    /// Its protocol makes it safe to repeat.
    public let isRepeatable: Bool
}

public enum TransferPlan: Sendable {
    case make
    /// It was made before, and had this answer.
    case known([Blob])
    /// It must not be made.
    case refuse(Failure)
}

public enum TransferOutcome: Sendable {
    case answered([Blob])
    /// It surely had no effect.
    case notMade
    /// It may have had its effect.
    case unknown(Failure)
}

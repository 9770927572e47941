internal import Failure
public import Items
internal import Memory

/// Where durable invocations are looked up. Any thread; every call may wait for a disk or a peer.
protocol InvocationArchive: AnyObject, Sendable {
    /// - Parameter owner: only one of theirs; nil: of what this node runs, whosever it is.
    func record(_ id: InvocationID, of owner: InvocationOwner?) throws(Failure) -> InvocationRecord?
    /// The latest first.
    func records(_ filter: RecordFilter) throws(Failure) -> [InvocationRecord]
    /// Requests that were made, or were about to be.
    func steps(of id: InvocationID) throws(Failure) -> [StoredStep]
    /// The answer of one; nil where there is none.
    func outcome(of id: InvocationID, at place: String, _ account: MemoryAccount) throws(Failure) -> Blob?
    /// Nil where there is none any more; charged to `account`.
    func payload(
        _ payload: Payload, of record: InvocationRecord, _ account: MemoryAccount
    ) throws(Failure) -> Blob?
}

/// Where one node keeps durable invocations by itself. `apply` is for one thread, the committer's.
protocol InvocationStore: InvocationArchive {
    /// Makes all changes, in their order. When this returns they survive the process and the machine; when it throws, none of
    /// them is made.
    /// - Returns: one result for each change.
    /// - Throws: `.memory` when there is no room, `.unavailable` for any other trouble.
    func apply(_ changes: [Change]) throws(Failure) -> [ChangeResult]

    /// What has not ended, in the order of acceptance, and what each tenant's invocations take.
    func recover() throws(Failure) -> Recovered

    /// Of all, in the order of their names.
    func schedules() throws(Failure) -> [ScheduleRecord]
}

enum Payload: Sendable { case input, result }

/// A change to what is kept. Times are nanoseconds since 1970.
enum Change: Sendable {
    case accept(Acceptance)
    /// An attempt is about to begin.
    case begin(InvocationID, now: UInt64)
    /// The invocation has ended, unless it had before.
    case end(InvocationID, Ending)
    /// The attempt failed; another one begins at `due`.
    case postpone(InvocationID, Ending, due: UInt64)
    /// The attempt was cut short by the node's end, and does not count.
    case giveBack(InvocationID)
    /// A request that must not be made twice is about to be made.
    case intend(InvocationID, StoredStep)
    /// What a request led to, while the invocation has not ended.
    case settle(InvocationID, StoredStep, outcome: Blob)
    /// A request was not made after all.
    case retract(InvocationID, place: String)
    /// A request of another attempt comes again as another one.
    case doubt(InvocationID, place: String)
    /// What somebody says of requests that nobody knows the effect of; nil = of all. When all are decided on it waits again.
    case decide(InvocationRecord, place: String?, Decision, due: UInt64)
    /// In the place of the one of that name.
    case putSchedule(ScheduleRecord, Blob)
    case removeSchedule(String, InvocationOwner)
    case fire(Firing)
    /// Ends it if it has not ended; one that is uncertain too.
    case cancel(InvocationRecord, now: UInt64)
    /// Has one that ended without a result wait again, with all its attempts.
    case reopen(InvocationRecord, due: UInt64)
    case expire(Expiry)
}

/// About a request whose effect is not known.
public enum Decision: Sendable {
    /// It had none: it is made again.
    case again
    /// It had it: functions get this answer, as `StoredSets` encodes it; nil = the one that is known, else an empty one.
    case happened(Blob?)
}

struct Acceptance: Sendable {
    var id: InvocationID
    var order: InvocationOrder
    var input: Blob
    var now: UInt64
    /// Its first attempt begins at once.
    var begins: Bool
    var key: IdempotencyKey?
    /// Until when the key is kept.
    var keyEnd: UInt64 = 0
}

/// How an attempt ended.
struct Ending: Sendable {
    var state: InvocationState
    var now: UInt64
    var exitCode: Int32 = 0
    /// Nine numbers, as `StoredTimeline` writes them.
    var timeline = ""
    var result: Blob = .empty
    var failure: Failure?
}

/// What is too old, or beyond the room for results.
struct Expiry: Sendable {
    /// What ended before is removed.
    var ended: UInt64
    /// The same for dead letters.
    var dead: UInt64
    /// Keys that end before are removed.
    var now: UInt64
    /// Bytes by which there is too much: the oldest that ended go.
    var excess: Int
    /// Rows of one kind at once.
    static let most = 256
}

enum ChangeResult: Sendable {
    case made
    /// The invocation is another one: the key's.
    case existing(InvocationID, isSame: Bool)
    /// Another one had the name.
    case replaced
    /// The tenant has as many as it may.
    case full
    /// So many requests are still to be decided on.
    case decided(left: Int)
    /// Nothing was changed: the invocation is in another state, or is not there.
    case unchanged
    /// Bytes by which what the tenant's invocations take has grown.
    case resized(Int)
    /// Removed: whose, how many bytes; whether there is more to remove.
    case expired([(tenant: String, bytes: Int)], isMore: Bool)
}

struct RecordFilter: Sendable {
    var owner: InvocationOwner
    var state: InvocationState?
    var name: String?
    /// Only those that were accepted before this one.
    var before: InvocationID?
    var limit: Int
}

/// What a node finds when it starts.
struct Recovered: Sendable {
    struct Open: Sendable {
        var id: InvocationID
        var tenant: String
        var attempts: Int
        var wasRunning: Bool
        var due: UInt64
    }

    var open: [Open] = []
    /// Bytes of inputs and results.
    var taken: [String: Int] = [:]
    /// The last id that was given.
    var last: InvocationID?
}

internal import Config
internal import Dispatcher
internal import Engines
internal import Failure
internal import Items
internal import Memory
internal import Platform
internal import Registry

/// What the requests to the outside of one invocation led to, in the store: the outcome of each before anything uses it, and, of those
/// that must not be made twice, that they are about to be made before they are.
final class EffectJournal: TransferJournal, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `known` and `doubt` are touched on the worker's loop only; other threads carry the reference.
    private let id: InvocationID
    private let account: MemoryAccount
    private let worker: Worker
    private unowned let owner: DurableInvocations
    private var known: [String: StoredStep]
    /// Why the invocation cannot go on by itself; nil = it can.
    private(set) var doubt: Failure?

    /// Digests of more bytes are not for the loop.
    private static let shortRequest = 256 << 10

    /// - Parameter steps: those of earlier attempts.
    init(
        of id: InvocationID, steps: [StoredStep], _ account: MemoryAccount, on worker: Worker,
        of owner: DurableInvocations
    ) {
        self.id = id
        self.account = account
        self.worker = worker
        self.owner = owner
        known = Dictionary(steps.map { ($0.place, $0) }) { first, _ in first }
    }

    // MARK: Before a request

    func plan(_ step: TransferStep, then: @escaping (TransferPlan) -> Void) {
        // SAFETY of nonisolated(unsafe): called on the loop only; threads between just carry it there.
        nonisolated(unsafe) let then = then
        guard step.inputs.reduce(0, { $0 + $1.count }) > Self.shortRequest else {
            return plan(step, Self.digest(of: step), then: then)
        }
        let digesting: @Sendable () -> Void = { [self] in
            let digest = Self.digest(of: step)
            worker.loop.post { [self] in plan(step, digest, then: then) }
        }
        if !owner.readers.submit(digesting) { digesting() }
    }

    private static func digest(of step: TransferStep) -> String {
        let parts = [step.function] + step.inputs.map { Store.digest(of: $0) }
        return Store.digest(of: Blob(parts.joined(separator: "\n")))
    }

    private func plan(_ step: TransferStep, _ digest: String, then: @escaping (TransferPlan) -> Void) {
        nonisolated(unsafe) let then = then
        var stored = StoredStep(place: step.place, digest: digest, function: step.function, item: step.item)
        if let before = known[step.place], before.isIntent || before.hasOutcome {
            // One that was decided on by hand stands for whatever is asked for there.
            guard before.digest == digest || before.digest.isEmpty else {
                return note(before, .differs, then: then)
            }
            guard before.hasOutcome, !before.isDoubted else { return note(before, .noOutcome, then: then) }
            return recall(step, then: then)
        }
        stored.isIntent = !step.isRepeatable
        known[step.place] = stored
        guard stored.isIntent else { return then(.make) }
        owner.submit(.intend(id, stored)) { [self] result in
            worker.loop.post {
                if case .failure(let failure) = result { return then(.refuse(failure)) }
                then(.make)
            }
        }
    }

    private func recall(_ step: TransferStep, then: @escaping (TransferPlan) -> Void) {
        nonisolated(unsafe) let then = then
        owner.read { [self] result in
            let plan: TransferPlan
            do throws(Failure) {
                guard let blob = try result.get()?.outcome(of: id, at: step.place, account) else {
                    throw Failure(.internal, "the store has lost the outcome of request \(step.place)")
                }
                plan = .known(try StoredSets.decode(blob).first?.items.map(\.data) ?? [])
            } catch { plan = .refuse(error) }
            worker.loop.post { then(plan) }
        }
    }

    private enum Reason {
        case noOutcome, differs

        var text: String {
            switch self {
            case .noOutcome: "it was made, and what it led to is not known"
            case .differs: "it was made before as another one than it is now"
            }
        }
    }

    private func note(_ step: StoredStep, _ reason: Reason, then: @escaping (TransferPlan) -> Void) {
        let failure = Failure(
            .upstream, "request \(step.place) of function '\(step.function)' must not be made again: \(reason.text)",
            [.init("reason", "uncertain")] + step.facts)
        doubt = failure
        nonisolated(unsafe) let then = then
        guard reason == .differs else { return then(.refuse(failure)) }
        owner.submit(.doubt(id, place: step.place)) { [worker] _ in
            worker.loop.post { then(.refuse(failure)) }
        }
    }

    // MARK: After it

    func settle(_ step: TransferStep, _ outcome: TransferOutcome, then: @escaping (Failure?) -> Void) {
        guard let stored = known[step.place] else { return then(nil) }
        switch outcome {
        case .answered(let outputs): keep(stored, outputs, then: then)
        case .notMade:
            known[step.place] = nil
            guard stored.isIntent else { return then(nil) }
            submit(.retract(id, place: step.place)) { then(nil) }
        case .unknown:
            guard stored.isIntent else { return then(nil) }
            note(stored, .noOutcome) { _ in then(nil) }
        }
    }

    private func keep(_ stored: StoredStep, _ outputs: [Blob], then: @escaping (Failure?) -> Void) {
        nonisolated(unsafe) let then = then
        let sets = [ItemSet(name: .empty, items: outputs.map { Item(ident: .empty, data: $0) })]
        let encoding: @Sendable () -> Void = { [self] in
            let outcome: Result<Blob, Failure>
            do throws(Failure) {
                outcome = .success(
                    try StoredSets.encode(sets, limit: Int(owner.settings.maxPayload), account))
            } catch { outcome = .failure(error) }
            worker.loop.post { [self] in keep(stored, outcome, then: then) }
        }
        let isLong = StoredSets.size(of: sets) > Self.shortRequest
        if !isLong || !owner.readers.submit(encoding) { encoding() }
    }

    private func keep(_ stored: StoredStep, _ outcome: Result<Blob, Failure>, then: @escaping (Failure?) -> Void) {
        do throws(Failure) {
            submit(.settle(id, stored, outcome: try outcome.get())) { [self] in
                known[stored.place]?.hasOutcome = true
                then(nil)
            }
        } catch {
            var failure = error
            failure.detail =
                "the answer to request \(stored.place) of function '\(stored.function)' cannot be kept: \(error.detail)"
            failure.facts += stored.facts
            // What may be made again is, by another attempt.
            if stored.isIntent { doubt = failure }
            then(failure)
        }
    }

    /// An outcome is not used before it is on disk, however long that takes.
    private func submit(_ change: Change, _ then: @escaping () -> Void) {
        nonisolated(unsafe) let then = then
        owner.submit(change) { [self] result in
            worker.loop.post { [self] in
                switch result {
                case .success(.resized(let bytes)):
                    owner.grow(id, by: bytes)
                    then()
                case .success: then()
                case .failure(let failure):
                    guard !owner.isStopping else { return }
                    owner.metrics.unwritten(failure)
                    worker.loop.schedule(at: Clock.now() &+ 500_000_000) { [self] in submit(change, then) }
                }
            }
        }
    }
}

/// A request of an earlier attempt.
struct StoredStep: Sendable, Equatable {
    let place: String
    /// Of function and inputs; empty = of whatever there is.
    var digest: String
    let function: String
    let item: String
    var hasOutcome = false
    /// It came again as another one.
    var isDoubted = false
    /// It stands in the store before it is made.
    var isIntent = true

    var facts: [Failure.Fact] {
        [.init("request", place), .init("function", function), .init("item", item)]
    }

    /// Somebody has to decide about it.
    var isUndecided: Bool { !hasOutcome || isDoubted }
}

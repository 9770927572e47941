public import Engines
public import Failure
public import Items
public import Memory
internal import Platform
internal import Synchronization

/// What clients ask about invocations that were accepted, and have done with them. Those of other owners are not there.
extension DurableInvocations {
    /// A page of an owner's invocations, the latest first.
    public struct Page: Sendable {
        public var owner: InvocationOwner
        public var state: InvocationState?
        public var name: String?
        /// The last one of the page before.
        public var after: InvocationID?
        public var limit: Int

        public init(owner: InvocationOwner, state: InvocationState?, name: String?, after: InvocationID?, limit: Int) {
            self.owner = owner
            self.state = state
            self.name = name
            self.after = after
            self.limit = limit
        }
    }

    /// `completion` is called on some thread.
    /// - Throws: to `completion`, `.notFound` for what is not the owner's.
    public func find(
        _ id: InvocationID, of owner: InvocationOwner,
        _ completion: @escaping @Sendable (Result<InvocationRecord, Failure>) -> Void
    ) {
        read { result in
            do throws(Failure) {
                guard let record = try result.get()?.record(id, of: owner) else {
                    throw .noInvocation(id)
                }
                completion(.success(record))
            } catch { completion(.failure(error)) }
        }
    }

    /// One entry more than the page has, if there are more.
    public func list(
        _ page: Page, _ completion: @escaping @Sendable (Result<[InvocationRecord], Failure>) -> Void
    ) {
        read { result in
            do throws(Failure) {
                let filter = RecordFilter(
                    owner: page.owner, state: page.state, name: page.name, before: page.after, limit: page.limit + 1)
                completion(.success(try result.get()?.records(filter) ?? []))
            } catch { completion(.failure(error)) }
        }
    }

    /// The outputs of one that is done; charged to `account`.
    public func result(
        of record: InvocationRecord, _ account: MemoryAccount,
        _ completion: @escaping @Sendable (Result<[ItemSet], Failure>) -> Void
    ) {
        read { result in
            do throws(Failure) {
                guard let blob = try result.get()?.payload(.result, of: record, account) else {
                    throw .noInvocation(record.id)
                }
                completion(.success(try StoredSets.decode(blob)))
            } catch { completion(.failure(error)) }
        }
    }

    /// Calls `action` on the worker's loop when the invocation has ended, at once if it has, and at the latest at `deadline`
    /// (CLOCK_MONOTONIC ns). On that loop.
    public func whenEnded(
        _ id: InvocationID, of owner: InvocationOwner, until deadline: UInt64, on worker: Worker,
        _ action: @escaping () -> Void
    ) {
        var made: Waiter?
        let waiter = Waiter(on: worker, until: deadline) { [self] in
            line.withLock { line in
                line.waiters[id]?.removeAll { $0 === made }
                if line.waiters[id]?.isEmpty == true { line.waiters[id] = nil }
            }
            made = nil
            action()
        }
        made = waiter
        let waits = line.withLock { line in
            guard !line.isStopping, line.entries[id] != nil || shared != nil else { return false }
            line.waiters[id, default: []].append(waiter)
            return true
        }
        guard waits else { return waiter.tell() }
        if let shared { shared.await(id, of: owner) } else { committer.hurry() }
    }

    /// Ends the invocation, running or not.
    /// - Throws: to `completion`, `.conflict` when it has ended.
    public func cancel(
        _ record: InvocationRecord, _ completion: @escaping @Sendable (Result<Void, Failure>) -> Void
    ) {
        submit(.cancel(record, now: Clock.wall())) { [self] result in
            switch result {
            case .failure(let failure): completion(.failure(failure))
            case .success(.made):
                metrics.ended(.cancelled)
                settle(record.id, 0, hadSlot: false)
                completion(.success(()))
            case .success:
                completion(.failure(Failure(.conflict, "the invocation \(record.id) has ended, and is not cancelled")))
            }
        }
    }

    /// Somebody knows what became of a request, or of all, of an invocation that is uncertain; it goes on when all are decided on.
    /// - Parameter place: of the request; nil = all that are undecided.
    /// - Throws: to `completion`, `.conflict` for one that is not uncertain or has no such request. Else it gets how many are left.
    public func decide(
        _ record: InvocationRecord, place: String?, _ decision: Decision,
        _ completion: @escaping @Sendable (Result<Int, Failure>) -> Void
    ) {
        submit(.decide(record, place: place, decision, due: Clock.wall())) { [self] result in
            switch result {
            case .failure(let failure): completion(.failure(failure))
            case .success(.decided(let left)):
                if left == 0 { open(again: record) }
                completion(.success(left))
            case .success:
                let what =
                    record.state == .uncertain
                    ? "has no undecided request '\(place ?? "")'" : "is \(record.state.name), not uncertain"
                completion(.failure(Failure(.conflict, "the invocation \(record.id) \(what)")))
            }
        }
    }

    /// A request of an invocation that somebody has to decide about.
    public struct Undecided: Sendable {
        public var place: String
        public var function: String
        public var item: String
        /// An answer is known, but to another request than is made now.
        public var hasAnswer: Bool
    }

    public func undecided(
        of id: InvocationID, _ completion: @escaping @Sendable (Result<[Undecided], Failure>) -> Void
    ) {
        read { result in
            do throws(Failure) {
                let steps = try result.get()?.steps(of: id).filter(\.isUndecided) ?? []
                completion(
                    .success(
                        steps.map {
                            Undecided(
                                place: $0.place, function: $0.function, item: $0.item, hasAnswer: $0.hasOutcome)
                        }))
            } catch { completion(.failure(error)) }
        }
    }

    /// Has an invocation that ended without a result run again, with all its attempts.
    /// - Throws: to `completion`, `.conflict` for any other.
    public func retry(
        _ record: InvocationRecord, _ completion: @escaping @Sendable (Result<Void, Failure>) -> Void
    ) {
        submit(.reopen(record, due: Clock.wall())) { [self] result in
            switch result {
            case .failure(let failure): completion(.failure(failure))
            case .success(.made):
                open(again: record)
                completion(.success(()))
            case .success:
                completion(
                    .failure(
                        Failure(
                            .conflict,
                            "the invocation \(record.id) is \(record.state.name): only one that failed, is dead or "
                                + "was cancelled is run again")))
            }
        }
    }
}

extension Failure {
    fileprivate static func noInvocation(_ id: InvocationID) -> Failure {
        Failure(.notFound, "there is no invocation \(id), or none any more", [.init("invocation", "\(id)")])
    }
}

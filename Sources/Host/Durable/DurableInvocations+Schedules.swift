public import Failure
public import Items
internal import Platform
internal import Synchronization
internal import Telemetry

/// What is run again and again, without a caller.
extension DurableInvocations {
    /// Schedules of one tenant.
    static let mostSchedules = 1000
    /// Nanoseconds by which one may be late and is not missed.
    private static let patience: UInt64 = 5_000_000_000

    /// Makes a schedule, or puts it in the place of one of that name.
    /// - Parameter input: of each invocation, as `StoredSets` encodes it.
    /// - Returns: to `completion`, whether it is new. Throws `.limit` when the tenant has too many.
    public func put(
        _ name: String, _ order: InvocationOrder, _ times: ScheduleTimes, _ input: Blob,
        _ completion: @escaping @Sendable (Result<Bool, Failure>) -> Void
    ) {
        let now = Clock.wall()
        guard let next = times.next(after: now, last: nil) else {
            return completion(.failure(Failure(.invalid, "the schedule has no time in the years to come")))
        }
        beUsed()
        let record = ScheduleRecord(name: name, order: order, times: times, next: next)
        submit(.putSchedule(record, input)) { [self] result in
            switch result {
            case .failure(let failure): completion(.failure(failure))
            case .success(.full):
                completion(
                    .failure(
                        Failure(
                            .limit, "tenant '\(order.tenant)' has \(Self.mostSchedules) schedules already",
                            [.init("limit", String(Self.mostSchedules))])))
            case .success(let made):
                readSchedules()
                if case .made = made { return completion(.success(true)) }
                completion(.success(false))
            }
        }
    }

    /// - Throws: to `completion`, `.notFound`.
    public func remove(
        schedule name: String, of owner: InvocationOwner,
        _ completion: @escaping @Sendable (Result<Void, Failure>) -> Void
    ) {
        schedules(of: owner) { [self] found in
            do throws(Failure) {
                guard try found.get().contains(where: { $0.name == name }) else { throw .noSchedule(name) }
            } catch { return completion(.failure(error)) }
            submit(.removeSchedule(name, owner)) { [self] result in
                switch result {
                case .failure(let failure): completion(.failure(failure))
                case .success(.made):
                    readSchedules()
                    completion(.success(()))
                case .success: completion(.failure(.noSchedule(name)))
                }
            }
        }
    }

    /// In the order of their names.
    public func schedules(
        of owner: InvocationOwner, _ completion: @escaping @Sendable (Result<[ScheduleRecord], Failure>) -> Void
    ) {
        read { result in
            do throws(Failure) {
                let all = try (result.get() as? any InvocationStore)?.schedules() ?? []
                completion(.success(all.filter { $0.order.owner == owner }))
            } catch { completion(.failure(error)) }
        }
    }

    /// - Throws: to `completion`, `.notFound`.
    public func schedule(
        _ name: String, of owner: InvocationOwner,
        _ completion: @escaping @Sendable (Result<ScheduleRecord, Failure>) -> Void
    ) {
        schedules(of: owner) { found in
            do throws(Failure) {
                guard let schedule = try found.get().first(where: { $0.name == name }) else { throw .noSchedule(name) }
                completion(.success(schedule))
            } catch { completion(.failure(error)) }
        }
    }

    // MARK: Firing. On the committer's thread.

    /// Takes the times of all schedules from the store.
    func readSchedules() {
        guard let store = ownStore else { return }
        do throws(Failure) {
            let all = try store.schedules()
            timetable.withLock { $0 = all }
        } catch { Log.error("schedules: \(error.detail)") }
    }

    /// Has those that are due run; gives when the next one is, nanoseconds since 1970.
    func fireSchedules(now: UInt64) -> UInt64? {
        let (due, next) = timetable.withLock { all -> ([ScheduleRecord], UInt64?) in
            let due = all.filter { $0.next <= now && $0.next != 0 }
            // Not again before the store has the next time.
            for index in all.indices where all[index].next <= now { all[index].next = 0 }
            return (due, all.lazy.map(\.next).filter { $0 != 0 }.min())
        }
        for schedule in due { fire(schedule, now) }
        return next
    }

    private func fire(_ schedule: ScheduleRecord, _ now: UInt64) {
        let isMissed = now &- schedule.next > Self.patience
        let isPassedOver = isMissed && schedule.times.missed == .skip
        let next = schedule.times.next(after: now, last: schedule.next) ?? UInt64(Int64.max)
        let id = isPassedOver ? nil : ids.next()
        let firing = Firing(number: schedule.number, due: schedule.next, next: next, now: now, id: id)
        if isMissed {
            Log.info(
                "schedule \(schedule.name): was due \(WallTime.text(schedule.next)), \(isPassedOver ? "skipped" : "runs now")"
            )
        }
        submit(.fire(firing)) { [self] result in
            switch result {
            case .failure(let failure):
                Log.error("schedule \(schedule.name): \(failure.detail)")
                timetable.withLock { all in
                    guard let index = all.firstIndex(where: { $0.number == schedule.number }) else { return }
                    all[index].next = max(schedule.next, 1)
                }
            case .success(let made):
                if case .resized(let bytes) = made, let id { enter(id, schedule.order.tenant, bytes) }
                timetable.withLock { all in
                    guard let index = all.firstIndex(where: { $0.number == schedule.number }) else { return }
                    all[index].next = next
                }
            }
        }
    }
}

extension Failure {
    fileprivate static func noSchedule(_ name: String) -> Failure {
        Failure(.notFound, "there is no schedule '\(name)'", [.init("name", name)])
    }
}

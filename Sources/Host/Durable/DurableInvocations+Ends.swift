import Config
import Dispatcher
import Engines
import Failure
import Items
import Memory
import Platform
import Synchronization
import Telemetry

/// How runs end, and what becomes of their invocations.
extension DurableInvocations {
    /// What its tenant's invocations take has grown by an outcome.
    func grow(_ id: InvocationID, by bytes: Int) {
        line.withLock { line in
            if let tenant = line.entries[id]?.tenant { line.resize(tenant, by: bytes) }
        }
    }

    /// The attempt gave `sets`. On the run's loop.
    func keep(
        _ sets: [ItemSet], _ exitCode: Int32, _ timeline: InvocationTimeline, of run: DurableRun, on worker: Worker
    ) {
        let isLong = StoredSets.size(of: sets) > Self.shortResult
        let encode: @Sendable () -> Void = { [self] in
            let account = pool.budget.account(named: run.order.tenant)
            defer { account.close() }
            do throws(Failure) {
                let result = try StoredSets.encode(sets, limit: Int(settings.maxPayload), account)
                end(
                    run.id,
                    Ending(
                        state: .done, now: Clock.wall(), exitCode: exitCode, timeline: StoredTimeline.text(timeline),
                        result: result))
            } catch {
                failed(run, error, exitCode, timeline)
            }
        }
        if !isLong || !readers.submit(encode) { encode() }
    }

    /// Bytes that are put together on the loop.
    private static let shortResult = 64 << 10

    /// The attempt failed. Any thread.
    ///
    /// - Parameter state: of the invocation, if it is known that another attempt is of no use.
    func failed(
        _ run: DurableRun, _ failure: Failure, _ exitCode: Int32, _ timeline: InvocationTimeline,
        _ state: InvocationState = .failed
    ) {
        // The next process runs it again.
        if failure.kind == .cancelled, line.withLock({ $0.isStopping }) { return }
        let now = Clock.wall()
        var ending = Ending(
            state: state, now: now, exitCode: exitCode, timeline: StoredTimeline.text(timeline), failure: failure)
        guard failure.mayPass, state == .failed else { return end(run.id, ending) }
        guard run.attempt < settings.attempts else {
            ending.state = .dead
            return end(run.id, ending)
        }
        let pause = settings.firstPause << UInt64(min(run.attempt - 1, 40))
        let limited = min(max(pause, settings.firstPause), settings.longestPause)
        let due = now &+ limited / 2 &+ UInt64.random(in: 0...limited / 2)
        postpone(run, ending, due)
    }

    func postpone(_ run: DurableRun, _ ending: Ending, _ due: UInt64) {
        submit(.postpone(run.id, ending, due: due)) { [self] result in
            switch result {
            case .failure: run.later { [self] in postpone(run, ending, due) }
            case .success(.made):
                metrics.postponed.add()
                guard shared == nil else { return leave(behind: run.id) }
                line.withLock { line in
                    line.leave()
                    line.pause(run.id, until: due)
                }
            case .success: shared == nil ? leave() : leave(behind: run.id)
            }
        }
    }

    /// Writes the end of an invocation that has a slot, however long that takes. Any thread.
    func end(_ id: InvocationID, _ ending: Ending) {
        let isPatient = line.withLock { $0.waiters[id] == nil && $0.running < settings.running }
        submit(.end(id, ending), isPatient: isPatient) { [self] result in
            switch result {
            case .failure(let failure):
                metrics.unwritten(failure)
                pickWorker().loop.post { [self] in
                    pickWorker().loop.schedule(at: Clock.now() &+ Self.endPause) { [self] in end(id, ending) }
                }
            case .success(.resized(let bytes)):
                metrics.ended(ending.state)
                settle(id, bytes, hadSlot: true)
            case .success: settle(id, 0, hadSlot: true)
            }
        }
    }

    /// Nanoseconds until an end that could not be written is tried again.
    private static let endPause: UInt64 = 500_000_000

    /// The invocation has ended in the store.
    func settle(_ id: InvocationID, _ bytes: Int, hadSlot: Bool) {
        let (run, waiters) = line.withLock { line in
            if hadSlot { line.leave() }
            let (entry, waiters) = line.remove(id)
            if let entry { line.resize(entry.tenant, by: bytes) }
            return (entry?.run, waiters)
        }
        if !hadSlot { run?.cancel() }
        for waiter in waiters { waiter.tell() }
        if hadSlot { pump() }
    }
}

extension Ending {
    /// Of an invocation whose last attempt the process did not survive.
    static func cutShort(attempts: Int, _ now: UInt64) -> Ending {
        Ending(
            state: .dead, now: now,
            failure: Failure(
                .internal, "the node ended while it ran, in attempt \(attempts) of as many that it may have"))
    }
}

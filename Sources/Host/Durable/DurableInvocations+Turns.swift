import Config
import Dispatcher
import Engines
import Failure
import Items
import Memory
import Platform
import Synchronization
import Telemetry

/// Which invocation begins when, and where.
extension DurableInvocations {
    /// Whether the tenant's invocations would hold up nobody.
    func admits(_ tenant: String) -> Bool {
        guard let tenant = try? dispatcher.admission.tenant(named: tenant) else { return true }
        return dispatcher.admission.hasRoom(for: tenant, in: pool)
    }

    /// Gives slots to those whose turn it is. A fleet's are pulled (`SharedWork`).
    func pump() {
        guard shared == nil else { return }
        while true {
            let next = line.withLock { line -> InvocationID? in
                guard !line.isStopping, line.running < settings.running else { return nil }
                return line.next { admits($0) }
            }
            guard let next else { return }
            submit(.begin(next, now: Clock.wall())) { [self] result in
                switch result {
                case .success(.made): load(next)
                case .success: giveUp(next)
                case .failure: pause(next)
                }
            }
        }
    }

    /// It is begun in the store: reads what it needs, once more after a while where that is out of reach.
    func load(_ id: InvocationID, attempt: Int = 1) {
        let isTaken = readers.submit { [self] in
            do throws(Failure) {
                guard let store = openStore, let record = try store.record(id, of: nil) else {
                    return giveUp(id)
                }
                let account = pool.budget.account(named: record.order.tenant)
                defer { account.close() }
                guard let input = try store.payload(.input, of: record, account) else {
                    throw Failure(.internal, "the store holds no input of the invocation")
                }
                let sets = try StoredSets.decode(input)
                let steps = try store.steps(of: id)
                let worker = pickWorker()
                let run = DurableRun(
                    id, record.order, attempt: record.attempts, inputs: sets, charge: nil, steps: steps,
                    on: worker, of: self)
                worker.loop.post { self.launch(run) }
            } catch {
                guard error.kind == .busy || error.kind == .unavailable else {
                    return end(id, Ending(state: .failed, now: Clock.wall(), failure: error))
                }
                // Another node may reach it.
                guard shared == nil || attempt < Self.mostLoads else { return giveBack(id) }
                let worker = pickWorker()
                worker.loop.post { [self] in
                    worker.loop.schedule(at: Clock.now() &+ Self.loadPause) { [self] in load(id, attempt: attempt + 1) }
                }
            }
        }
        guard !isTaken else { return }
        if shared == nil { pause(id) } else { giveBack(id) }
    }

    /// Nanoseconds.
    private static let loadPause: UInt64 = 200_000_000
    private static let mostLoads = 25

    func pickWorker() -> Worker {
        let workers = pool.workers
        for _ in workers {
            let worker = workers[nextWorker.add(1, ordering: .relaxed).newValue % workers.count]
            if worker.kind.communicates { return worker }
        }
        return workers[0]
    }

    func launch(_ run: DurableRun) {
        let isThere = line.withLock { line in
            guard line.entries[run.id] != nil else { return false }
            line.runs(run.id, run)
            return true
        }
        guard isThere else { return leave() }
        run.start()
    }

    /// Another attempt to begin it, soon.
    func pause(_ id: InvocationID) {
        line.withLock { line in
            line.leave()
            line.pause(id, until: Clock.wall() &+ 500_000_000)
        }
        wake()
    }

    /// It is not there any more, or was cancelled.
    func giveUp(_ id: InvocationID) {
        let waiters = line.withLock { line in
            line.leave()
            return line.remove(id).waiters
        }
        for waiter in waiters { waiter.tell() }
    }

    /// One that had ended waits again, in the store already.
    func open(again record: InvocationRecord) {
        guard shared == nil else { return }
        let hold = Holds(pool).noting(record.order.tenant)
        line.withLock { line in
            line.add(record.id, record.order.tenant, hasSlot: false, hold)
            line.enqueue(record.id)
        }
        wake()
    }

    /// A slot is free.
    func leave() {
        line.withLock { $0.leave() }
        pump()
    }
}

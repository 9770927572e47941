internal import Memory
internal import Platform
internal import Synchronization

/// What somebody who looks for a task can do.
struct Taker {
    /// Nil: everything, as one that is not pinned.
    var core: Int32?
    /// Has nothing more urgent to do.
    var computes: Bool
    /// Functions that may run for long are not better left to others.
    var takesLong: Bool

    func takes(_ function: ComputeFunction) -> Bool {
        guard function.mayRun(on: core) else { return false }
        // One that may not run everywhere must not wait for its cores to compute.
        return takesLong || function.isKnownShort || function.isBoundToCores
    }
}

/// Tasks that wait for a free engine, shared by all workers: late binding (paper, section 5).
///
/// Each tenant has a line of its own, oldest first. Whose turn it is is decided as in stride scheduling (Waldspurger,
/// 1995): a tenant pays for each task with the time that its function usually takes, divided by the tenant's weight, and
/// the one that has paid least goes next. A task leaves only together with the memory that it may use.
final class ComputeQueue: Sendable {
    private struct State {
        /// Tenants with tasks.
        var lines: [Tenant] = []
        /// What the last tenant that was served had paid: nobody saves up time by asking for nothing.
        var pass: UInt64 = 0
        var count = 0
    }

    private let state = Mutex(State())
    private let length = Atomic<Int>(0)
    private let work = Atomic<UInt64>(0)
    private let weights = Atomic<UInt64>(0)
    private let budget: MemoryBudget
    /// How many tasks run at once.
    private let engines = Atomic<UInt64>(1)
    /// A task was passed over, or waits, because there is no memory for it.
    private let isShort = Atomic<Bool>(false)

    /// For memory that no run's end would give, ns.
    private static let longestWait: UInt64 = 1_000_000_000
    /// Tasks without memory that are passed over for one that has it.
    private static let mostPassedOver = 64

    init(budget: MemoryBudget) { self.budget = budget }

    /// As cores change their kind.
    func serve(by engines: Int) { self.engines.store(UInt64(max(1, engines)), ordering: .relaxed) }

    /// How many wait, as of a moment ago.
    var count: Int { length.load(ordering: .sequentiallyConsistent) }

    func push(_ task: ComputeTask) {
        let tenant = task.tenant
        tenant.add(work: task.expectedTime)
        work.add(task.expectedTime, ordering: .relaxed)
        state.withLock { state in
            if tenant.tasks.count == 0 {
                tenant.pass = max(tenant.pass, state.pass)
                state.lines.append(tenant)
                weights.add(tenant.weight, ordering: .relaxed)
            }
            tenant.tasks.append(task)
            state.count += 1
            length.store(state.count, ordering: .sequentiallyConsistent)
        }
    }

    /// Takes the task whose turn it is, of those that `taker` takes, with the memory that it may use.
    func pop(for taker: Taker) -> ComputeTask? {
        guard count > 0 else { return nil }
        return state.withLock { state in
            guard let turn = turn(in: state, for: taker) else { return nil }
            let tenant = state.lines[turn.line]
            // The room that `turn` saw may be taken by a request's body meanwhile.
            guard let first = tenant.tasks[turn.place], budget.reserve(run: first.function.memoryLimit),
                let task = tenant.tasks.remove(at: turn.place)
            else { return nil }
            state.pass = tenant.pass
            tenant.pass &+= task.expectedTime / tenant.weight
            forget(task, of: turn.line, in: &state)
            return task
        }
    }

    /// A task was taken out of the line at that place.
    private func forget(_ task: ComputeTask, of line: Int, in state: inout State) {
        let tenant = state.lines[line]
        tenant.remove(work: task.expectedTime)
        work.subtract(task.expectedTime, ordering: .relaxed)
        if tenant.tasks.count == 0 {
            state.lines.swapAt(line, state.lines.count - 1)
            state.lines.removeLast()
            weights.subtract(tenant.weight, ordering: .relaxed)
        }
        state.count -= 1
        length.store(state.count, ordering: .sequentiallyConsistent)
    }

    /// Takes out what waits for memory in vain: tasks that nobody waits for any more, and, after a while, those that would not
    /// fit if every run ended. To be called now and then.
    func takeHopeless(at now: UInt64) -> [ComputeTask] {
        guard isShort.exchange(false, ordering: .relaxed) else { return [] }
        return state.withLock { state in
            var hopeless: [ComputeTask] = []
            var isStill = false
            for line in state.lines.indices.reversed() {
                let tenant = state.lines[line]
                for place in (0..<tenant.tasks.count).reversed() {
                    guard let task = tenant.tasks[place], !budget.wouldFit(run: task.function.memoryLimit) else {
                        continue
                    }
                    isStill = true
                    guard task.isCancelled || now &- task.timeline.queued >= Self.longestWait,
                        let task = tenant.tasks.remove(at: place)
                    else { continue }
                    forget(task, of: line, in: &state)
                    hopeless.append(task)
                }
            }
            if isStill { isShort.store(true, ordering: .relaxed) }
            return hopeless
        }
    }

    /// Whether a task waits that `taker` takes and that may run now.
    func hasTask(for taker: Taker) -> Bool {
        guard count > 0 else { return false }
        return state.withLock { turn(in: $0, for: taker) != nil }
    }

    private func turn(in state: State, for taker: Taker) -> (line: Int, place: Int)? {
        var best: (line: Int, place: Int)?
        for (index, tenant) in state.lines.enumerated() {
            if let best, state.lines[best.line].pass <= tenant.pass { continue }
            if let place = first(in: tenant.tasks, for: taker) { best = (index, place) }
        }
        return best
    }

    private func first(in tasks: borrowing TaskRing, for taker: Taker) -> Int? {
        // A communication engine takes few of them: it does not search a long queue over and over.
        let places = taker.computes ? tasks.count : min(tasks.count, 16)
        var passedOver = 0
        for place in 0..<places {
            guard let function = tasks[place]?.function, taker.takes(function) else { continue }
            if budget.hasRoom(forRun: function.memoryLimit) { return place }
            isShort.store(true, ordering: .relaxed)
            // Whoever waits for the memory of runs is not overtaken by the tenant's own later tasks. What else holds memory may
            // be those tasks' own data, and takes as long as its owners like.
            guard !budget.wouldFit(run: function.memoryLimit), passedOver < Self.mostPassedOver else { return nil }
            passedOver += 1
        }
        return nil
    }

    /// How long a task of the tenant that came now would wait for an engine, ns, by what functions usually take.
    func expectedWait(of tenant: Tenant) -> UInt64 {
        let waiting = tenant.work
        let engines = engines.load(ordering: .relaxed)
        guard waiting > 0, count >= Int(engines) else { return 0 }
        let all = work.load(ordering: .relaxed) / engines
        // Its share, while everybody else uses theirs; engines that others leave idle are its own.
        let shares = max(weights.load(ordering: .relaxed), tenant.weight)
        let (product, overflow) = waiting.multipliedReportingOverflow(by: shares)
        return overflow ? all : min(all, product / (tenant.weight * engines))
    }
}

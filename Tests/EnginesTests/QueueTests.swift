import Failure
import Glibc
import Memory
import Synchronization
import Testing

@testable import Engines

/// Whose turn it is, without threads.
@Suite struct QueueTests {
    private let budget = MemoryBudget(limit: 100 << 20)

    private func function(_ name: String = "f", takes time: UInt64 = 100_000, memory: UInt64 = 0) -> ComputeFunction {
        let function = ComputeFunction(
            name: name, stages: StageMetrics(className: "c"), memoryLimit: memory, timeout: 0, inputNames: [],
            outputNames: [], mayRunInline: true
        ) { _, _ throws(Failure) in throw Failure(.unavailable, "has no image") }
        function.typicalRunTime.store(time, ordering: .relaxed)
        return function
    }

    private func tenant(_ name: String, weight: Int = 1) -> Tenant {
        Tenant(name: name, weight: weight, memory: budget.account(named: name))
    }

    private func task(_ function: ComputeFunction, _ tenant: Tenant, _ worker: Worker) -> ComputeTask {
        ComputeTask(function: function, inputs: [], deadline: 0, fresh: false, tenant: tenant, owner: worker) { _ in }
    }

    private func order(_ queue: ComputeQueue, _ count: Int, _ worker: Worker) -> [String] {
        (0..<count).compactMap { _ in queue.pop(for: worker.taker)?.tenant.name }
    }

    @Test func tenantsShareByWeight() throws {
        let pool = try WorkerPool(cores: [0], budget: budget)
        let (worker, queue) = (pool.workers[0], pool.queue)
        let heavy = tenant("heavy", weight: 3), light = tenant("light")
        for _ in 0..<12 {
            queue.push(task(function(), light, worker))
            queue.push(task(function(), heavy, worker))
        }
        let first = order(queue, 12, worker)
        #expect(first.filter { $0 == "heavy" }.count == 9 && first.filter { $0 == "light" }.count == 3, "\(first)")
        #expect(queue.count == 12)
        #expect(order(queue, 20, worker).count == 12)
        #expect(queue.count == 0 && queue.pop(for: worker.taker) == nil && !queue.hasTask(for: worker.taker))
    }

    @Test func longFunctionsCostMore() throws {
        let pool = try WorkerPool(cores: [0], budget: budget)
        let (worker, queue) = (pool.workers[0], pool.queue)
        let long = tenant("long"), short = tenant("short")
        for _ in 0..<8 {
            queue.push(task(function(takes: 150_000), long, worker))
            queue.push(task(function(takes: 50_000), short, worker))
        }
        #expect(order(queue, 8, worker).filter { $0 == "long" }.count == 2)
    }

    /// Whoever asked for nothing for a while has saved nothing up.
    @Test func idleTenantsSaveNoTime() throws {
        let pool = try WorkerPool(cores: [0], budget: budget)
        let (worker, queue) = (pool.workers[0], pool.queue)
        let busy = tenant("busy"), late = tenant("late")
        for _ in 0..<50 { queue.push(task(function(), busy, worker)) }
        _ = order(queue, 40, worker)
        for _ in 0..<10 { queue.push(task(function(), late, worker)) }
        let next = order(queue, 10, worker)
        #expect((4...6).contains(next.filter { $0 == "late" }.count), "\(next)")
    }

    /// What is not held by runs may be held by whoever waits behind the task: it does not hold them up, and ends.
    @Test func whoWaitsForMemoryInVainIsOvertakenAndEnds() throws {
        let pool = try WorkerPool(cores: [0], budget: budget)
        let (worker, queue) = (pool.workers[0], pool.queue)
        let one = tenant("one"), data = try MemoryHold(50 << 20, budget.own, .plugins)
        let tasks = (0..<2).map { _ in task(function("large", memory: 60 << 20), one, worker) }
        for task in tasks {
            task.timeline.queued = 1_000_000_000
            queue.push(task)
        }
        queue.push(task(function("small", memory: 1 << 20), one, worker))
        #expect(queue.pop(for: worker.taker)?.function.name == "small")
        #expect(queue.pop(for: worker.taker) == nil && queue.count == 2)
        #expect(queue.takeHopeless(at: 1_500_000_000).isEmpty)
        tasks[1].cancel()
        #expect(queue.takeHopeless(at: 1_500_000_000).map(ObjectIdentifier.init) == [ObjectIdentifier(tasks[1])])
        #expect(queue.takeHopeless(at: 2_500_000_000).map(ObjectIdentifier.init) == [ObjectIdentifier(tasks[0])])
        #expect(queue.count == 0 && one.work == 0)
        withExtendedLifetime(data) {}
    }

    @Test func whoWaitsForRunsDoesNotWaitInVain() throws {
        let pool = try WorkerPool(cores: [0], budget: budget)
        let (worker, queue) = (pool.workers[0], pool.queue)
        for _ in 0..<2 { queue.push(task(function(memory: 60 << 20), tenant("one"), worker)) }
        #expect(queue.pop(for: worker.taker) != nil && queue.pop(for: worker.taker) == nil)
        #expect(queue.takeHopeless(at: .max / 2).isEmpty && queue.count == 1)
    }

    /// In a pool at work: nobody's memory comes back, and the task is refused all the same.
    @Test func theMonitorEndsWhatWaitsInVain() throws {
        let pool = try WorkerPool(cores: nil, budget: budget)
        try pool.start(preparing: [])
        defer { pool.stop() }
        let data = try MemoryHold(50 << 20, budget.own, .plugins)
        let worker = pool.workers[0]
        let ended = Mutex<[Failure?]>([])
        let large = ComputeTask(
            function: function("large", memory: 60 << 20), inputs: [], deadline: 0, fresh: false, tenant: tenant("one"),
            owner: worker
        ) { task in ended.withLock { $0.append(task.failure) } }
        worker.loop.post { worker.submit(large) }
        for _ in 0..<5000 where ended.withLock({ $0.isEmpty }) { usleep(1000) }
        let failure = ended.withLock { $0.first ?? nil }
        #expect(failure?.kind == .busy && failure?.detail.contains("'large' may need 62914560 bytes") == true)
        withExtendedLifetime(data) {}
    }

    @Test func noTaskLeavesWithoutItsMemory() throws {
        let pool = try WorkerPool(cores: [0], budget: budget)
        let (worker, queue) = (pool.workers[0], pool.queue)
        let one = tenant("one"), large = function(memory: 60 << 20)
        for _ in 0..<2 { queue.push(task(large, one, worker)) }
        queue.push(task(function("small"), one, worker))
        #expect(queue.pop(for: worker.taker)?.function.name == "f")
        // The second has no room, and is not overtaken by the tenant's own later task.
        #expect(queue.pop(for: worker.taker) == nil && !queue.hasTask(for: worker.taker))
        budget.release(run: 60 << 20)
        #expect(queue.hasTask(for: worker.taker))
        #expect(queue.pop(for: worker.taker)?.function.name == "f")
        #expect(queue.pop(for: worker.taker)?.function.name == "small")
    }

    @Test func ringKeepsItsOrder() throws {
        let pool = try WorkerPool(cores: [0], budget: budget)
        let one = tenant("one")
        var ring = TaskRing()
        var model: [String] = []
        var random = SystemRandomNumberGenerator()
        for round in 0..<4000 {
            if model.isEmpty || Int.random(in: 0..<5, using: &random) < (round % 400 < 200 ? 3 : 2) {
                ring.append(task(function("\(round)"), one, pool.workers[0]))
                model.append("\(round)")
            } else {
                let place = Int.random(in: 0..<min(4, model.count), using: &random)
                #expect(ring[place]?.function.name == model[place])
                #expect(ring.remove(at: place)?.function.name == model.remove(at: place))
            }
            try #require(ring.count == model.count)
        }
        #expect((0..<ring.count).map { ring[$0]?.function.name } == model)
    }
}

extension ComputeTask {
    fileprivate var failure: Failure? {
        if case .failure(let failure) = result { failure } else { nil }
    }
}

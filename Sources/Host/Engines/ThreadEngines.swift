public import Failure
internal import GuestLayout
internal import Items
internal import Memory
internal import Platform
internal import PluginHost
internal import Telemetry

/// The engines of one worker thread, one per backend, and the way of a task through one of them.
final class ThreadEngines {
    private var engines: [ComputeEngine] = []
    /// Died, but their contexts are still read by somebody.
    private var retired: [ComputeEngine] = []
    private var random = RandomSource()
    private let core: Int32?
    private let budget: MemoryBudget
    /// Makes the thread see to its engines' postponed work.
    private let wake: @Sendable () -> Void

    /// Outputs at least this large stay in their context until their last consumer has them, if one more is free.
    private static let heldOutputBytes = 256 << 10
    private static let mostItems = 1 << 20
    /// Tables of so many items are not charged.
    private static let fewItems = 256
    /// What an item takes beside its data: as the guest's, and as one of ours.
    private static let bytesPerItem = MemoryLayout<GuestItem>.stride + MemoryLayout<Item>.stride
    private static let maxAttempts = 3

    /// `wake` is called, on any thread, when a sandbox was given up that the thread may be asleep over.
    init(core: Int32?, budget: MemoryBudget, wake: @escaping @Sendable () -> Void) {
        self.wake = wake
        self.core = core
        self.budget = budget
    }

    /// Makes the engine of a backend ahead of its first task.
    func prepare(_ backend: ComputeBackend) {
        do { _ = try engine(for: backend) } catch { Log.error("\(error.detail)") }
    }

    /// Runs a task from context to outputs; `task.result` and its timeline are set when it returns, and the memory that it
    /// was taken from the queue with is given back.
    func execute(_ task: ComputeTask) {
        task.timeline.dequeued = Clock.now()
        repeat {
            task.attempts += 1
            do {
                task.result = .success(try attempt(task))
            } catch {
                task.result = .failure(error)
            }
        } while shouldRepeat(task)
        task.inputs = []
        budget.release(run: task.function.memoryLimit)
        task.timeline.outputsTaken = Clock.now()
        task.tenant.held(
            task.timeline.outputsTaken &- task.timeline.dequeued, memory: task.function.memoryLimit)
        if let backend = task.backend, task.timeline.ran != 0 {
            task.function.stages.record(task.timeline, on: backend)
        }
    }

    /// Pure functions may run again when the platform failed them (paper, section 6.1).
    private func shouldRepeat(_ task: ComputeTask) -> Bool {
        guard case .failure(let failure) = task.result, task.attempts < Self.maxAttempts, failure.cause == .engineDead
        else { return false }
        Log.warning("\(failure.detail); making the engine anew")
        for engine in engines where engine.isDead { retire(engine) }
        return true
    }

    private func attempt(_ task: ComputeTask) throws(Failure) -> ComputeOutput {
        let function = task.function
        if task.deadline != 0, task.timeline.dequeued >= task.deadline {
            throw Failure(.deadline, "function '\(function.name)' waited past its deadline for an engine")
        }
        let waited = task.timeline.dequeued &- task.timeline.queued
        if task.patience != 0, waited > task.patience { throw .overloaded(wait: waited) }
        // Before anything is made for it: under overload most that waited long are cancelled.
        if task.isCancelled { throw Self.cancelled(function) }
        let loaded = try function.image(task.fresh, task.tenant.memory)
        let engine = try engine(for: loaded.backend)
        task.backend = loaded.backend
        let image = task.fresh ? loaded : try function.beginning(loaded, on: engine, random: random.next4())
        let context = try engine.makeContext(image: image, limit: function.memoryLimit)
        task.timeline.loaded = Clock.now()
        var memory = GuestMemory(context)
        let placed = try memory.place(
            inputs: task.inputs, inputNames: function.inputNames, outputNames: function.outputNames,
            frame: GuestFrame(context, random: random.next4(), time: time(of: task)),
            mapsFrom: loaded.backend.mapsFiles ? ChargedStorage.shared : .max
        ) { part, blob, address in
            context.map(part, of: blob, at: address)
        }
        task.timeline.inputsPlaced = Clock.now()
        guard task.begin(on: engine) else { throw Self.cancelled(function) }
        let result: RunResult
        do {
            result = try engine.run(
                context, entryBlock: placed.entryBlock, deadline: deadline(of: task))
            task.end()
        } catch {
            task.end()
            throw error
        }
        task.timeline.ran = Clock.now()
        if context.hasMapped { memory.overlay = .init(isMapped: context.isMapped, review: context.review) }
        function.ran(for: task.timeline.ran &- task.timeline.inputsPlaced)
        let last = LastWords(memory: memory, entryBlock: placed.entryBlock, pointerBytes: image.pointerBytes)
        var tables = MemoryCharge(task.tenant.memory, .decoded)
        let outputs: GuestOutputs
        do throws(Failure) {
            try last.check(result, function: function.name)
            outputs = try memory.collect(
                systemData: placed.systemData, pointerBytes: image.pointerBytes,
                outputCount: function.outputNames.count,
                // Tables may name the same bytes over and over; a function has no use for more than it may hold.
                limits: GuestLimits(items: Self.mostItems, bytes: function.memoryLimit &+ 16 << 20)
            ) { (items) throws(Failure) in
                if items > Self.fewItems { try tables.grow(by: items * Self.bytesPerItem) }
            }
        } catch {
            throw last.added(to: error)
        }
        return try take(
            outputs, from: context, limit: function.memoryLimit, holding: engine.hasSpareContext,
            account: task.tenant.memory)
    }

    private static func cancelled(_ function: ComputeFunction) -> Failure {
        Failure(.cancelled, "function '\(function.name)' was cancelled before it began")
    }

    /// The function's own time runs from now, the request's since it came.
    private func deadline(of task: ComputeTask) -> UInt64 {
        let timeout = task.function.timeout
        guard timeout != 0 else { return task.deadline }
        let own = task.timeline.inputsPlaced &+ timeout
        return task.deadline == 0 ? own : min(own, task.deadline)
    }

    /// The time that a run which begins now has, 0 = no limit.
    private func time(of task: ComputeTask) -> UInt64 {
        guard task.deadline != 0 else { return task.function.timeout }
        let now = Clock.now()
        let left = task.deadline > now ? task.deadline &- now : 1
        return task.function.timeout == 0 ? left : min(left, task.function.timeout)
    }

    /// Makes items of what lies in a context: copies when small, references when large and both the engine and the budget
    /// can spare it.
    private func take(
        _ outputs: GuestOutputs, from context: ComputeContext, limit: UInt64, holding: Bool, account: MemoryAccount
    ) throws(Failure) -> ComputeOutput {
        var data = 0
        var names = 0
        var items = 0
        for set in outputs.sets {
            items += set.items.count
            names += set.ident.count
            for item in set.items {
                names += item.ident.count
                if Self.handedOn(item.data, context) == nil { data += item.data.count }
            }
        }
        let beside = items > Self.fewItems ? items * MemoryLayout<Item>.stride : 0
        if holding, data >= Self.heldOutputBytes,
            let held = HeldContext(
                context, limit: Int(clamping: limit), data: data, beside: beside, account: account, released: wake)
        {
            // Until now the function's process, say, may live, at rest; who keeps references relies on nobody.
            try context.settle()
            let taken = outputs.items { bytes in
                Self.handedOn(bytes, context) ?? Blob(storage: held, start: bytes.baseAddress, count: bytes.count)
            }
            // What is mapped must stay as it is only where an output lies in it.
            if context.hasMapped, !outputs.touch(context) { context.forgetMapped() }
            return taken
        }
        let copies = try ChargedStorage(capacity: data + names, account, .outputs)
        try copies.fill(to: data + names)
        try copies.chargeBeside(beside)
        var next = copies.base
        return outputs.items { bytes in
            guard let source = bytes.baseAddress, bytes.count > 0 else { return .empty }
            if let given = Self.handedOn(bytes, context) { return given }
            // SAFETY: the capacity is the sum of all that is copied, in this order, and nobody else knows it yet.
            next.copyMemory(from: source, byteCount: bytes.count)
            defer { next += bytes.count }
            return Blob(storage: copies, start: UnsafeRawPointer(next), count: bytes.count)
        }
    }

    /// The input that an output is, where the function hands a large one on as it was.
    private static func handedOn(_ bytes: UnsafeRawBufferPointer, _ context: ComputeContext) -> Blob? {
        context.hasMapped && bytes.count >= ChargedStorage.shared ? context.handedOn(bytes) : nil
    }

    private func engine(for backend: ComputeBackend) throws(Failure) -> ComputeEngine {
        for engine in engines where engine.backend === backend { return engine }
        dropRetired()
        let engine = try ComputeEngine(backend: backend, core: core, id: EngineIDs.next())
        engines.append(engine)
        return engine
    }

    /// Gives up the engines of generations that were replaced.
    private func dropRetired() {
        for engine in engines where engine.backend.isRetired { retire(engine) }
    }

    private func retire(_ engine: ComputeEngine) {
        engines.removeAll { $0 === engine }
        retired.append(engine)
        retired.removeAll { $0.destroyIfUnused() }
    }

    /// One step of postponed work; true when more is left.
    func idle(budget: UInt64) -> Bool {
        dropRetired()
        var more = false
        for engine in engines where engine.idle(budget: budget) { more = true }
        if !retired.isEmpty { retired.removeAll { $0.destroyIfUnused() } }
        return more
    }

    /// Ends the engines; false while contexts of theirs are in use.
    func shutDown() -> Bool {
        retired += engines
        engines = []
        retired.removeAll { $0.destroyIfUnused() }
        return retired.isEmpty
    }
}

extension Failure {
    /// The node has more to do than it can; `wait` in ns says when to come again.
    public static func overloaded(wait: UInt64) -> Failure {
        Failure(
            .busy, "the node is overloaded: functions wait \(wait / 1_000_000) ms for an engine",
            cause: .transient(seconds: max(1, (wait + 999_999_999) / 1_000_000_000)))
    }
}

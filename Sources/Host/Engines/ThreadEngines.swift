internal import Failure
internal import GuestLayout
internal import Items
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

    /// Outputs at least this large stay in their context until their last consumer has them, if one more is free.
    private static let heldOutputBytes = 256 << 10
    private static let mostItems = 1 << 20
    private static let maxAttempts = 3

    init(core: Int32?) { self.core = core }

    /// Makes the engine of a backend ahead of its first task.
    func prepare(_ backend: ComputeBackend) {
        do { _ = try engine(for: backend) } catch { Log.error("\(error.detail)") }
    }

    /// Runs a task from context to outputs; `task.result` and its timeline are set when it returns.
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
        task.timeline.outputsTaken = Clock.now()
    }

    /// Pure functions may run again when the platform failed them (paper, section 6.1).
    private func shouldRepeat(_ task: ComputeTask) -> Bool {
        guard case .failure(let failure) = task.result, task.attempts < Self.maxAttempts,
            failure.facts.contains(.init("engine", "dead"))
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
        // Before anything is made for it: under overload most that waited long are cancelled.
        if task.isCancelled { throw Self.cancelled(function) }
        let image = try function.image(task.fresh)
        let engine = try engine(for: image.backend)
        let context = try engine.makeContext(image: image, limit: function.memoryLimit)
        task.timeline.loaded = Clock.now()
        let memory = GuestMemory(context)
        let placed = try memory.place(
            inputs: task.inputs, inputNames: function.inputNames, outputNames: function.outputNames,
            frame: GuestFrame(context, random: random.next4()))
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
        function.ran(for: task.timeline.ran &- task.timeline.inputsPlaced)
        if let failure = result.failure(function: function.name) { throw failure }
        let outputs = try memory.collect(
            systemData: placed.systemData, pointerBytes: image.pointerBytes,
            outputCount: function.outputNames.count,
            // Tables may name the same bytes over and over; a function has no use for more than it may hold.
            limits: GuestLimits(items: Self.mostItems, bytes: function.memoryLimit &+ 16 << 20))
        return take(outputs, from: context, holding: engine.hasSpareContext)
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

    /// Makes items of what lies in a context: copies when small, references when large and the engine can spare it.
    private func take(_ outputs: GuestOutputs, from context: ComputeContext, holding: Bool) -> ComputeOutput {
        var total = 0
        for set in outputs.sets { for item in set.items { total += item.data.count } }
        let hold = holding && total >= Self.heldOutputBytes
        func blob(_ bytes: UnsafeRawBufferPointer) -> Blob {
            hold ? Blob(storage: context, start: bytes.baseAddress, count: bytes.count) : Blob(copying: bytes)
        }
        let sets = outputs.sets.map { set in
            ItemSet(
                name: blob(set.ident),
                items: set.items.map { Item(ident: blob($0.ident), key: $0.key, data: blob($0.data)) })
        }
        return ComputeOutput(sets: sets, exitCode: outputs.exitCode)
    }

    private func engine(for backend: ComputeBackend) throws(Failure) -> ComputeEngine {
        for engine in engines where engine.backend === backend { return engine }
        let engine = try ComputeEngine(backend: backend, core: core, id: EngineIDs.next())
        engines.append(engine)
        return engine
    }

    private func retire(_ engine: ComputeEngine) {
        engines.removeAll { $0 === engine }
        retired.append(engine)
        retired.removeAll { $0.destroyIfUnused() }
    }

    /// One step of postponed work; true when more is left.
    func idle(budget: UInt64) -> Bool {
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

extension GuestMemory {
    fileprivate init(_ context: ComputeContext) {
        // SAFETY: the context vouches for both ranges while it lives, and it outlives this value in `attempt`.
        let main = Window(base: context.data, low: context.low, high: context.limit)
        self.init(
            main: main,
            stack: context.stack.map { Window(base: $0, low: context.stackLow, high: context.stackHigh) })
    }
}

extension GuestFrame {
    fileprivate init(_ context: ComputeContext, random: (UInt64, UInt64, UInt64, UInt64)) {
        let image = context.image
        self.init(
            pointerBytes: image.pointerBytes, systemData: image.systemData == UInt64.max ? nil : image.systemData,
            dataBegin: image.dataBegin, limit: context.limit, stackLow: context.stackLow,
            stackHigh: context.stackHigh, exitAddress: context.exitAddress, realtime: Clock.wall(), random: random)
    }
}

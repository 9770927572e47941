internal import Composition
internal import Engines
internal import Failure
internal import Items
internal import Memory
internal import Platform
internal import PluginHost
internal import Registry
internal import Traces

/// One request on its way: runs a function or composition and ends exactly once.
///
/// Lives on the loop of the worker that it came in on; functions run on any worker and report back there. What is
/// under way holds it strongly, and everything under way ends, so it needs no owner.
public final class Invocation {
    let catalogue: Catalogue
    let worker: Worker
    /// Without its inputs.
    private(set) var request: InvocationRequest
    let tenant: Tenant
    let space: Space
    private let admission: Admission
    /// Nanoseconds for a composition whose request names no deadline.
    private let defaultTime: UInt64
    private var allowance: Allowance
    private var completion: ((InvocationOutcome) -> Void)?
    private var timeline = InvocationTimeline()
    private let started = Clock.now()
    private var exitCode: Int32 = 0
    private var timer: LoopTimer?
    /// What must be stopped when the invocation ends early.
    private var tasks: [ComputeTask] = []
    private var transfers: Transfers?
    /// What a composition's calls may start; nil for a function by itself.
    private var windows: Windows?
    /// Moved on when it begins: the last consumer's end is the data's.
    private var inputs: [ItemSet]
    private var isAdmitted = false
    /// Work has been done for it: what follows is not turned away any more.
    var hasProgress = false

    init(
        dispatcher: Dispatcher, worker: Worker, request: consuming InvocationRequest,
        completion: @escaping (InvocationOutcome) -> Void
    ) {
        catalogue = dispatcher.catalogue
        admission = dispatcher.admission
        defaultTime = dispatcher.limits.time
        allowance = Allowance(dispatcher.limits)
        tenant = request.tenant ?? dispatcher.admission.others
        space = request.space ?? dispatcher.standard
        self.worker = worker
        inputs = request.inputs
        request.inputs = []
        self.request = request
        self.completion = completion
    }

    public var isFinished: Bool { completion == nil }

    /// Stops whatever runs; the outcome is `.cancelled`, unless it is there already. On the worker's loop.
    public func cancel() { finish(.failure(Failure(.cancelled, "the request was cancelled"))) }

    func start() {
        if request.deadline != 0 {
            end(at: request.deadline, "the request's deadline passed before its reply was ready")
        }
        do {
            try admission.enter(tenant, in: worker.pool)
            isAdmitted = true
            let inputs = inputs
            self.inputs = []
            switch request.target {
            case .composition(let graph): run(graph, of: space, inputs)
            case .name(let name): try run(name, inputs)
            }
        } catch {
            finish(.failure(error))
        }
    }

    private func end(at deadline: UInt64, _ reason: String) {
        timer = worker.loop.schedule(at: deadline) { [weak self] in
            guard let self else { return }
            // A run has the request's deadline too: what its function tells of its end comes a moment later.
            guard deadline == request.deadline, tasks.contains(where: \.hasBegun) else {
                return finish(.failure(Failure(.deadline, reason)))
            }
            timer = worker.loop.schedule(at: deadline &+ Self.timeForLastWords) { [weak self] in
                self?.finish(.failure(Failure(.deadline, reason)))
            }
        }
    }

    /// Nanoseconds.
    private static let timeForLastWords: UInt64 = 100_000_000

    // MARK: What can be invoked

    /// Where places begin; nil = nobody asks for them.
    private var top: String? { request.journal == nil ? nil : "" }

    private func run(_ name: String, _ inputs: [ItemSet]) throws(Failure) {
        switch space.entry(named: name) {
        case .function(let function): runAlone(.compute(function), inputs)
        case .communication(let function, let variant): runAlone(.communication(function, variant), inputs)
        case .composition(let composition): run(composition.graph, of: composition.space, inputs)
        case nil: throw space.nothing(named: name)
        }
    }

    private func runAlone(_ callee: Callee, _ inputs: [ItemSet]) {
        // A function by itself is a call with every set given whole.
        start(callee, inputs: inputs, at: top) { result in
            self.finish(result.map { Outputs(declared: callee.outputNames, sets: $0) })
        }
    }

    private func run(_ graph: CompositionGraph, of space: Space, _ inputs: [ItemSet]) {
        // A function alone is ended by its class; a composition may go on for as long as there are functions.
        if request.deadline == 0, defaultTime != 0 {
            let time = defaultTime / 1_000_000
            end(
                at: started &+ defaultTime,
                "no reply within \(time) ms, which a request without a time has (default_timeout)")
        }
        do {
            let run = try CompositionRun(graph, of: space, inputs: inputs, in: self, at: top) { result in
                self.finish(result.map { Outputs(declared: graph.outputNames.map { Blob($0) }, sets: $0) })
            }
            run.start()
        } catch {
            finish(.failure(error))
        }
    }

    /// What an instance of a call finds.
    enum InstanceInputs {
        case ready([ItemSet])
        /// So many items that they are picked away from the loop.
        case many(@Sendable () -> [ItemSet])
    }

    /// Runs a callee `count` times, a few at a time; `inputs` gives what each instance finds, `done` gets its number and
    /// outputs, unless the invocation has ended. `depth`: compositions around it. `place`: of the call, where there is a journal.
    func start(
        _ callee: Callee, count: Int, depth: Int, at place: String?, inputs: @escaping (Int) -> InstanceInputs,
        done: @escaping (Int, Result<[ItemSet], Failure>) -> Void
    ) {
        let windows = windows ?? Windows(of: self)
        self.windows = windows
        let window = windows.window(of: callee)
        let limit = limit(of: callee)
        window.add(
            FanOut(count: count, limit: limit()) { [unowned self] instance, fanOut in
                let ended = { (result: Result<[ItemSet], Failure>) in
                    done(instance, result)
                    window.ended(fanOut)
                }
                let place = place.map { "\($0).\(instance)" }
                switch inputs(instance) {
                case .ready(let sets): start(callee, inputs: sets, depth: depth, at: place, done: ended)
                case .many(let pick):
                    away(pick) { self.start(callee, inputs: $0, depth: depth, at: place, done: ended) }
                }
            })
    }

    /// Counts runs that are about to begin.
    /// - Throws: `.limit`.
    func take(sandboxes count: Int) throws(Failure) { try allowance.take(sandboxes: count) }
    func take(requests count: Int, of function: String) throws(Failure) {
        try allowance.take(requests: count, of: function)
    }

    /// How many instances of a callee may be under way.
    private func limit(of callee: Callee) -> () -> Int {
        guard case .compute(let function) = callee,
            let compute = try? function.compute(in: request.className)
        else { return { Windows.mostGroups } }
        let engines = worker.pool.workers.count
        return { compute.window(engines: engines) }
    }

    /// Runs one instance of a callee; `done` gets one set for each output, unless the invocation has ended.
    private func start(
        _ callee: Callee, inputs: [ItemSet], depth: Int = 0, at place: String?,
        done: @escaping (Result<[ItemSet], Failure>) -> Void
    ) {
        guard !isFinished else { return }
        switch callee {
        case .compute(let function): startTask(function, inputs, done)
        case .communication(let function, let variant):
            let transfers = transfers ?? Transfers(of: self)
            self.transfers = transfers
            transfers.start(function, variant, inputs, at: place, done)
        case .composition(let inner):
            do {
                try CompositionRun(
                    inner.graph, of: inner.space, inputs: inputs, in: self, depth: depth, at: place, done: done
                ).start()
            } catch {
                done(.failure(error))
            }
        }
    }

    private func startTask(
        _ function: RegisteredFunction, _ inputs: [ItemSet], _ done: @escaping (Result<[ItemSet], Failure>) -> Void
    ) {
        let compute: ComputeFunction
        let bound: [ItemSet]
        do throws(Failure) {
            compute = try function.compute(in: request.className)
            bound = try function.bind(inputs)
            try worker.pool.budget.check(run: compute.memoryLimit, of: compute.name)
        } catch { return done(.failure(error)) }
        let task = ComputeTask(
            function: compute, inputs: bound, deadline: request.deadline, fresh: request.fresh,
            tenant: tenant, patience: hasProgress ? 0 : admission.patience, owner: worker
        ) { task in
            guard !self.isFinished else { return }
            self.hasProgress = true
            self.drop(task)
            self.note(task.timeline)
            if let trace = self.request.trace { self.tell(trace, task) }
            done(
                task.result.map { output in
                    self.exitCode = output.exitCode
                    return output.sets
                })
        }
        task.place = tasks.count
        tasks.append(task)
        worker.submit(task)
    }

    private func drop(_ task: ComputeTask) {
        let last = tasks.removeLast()
        guard last !== task else { return }
        tasks[task.place] = last
        last.place = task.place
    }

    // MARK: End

    private func note(_ task: Timeline) {
        func add(_ sum: inout UInt64, _ from: UInt64, _ to: UInt64) { if to > from { sum &+= to &- from } }
        add(&timeline.queue, task.queued, task.dequeued)
        guard task.loaded != 0 else { return }
        timeline.sandboxes += 1
        add(&timeline.load, task.dequeued, task.loaded)
        add(&timeline.input, task.loaded, task.inputsPlaced)
        guard task.ran != 0 else { return }
        add(&timeline.run, task.inputsPlaced, task.ran)
        add(&timeline.output, task.ran, task.outputsTaken)
    }

    private func tell(_ trace: Trace, _ task: ComputeTask) {
        guard trace.isRecorded else { return }
        var failure: String?
        if case .failure(let reason) = task.result { failure = reason.kind.rawValue }
        trace.add(
            FunctionRun(
                function: task.function.name, className: task.function.className, backend: task.backendName,
                timeline: task.timeline, ended: Clock.now(), failure: failure))
    }

    /// Ends the invocation; the first call counts.
    func finish(_ result: Result<Outputs, Failure>) {
        guard let completion else { return }
        self.completion = nil
        timer?.cancel()
        for task in tasks { task.cancel() }
        tasks = []
        windows?.close()
        inputs = []
        if let transfers {
            transfers.cancel()
            timeline.communication = transfers.time
            timeline.requests = transfers.requests
        }
        if isAdmitted { admission.leave(tenant) }
        timeline.total = Clock.now() &- started
        completion(InvocationOutcome(result: result, exitCode: exitCode, timeline: timeline))
    }
}

/// What a call runs, resolved.
enum Callee {
    case compute(RegisteredFunction)
    case communication(CommFunction, Int)
    case composition(RegisteredComposition)

    /// The names that the callee's definition gives its outputs.
    var outputNames: [Blob] {
        switch self {
        case .compute(let function): function.outputNames
        case .communication(let function, let variant): function.signatures[variant].outputs.map { Blob($0) }
        case .composition(let composition): composition.graph.outputNames.map { Blob($0) }
        }
    }
}

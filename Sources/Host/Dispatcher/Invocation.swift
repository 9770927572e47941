internal import Composition
internal import Engines
internal import Failure
internal import Items
internal import Platform
internal import PluginHost
internal import Registry

/// One request on its way: runs a function or composition and ends exactly once.
///
/// Lives on the loop of the worker that it came in on; functions run on any worker and report back there. What is
/// under way holds it strongly, and everything under way ends, so it needs no owner.
public final class Invocation {
    let catalogue: Catalogue
    let worker: Worker
    let request: InvocationRequest
    private var completion: ((InvocationOutcome) -> Void)?
    private var timeline = InvocationTimeline()
    private let started = Clock.now()
    private var exitCode: Int32 = 0
    private var timer: LoopTimer?
    /// What must be stopped when the invocation ends early.
    private var tasks: [ObjectIdentifier: ComputeTask] = [:]
    private var transfers: [Transfer: Void] = [:]

    private struct Transfer: Hashable {
        let port: CommPort
        let token: UInt64
        static func == (a: Transfer, b: Transfer) -> Bool { a.token == b.token && a.port === b.port }
        func hash(into hasher: inout Hasher) { hasher.combine(token) }
    }

    init(
        dispatcher: Dispatcher, worker: Worker, request: InvocationRequest,
        completion: @escaping (InvocationOutcome) -> Void
    ) {
        catalogue = dispatcher.catalogue
        self.worker = worker
        self.request = request
        self.completion = completion
    }

    public var isFinished: Bool { completion == nil }

    /// Stops whatever runs; the outcome is `.cancelled`, unless it is there already. On the worker's loop.
    public func cancel() { finish(.failure(Failure(.cancelled, "the request was cancelled"))) }

    func start() {
        if request.deadline != 0 {
            timer = worker.loop.schedule(at: request.deadline) { [weak self] in
                self?.finish(.failure(Failure(.deadline, "the request's deadline passed before its reply was ready")))
            }
        }
        do {
            switch try target() {
            case .function(let function): runAlone(.compute(function))
            case .communication(let function, let variant): runAlone(.communication(function, variant))
            case .composition(let graph): run(graph)
            }
        } catch {
            finish(.failure(error))
        }
    }

    private func target() throws(Failure) -> CatalogueEntry {
        switch request.target {
        case .composition(let text): return .composition(try catalogue.compileOnce(text))
        case .name(let name):
            guard let entry = catalogue.entry(named: name) else {
                throw Failure(.notFound, "nothing is registered as '\(name)'", [.init("name", name)])
            }
            return entry
        }
    }

    // MARK: What can be invoked

    private func runAlone(_ callee: Callee) {
        // A function by itself is a call with every set given whole.
        start(callee, inputs: request.inputs) { result in
            self.finish(
                result.map { sets in
                    sets.enumerated().map { index, set in
                        OutputSet(declared: callee.outputName(index), set: set)
                    }
                })
        }
    }

    private func run(_ graph: CompositionGraph) {
        do {
            let run = try CompositionRun(graph, inputs: request.inputs, in: self) { result in
                self.finish(
                    result.map { sets in
                        zip(graph.outputNames, sets).map { OutputSet(declared: Blob($0), set: $1) }
                    })
            }
            run.start()
        } catch {
            finish(.failure(error))
        }
    }

    /// Runs one instance of a callee; `done` gets one set for each output, unless the invocation has ended. `depth`:
    /// compositions around it.
    func start(
        _ callee: Callee, inputs: [ItemSet], depth: Int = 0, done: @escaping (Result<[ItemSet], Failure>) -> Void
    ) {
        guard !isFinished else { return }
        switch callee {
        case .compute(let function): startTask(function, inputs, done)
        case .communication(let function, let variant):
            startTransfers(function, variant, inputs, done)
        case .composition(let graph):
            do { try CompositionRun(graph, inputs: inputs, in: self, depth: depth, done: done).start() } catch {
                done(.failure(error))
            }
        }
    }

    private func startTask(
        _ function: RegisteredFunction, _ inputs: [ItemSet], _ done: @escaping (Result<[ItemSet], Failure>) -> Void
    ) {
        let compute: ComputeFunction
        do { compute = try function.compute(in: request.className) } catch { return done(.failure(error)) }
        let task = ComputeTask(
            function: compute, inputs: function.bind(inputs), deadline: request.deadline, fresh: request.fresh,
            owner: worker
        ) { task in
            guard !self.isFinished else { return }
            self.tasks.removeValue(forKey: ObjectIdentifier(task))
            self.note(task.timeline)
            done(
                task.result.map { output in
                    self.exitCode = output.exitCode
                    return output.sets
                })
        }
        tasks[ObjectIdentifier(task)] = task
        worker.submit(task)
    }

    /// One request for each item of the first set, with the items at its place in the others.
    private func startTransfers(
        _ function: CommFunction, _ variant: Int, _ inputs: [ItemSet],
        _ done: @escaping (Result<[ItemSet], Failure>) -> Void
    ) {
        let outputCount = function.signatures[variant].outputs.count
        let items = inputs.first?.items ?? []
        // As in the original, replies travel in a set named like the one that held the requests.
        let name = inputs.first?.name ?? .empty
        let gathered = Gathered(count: items.count)
        guard !items.isEmpty else {
            return done(.success((0..<outputCount).map { _ in ItemSet(name: name) }))
        }
        for (index, item) in items.enumerated() where !isFinished {
            let parts = function.signatures[variant].inputs.indices.map { set in
                set < inputs.count && index < inputs[set].items.count ? inputs[set].items[index].data : .empty
            }
            startTransfer(function, variant, parts) { result in
                switch result {
                case .failure(var failure):
                    failure.detail += " (item '\(item.ident.text)' of set '\(name.text)')"
                    failure.facts.append(.init("item", item.ident.text))
                    done(.failure(failure))
                case .success(let outputs):
                    gathered.replies[index] = outputs
                    gathered.missing -= 1
                    guard gathered.missing == 0 else { return }
                    done(
                        .success(
                            (0..<outputCount).map { output in
                                ItemSet(
                                    name: name,
                                    items: zip(items, gathered.replies).map { item, reply in
                                        Item(
                                            ident: item.ident, key: item.key,
                                            data: output < reply.count ? reply[output] : .empty)
                                    })
                            }))
                }
            }
        }
    }

    private final class Gathered {
        var replies: [[Blob]]
        var missing: Int
        init(count: Int) {
            replies = Array(repeating: [], count: count)
            missing = count
        }
    }

    private func startTransfer(
        _ function: CommFunction, _ variant: Int, _ inputs: [Blob], _ done: @escaping (Result<[Blob], Failure>) -> Void
    ) {
        let limit = Clock.now() &+ function.timeout
        do {
            let port = try worker.port(for: function.backend)
            let begun = Clock.now()
            var transfer: Transfer?
            let token = try port.submit(
                protocol: function.protocolIndex, signature: variant, inputs: inputs,
                deadline: request.deadline == 0 ? limit : min(limit, request.deadline),
                maxResponse: function.maxResponse
            ) { completion in
                guard !self.isFinished else { return }
                if let transfer { self.transfers.removeValue(forKey: transfer) }
                self.timeline.communication &+= Clock.now() &- begun
                self.timeline.requests += 1
                done(completion.failure.map { .failure($0) } ?? .success(completion.outputs))
            }
            transfer = Transfer(port: port, token: token)
            transfers[Transfer(port: port, token: token)] = ()
        } catch {
            done(.failure(error))
        }
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

    /// Ends the invocation; the first call counts.
    func finish(_ result: Result<[OutputSet], Failure>) {
        guard let completion else { return }
        self.completion = nil
        timer?.cancel()
        for task in tasks.values { task.cancel() }
        for transfer in transfers.keys { transfer.port.cancel(transfer.token) }
        tasks = [:]
        transfers = [:]
        timeline.total = Clock.now() &- started
        completion(InvocationOutcome(result: result, exitCode: exitCode, timeline: timeline))
    }
}

/// What a call runs, resolved.
enum Callee {
    case compute(RegisteredFunction)
    case communication(CommFunction, Int)
    case composition(CompositionGraph)

    /// The name that the callee's definition gives output `index`.
    func outputName(_ index: Int) -> Blob {
        switch self {
        case .compute(let function): function.outputNames[index]
        case .communication(let function, let variant): Blob(function.signatures[variant].outputs[index])
        case .composition(let graph): Blob(graph.outputNames[index])
        }
    }
}

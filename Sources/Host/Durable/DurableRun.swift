internal import Dispatcher
internal import Engines
internal import Failure
internal import Items
internal import Platform

/// One attempt of an invocation under way. On the loop of the worker that it runs on.
final class DurableRun: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: everything happens on the worker's loop; other threads just carry the reference.
    let id: InvocationID
    let order: InvocationOrder
    /// This one is the so-manieth.
    let attempt: Int
    private let inputs: [ItemSet]
    /// Keeps what the inputs are charged to.
    private let charge: AnyObject?
    /// Requests of earlier attempts.
    private let steps: [StoredStep]
    private var journal: EffectJournal?
    private let worker: Worker
    private unowned let owner: DurableInvocations
    private var invocation: Invocation?
    private var isCancelled = false
    private var refusals = 0

    private static let firstRefusal: UInt64 = 20_000_000
    private static let longestRefusal: UInt64 = 1_000_000_000

    init(
        _ id: InvocationID, _ order: InvocationOrder, attempt: Int, inputs: [ItemSet], charge: AnyObject?,
        steps: [StoredStep] = [], on worker: Worker, of owner: DurableInvocations
    ) {
        self.id = id
        self.order = order
        self.attempt = attempt
        self.inputs = inputs
        self.charge = charge
        self.steps = steps
        self.worker = worker
        self.owner = owner
    }

    func start() {
        guard !isCancelled else { return owner.leave() }
        do throws(Failure) {
            let tenant = try owner.dispatcher.admission.tenant(named: order.tenant)
            let journal = journal ?? EffectJournal(of: id, steps: steps, tenant.memory, on: worker, of: owner)
            self.journal = journal
            let (deadline, overflow) = Clock.now().addingReportingOverflow(order.time)
            var request = InvocationRequest(
                target: .name(order.name), inputs: inputs, fresh: order.fresh,
                deadline: order.time == 0 || overflow ? 0 : deadline, className: order.className, tenant: tenant,
                space: owner.dispatcher.space(of: order.owner.space))
            request.journal = journal
            invocation = owner.dispatcher.invoke(request, on: worker) { self.ended($0) }
        } catch {
            ended(InvocationOutcome(result: .failure(error), exitCode: 0, timeline: InvocationTimeline()))
        }
    }

    /// What becomes of the invocation is in the store already. Any thread.
    func cancel() {
        worker.loop.post {
            self.isCancelled = true
            self.invocation?.cancel()
        }
    }

    private func ended(_ outcome: InvocationOutcome) {
        invocation = nil
        guard !isCancelled else { return owner.leave() }
        switch outcome.result {
        case .success(let outputs):
            owner.keep(outputs.named, outcome.exitCode, outcome.timeline, of: self, on: worker)
        case .failure(let failure):
            if let doubt = journal?.doubt {
                return owner.failed(self, doubt, outcome.exitCode, outcome.timeline, .uncertain)
            }
            if failure.kind == .busy { return startLater() }
            owner.failed(self, failure, outcome.exitCode, outcome.timeline)
        }
    }

    /// The node has too much to do; that is no attempt.
    private func startLater() {
        let pause = min(Self.firstRefusal << UInt64(min(refusals, 10)), Self.longestRefusal)
        refusals += 1
        worker.loop.schedule(at: Clock.now() &+ pause / 2 &+ UInt64.random(in: 0...pause / 2)) { self.start() }
    }

    /// Does `action` on the loop after a pause.
    func later(_ action: @escaping @Sendable () -> Void) {
        worker.loop.post { self.worker.loop.schedule(at: Clock.now() &+ 500_000_000, action) }
    }
}

extension Failure {
    /// Another attempt may not meet it.
    var mayPass: Bool {
        switch kind {
        case .upstream, .unavailable, .deadline, .internal, .busy: true
        // Stopped by somebody else than the invocation's owner: the node, as it ends.
        case .cancelled: true
        default: false
        }
    }
}

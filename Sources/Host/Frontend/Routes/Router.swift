internal import Config
internal import Dispatcher
internal import Durable
internal import Engines
internal import Failure
internal import Fleet
internal import Items
internal import Memory
internal import Platform
internal import Registry
internal import Telemetry
internal import Values

/// Finds out what a request wants and has it done; one for all workers.
final class Router: Sendable {
    let dispatcher: Dispatcher
    let catalogue: Catalogue
    /// Of those who name no tenant that is believed.
    private let standard: Space
    let pool: WorkerPool
    let settings: Frontend.Settings
    let access: AccessPolicy
    let numbers = NodeMetrics()
    /// Take long bodies apart and put long replies together; registrations, which may take seconds, have others.
    let readers = HelperThreads(count: 2)
    /// Answers who looks on: lists and counters, which are long when there is much to tell.
    let observers = HelperThreads(count: 1)
    /// Waits for the node's main thread.
    let control = HelperThreads(count: 1)
    private let requests = Metrics.shared.cell(
        "dandelion_http_requests_total", "HTTP requests that were read completely.")
    private let failures = Metrics.shared.cell(
        "dandelion_http_failed_invocations_total", "Invocations that ended in a problem.")

    init(dispatcher: Dispatcher, catalogue: Catalogue, pool: WorkerPool, settings: Frontend.Settings) {
        self.dispatcher = dispatcher
        self.catalogue = catalogue
        standard = catalogue.standard
        self.pool = pool
        self.settings = settings
        access = AccessPolicy(settings.access)
    }

    func handle(_ request: Request, on worker: Worker) {
        requests.add()
        do throws(Problem) {
            try access.check(request.head)
            try access.checkTenant(request.head, from: request.exchange.connection.peer)
            if let response = access.preflight(request.head) { return request.exchange.respond(response) }
            try route(request, worker)
        } catch {
            request.exchange.fail(error)
        }
    }

    private func route(_ request: Request, _ worker: Worker) throws(Problem) {
        guard let route = Route(request.head.pathBytes) else { throw .noRoute }
        switch route {
        case .invokeDocument: try invokeDocument(request, fresh: false, on: worker)
        case .invokeFresh: try invokeDocument(request, fresh: true, on: worker)
        case .greeting:
            // Readiness probes of the original's clients use any method.
            request.exchange.respond(Response(.ok, contentType: "text/plain", .text("Hello, World\n")))
        case .registerFunction:
            try request.allow([.post], "POST")
            registerFunction(request, on: worker)
        case .registerComposition:
            try request.allow([.post], "POST")
            registerComposition(request, on: worker)
        case .invoke, .functions, .function, .compositions, .composition, .aliases, .alias, .plugins, .plugin,
            .invocations, .invocation, .schedules, .schedule, .nodes, .content, .payload:
            try routePlain(route, request, worker)
        case .health, .readiness, .metrics, .statistics: try observe(route, request, on: worker)
        case .console: try console(request)
        case .description: try description(request)
        case .recent: try recent(request)
        }
    }

    private func observe(_ route: Route, _ request: Request, on worker: Worker) throws(Problem) {
        try request.allow([.get, .head], "GET, HEAD")
        switch route {
        case .readiness:
            let reasons = catalogue.unreadiness()
            guard reasons.isEmpty else {
                throw Problem(Failure(.unavailable, reasons.joined(separator: "; ")))
            }
            request.exchange.respond(Response(.ok, contentType: "text/plain", .text("ready\n")))
        case .metrics:
            offload(request.exchange, on: worker, to: observers) {
                [numbers, pool, catalogue, dispatcher] () throws(Problem) in
                numbers.refresh(pool, catalogue, dispatcher.admission)
                let text = Array(Metrics.shared.prometheusText().utf8)
                return Response(.ok, contentType: "text/plain; version=0.0.4; charset=utf-8", .bytes(text))
            }
        case .statistics:
            offload(request.exchange, on: worker, to: observers) { [self] () throws(Problem) in
                numbers.refresh(pool, catalogue, dispatcher.admission)
                return .json(stats())
            }
        default: request.exchange.respond(Response(.ok, contentType: "text/plain", .text("ok\n")))
        }
    }

    private func stats() -> JSONWriter {
        var json = JSONWriter()
        json.object { json in
            for (name, value) in Metrics.shared.snapshot() {
                json.name(name)
                json.number(value)
            }
            json.member("queue_length", pool.queueLength)
        }
        return json
    }

    // MARK: Shared by the routes

    /// Starts an invocation; `reply` answers one that succeeds. `charge` is kept until it has ended.
    func invoke(
        _ invocation: consuming InvocationRequest, holding charge: ItemCharge?, for exchange: Exchange,
        on worker: Worker,
        reply: @escaping (Exchange, InvocationOutcome, Outputs) -> Void
    ) {
        if let record = exchange.record {
            record.begins(invocation)
            invocation.trace = record.trace
        }
        let running = dispatcher.invoke(invocation, on: worker) { [failures, fleet = settings.fleet] outcome in
            defer { withExtendedLifetime(charge) {} }
            if let fleet = fleet?.current, outcome.timeline.sandboxes > 0 {
                fleet.note(run: outcome.timeline.run / UInt64(outcome.timeline.sandboxes))
            }
            exchange.record?.timeline = outcome.timeline
            switch outcome.result {
            case .success(let outputs): reply(exchange, outcome, outputs)
            case .failure(let failure):
                failures.add()
                exchange.fail(Problem(failure), outcome.timeline)
            }
        }
        exchange.runs(running)
    }

    /// Refuses what would be refused when its body were there.
    func admit(_ head: RequestHead) throws(Problem) {
        try access.check(head)
        switch Route(head.pathBytes) {
        // What is kept can wait; how much of that there may be is asked when it is.
        case .invoke where settings.durable != nil && Preferences(head).isAsync: _ = try lenientTenant(head)
        case .invoke, .invokeDocument, .invokeFresh:
            do throws(Problem) { _ = try tenant(head) } catch {
                // Another node may have room for it.
                guard let fleet = settings.fleet?.current, head.value("dandelion-forwarded") == nil,
                    fleet.mayPassOn(wait: fleet.wait(behind: pool.expectedWait(of: try anyTenant(head))))
                else { throw error }
            }
        default: return
        }
    }

    /// - Throws: 429 when a request of the tenant would be turned away.
    func admit(_ tenant: Tenant) throws(Problem) {
        do throws(Failure) { try dispatcher.admission.check(tenant, in: pool) } catch { throw Problem(error) }
    }

    /// On whose behalf a request comes, by who makes it, or by the field Dandelion-Tenant.
    /// - Throws: 429 when it would be turned away; asked before its body is looked at, so that this costs little.
    func tenant(_ head: RequestHead) throws(Problem) -> Tenant {
        do throws(Failure) {
            let tenant = try named(head)
            try dispatcher.admission.check(tenant, in: pool)
            return tenant
        } catch {
            throw Problem(error)
        }
    }

    /// The same for what can wait: 429 only when the tenant has used up what it may.
    func lenientTenant(_ head: RequestHead) throws(Problem) -> Tenant {
        do throws(Failure) {
            let tenant = try named(head)
            try tenant.checkQuota()
            return tenant
        } catch {
            throw Problem(error)
        }
    }

    /// On whose behalf a request comes, whether or not it would be turned away.
    func anyTenant(_ head: RequestHead) throws(Problem) -> Tenant {
        do throws(Failure) { return try named(head) } catch { throw Problem(error) }
    }

    /// Whose invocations a request is about.
    func owner(_ head: RequestHead) throws(Problem) -> InvocationOwner {
        InvocationOwner(tenant: try anyTenant(head).name, space: space(head).name)
    }

    private func named(_ head: RequestHead) throws(Failure) -> Tenant {
        if let caller = head.caller { return caller.tenant }
        return try dispatcher.admission.tenant(named: head.value("dandelion-tenant")?.text)
    }

    /// Among whose names a request finds, makes and removes things: those of who makes it. The field Dandelion-Tenant counts where
    /// somebody vouches for it, by a proxy's address (`checkTenant`); what anybody may write is a share of the node, no more.
    func space(_ head: RequestHead) -> Space {
        if let caller = head.caller { return catalogue.space(of: caller.space) }
        guard access.vouchesForTenants, let name = head.value("dandelion-tenant") else { return standard }
        return catalogue.space(of: name.text)
    }

    /// Where what a request takes is charged: to the tenant that it names, else to those who name none.
    func account(_ head: RequestHead) -> MemoryAccount {
        ((try? named(head)) ?? dispatcher.admission.others).memory
    }

    /// Who registers something.
    func registrant(_ head: RequestHead) -> Registrant {
        let tenant = (try? named(head)) ?? dispatcher.admission.others
        return Registrant(space: space(head), account: tenant.memory, weight: tenant.weight)
    }

    /// When the answer must be there, by the field Dandelion-Timeout; 0 = no matter.
    func deadline(_ request: Request) throws(Problem) -> UInt64 { Self.deadline(in: try time(request)) }

    /// CLOCK_MONOTONIC ns in so many from now; 0 = no matter.
    static func deadline(in time: UInt64) -> UInt64 {
        guard time != 0 else { return 0 }
        let (deadline, overflow) = Clock.now().addingReportingOverflow(time)
        return overflow ? 0 : deadline
    }

    /// Nanoseconds within which the answer must be there, by the field Dandelion-Timeout; 0 = no matter.
    func time(_ request: Request) throws(Problem) -> UInt64 {
        guard let value = request.head.value("dandelion-timeout") else { return 0 }
        guard let time = Units.time(value.text) else {
            throw .malformed("Dandelion-Timeout '\(value.text)' is not a time such as 500ms")
        }
        // No time at all is one that has passed.
        return max(time, 1)
    }

    /// Takes a long body apart on a helper thread, so that other requests of the worker need not wait for that; `next`
    /// goes on with the result on the worker. `work` is called again while it gives nil: after others' work, so that a very
    /// long body holds up nobody.
    func takeApart<T: Sendable>(
        for exchange: Exchange, on worker: Worker, _ work: @escaping @Sendable () throws(Problem) -> T?,
        next: @escaping @Sendable (T) throws(Problem) -> Void
    ) throws(Problem) {
        let accepted = readers.submit { [self] in
            let result: Result<T, Problem>
            do throws(Problem) {
                guard let whole = try work() else {
                    do throws(Problem) { try takeApart(for: exchange, on: worker, work, next: next) } catch {
                        worker.loop.post { exchange.fail(error) }
                    }
                    return
                }
                result = .success(whole)
            } catch { result = .failure(error) }
            worker.loop.post {
                worker.loop.begins(.begin)
                do throws(Problem) { try next(try result.get()) } catch { exchange.fail(error) }
            }
        }
        if !accepted { throw Problem(Failure(.busy, "too many requests wait already")) }
    }

    /// Does work that blocks or takes long on one of `helpers`, then answers on the connection's worker.
    func offload(
        _ exchange: Exchange, on worker: Worker, to helpers: HelperThreads = .shared,
        _ work: @escaping @Sendable () throws(Problem) -> Response
    ) {
        let accepted = helpers.submit {
            let result: Result<Response, Problem>
            do throws(Problem) { result = .success(try work()) } catch { result = .failure(error) }
            worker.loop.post {
                worker.loop.begins(.reply)
                switch result {
                case .success(let response): exchange.respond(response)
                case .failure(let problem): exchange.fail(problem)
                }
            }
        }
        if !accepted { exchange.fail(Problem(Failure(.busy, "too many requests wait already"))) }
    }
}

/// On whose behalf something is registered.
struct Registrant: Sendable {
    let space: Space
    /// Where what it takes is charged.
    let account: MemoryAccount
    /// The tenant's, among those who have images compiled.
    let weight: UInt64
}

extension Request {
    /// - Throws: 405 unless the method is one of `methods`.
    func allow(_ methods: [Method], _ names: StaticString) throws(Problem) {
        if !methods.contains(head.method) { throw .methodNotAllowed(names) }
    }
}

extension Response {
    static func json(_ json: JSONWriter, _ status: Status = .ok) -> Response {
        Response(status, contentType: "application/json", .bytes(json.bytes))
    }

    /// Tells the exit code of a function that did not leave with 0.
    mutating func add(exitCode: Int32) {
        let code = UInt8(truncatingIfNeeded: exitCode)
        if code != 0 { fields.append(Field(name: "dandelion-exit-code", value: String(code))) }
    }
}

internal import Config
internal import Durable
internal import Engines
internal import Failure
internal import Items
internal import Memory
internal import Registry
internal import Telemetry
internal import Values

/// `/v1/schedules`: what is invoked again and again.
extension Router {
    func schedules(_ request: Request, on worker: Worker) throws(Problem) {
        try request.allow([.get, .head], "GET, HEAD")
        let page = try ListingPage(request.head.queryBytes)
        let exchange = request.exchange
        try ownDurable().schedules(of: try owner(request.head)) { result in
            let response = result.mapError { Problem($0) }.map { all in
                var json = JSONWriter()
                json.object { json in
                    let rest = all.filter { $0.name > page.after ?? "" }
                    json.page("schedules", Array(rest.prefix(page.limit + 1)), page, of: \.name) { $0.write($1) }
                }
                return Response.json(json)
            }
            worker.loop.post { exchange.end(response) }
        }
    }

    func schedule(_ name: String, _ request: Request, on worker: Worker) throws(Problem) {
        let (durable, owner, exchange) = (try ownDurable(), try owner(request.head), request.exchange)
        switch request.head.method {
        case .get, .head: show(name, of: owner, .ok, durable, exchange, worker)
        case .put: try put(name, request, owner, durable, on: worker)
        case .delete:
            durable.remove(schedule: name, of: owner) { result in
                worker.loop.post { exchange.end(result.mapError { Problem($0) }.map { Response(.noContent) }) }
            }
        default: throw .methodNotAllowed("GET, HEAD, PUT, DELETE")
        }
    }

    private func show(
        _ name: String, of owner: InvocationOwner, _ status: Status, _ durable: DurableInvocations,
        _ exchange: Exchange,
        _ worker: Worker
    ) {
        durable.schedule(name, of: owner) { result in
            let response = result.mapError { Problem($0) }.map { schedule in
                var json = JSONWriter()
                json.write(schedule)
                return Response.json(json, status)
            }
            worker.loop.post { exchange.end(response) }
        }
    }

    private static let longestName = 255

    private func put(
        _ name: String, _ request: Request, _ owner: InvocationOwner, _ durable: DurableInvocations, on worker: Worker
    ) throws(Problem) {
        let given = try Query.parameters(
            request.head.queryBytes, known: ["invoke", "cron", "every", "zone", "missed", "class", "fresh"])
        guard name.utf8.count <= Self.longestName else {
            throw .malformed("a schedule's name has \(Self.longestName) bytes at most")
        }
        guard let target = given["invoke"] else {
            throw .malformed("parameter invoke must name the function or composition to run")
        }
        let space = space(request.head)
        guard let entry = space.entry(named: target) else { throw Problem(space.nothing(named: target)) }
        let order = InvocationOrder(
            owner: owner, name: target, className: given["class"], fresh: given["fresh"] == "true",
            time: try time(request), schedule: name)
        let times = try Self.times(given)
        let account = try lenientTenant(request.head).memory
        let form = InvocationForm(request, entry, account: account)
        let limit = Int(durable.settings.maxPayload)
        let exchange = request.exchange
        try takeApart(for: exchange, on: worker) { () throws(Problem) -> Blob? in
            guard let decoded = try form.readOn() else { return nil }
            do throws(Failure) { return try StoredSets.encode(decoded.sets, limit: limit, account) } catch {
                throw Problem(error)
            }
        } next: { [self] input in
            durable.put(name, order, times, input) { [self] result in
                switch result {
                case .failure(let failure): worker.loop.post { exchange.fail(Problem(failure)) }
                case .success(let isNew): show(name, of: owner, isNew ? .created : .ok, durable, exchange, worker)
                }
            }
        }
    }

    private static func times(_ given: [String: String]) throws(Problem) -> ScheduleTimes {
        let missed = given["missed"] ?? ScheduleTimes.Missed.skip.rawValue
        guard let missed = ScheduleTimes.Missed(rawValue: missed) else {
            throw .malformed("parameter missed is '\(missed)', not once or skip")
        }
        var every: UInt64?
        if let text = given["every"] {
            every = Units.time(text)
            if every == nil { throw .malformed("parameter every is '\(text)', not a time such as 30s") }
        }
        do throws(Failure) {
            return try ScheduleTimes(cron: given["cron"], every: every, zone: given["zone"], missed: missed)
        } catch { throw Problem(error) }
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ schedule: ScheduleRecord) {
        object { json in
            json.member("name", schedule.name)
            json.member("invoke", schedule.order.name)
            if let className = schedule.order.className { json.member("class", className) }
            if let cron = schedule.times.cron {
                json.member("cron", cron)
                json.member("zone", schedule.times.zone)
            } else {
                json.member("every", Units.timeText(schedule.times.every))
            }
            json.member("missed", schedule.times.missed.rawValue)
            if schedule.order.time != 0 { json.member("timeout", Units.timeText(schedule.order.time)) }
            json.member("inputBytes", schedule.inputBytes)
            json.member("next", WallTime.text(schedule.next))
            if schedule.last != 0 { json.member("last", WallTime.text(schedule.last)) }
            if let id = schedule.lastInvocation { json.member("lastInvocation", "\(id)") }
        }
    }
}

internal import Dispatcher
internal import Failure
internal import Values

/// A durable invocation as the fleet's engine keeps it.
struct SharedInvocation: Sendable {
    var record: InvocationRecord
    /// Of the one message of the queue that counts: those with another are of before, or of what is about to be.
    var ticket: String
    /// Requests of earlier attempts may be known.
    var hasSteps = false

    var json: [UInt8] {
        let order = record.order
        var json = JSONWriter()
        json.object { json in
            json.member("id", "\(record.id)")
            json.member("tenant", order.tenant)
            json.member("space", order.owner.space)
            json.member("name", order.name)
            if let className = order.className { json.member("class", className) }
            json.member("fresh", order.fresh ? 1 : 0)
            json.member("time", Int(clamping: order.time))
            json.member("state", record.state.rawValue)
            json.member("attempts", record.attempts)
            json.member("accepted", Int(clamping: record.accepted))
            json.member("begun", Int(clamping: record.begun))
            json.member("due", Int(clamping: record.due))
            json.member("ended", Int(clamping: record.ended))
            json.member("input", record.inputBytes)
            json.member("result", record.resultBytes)
            json.member("exit", Int(record.exitCode))
            json.member("timeline", StoredTimeline.text(record.timeline))
            if let failure = record.failure { json.member("failure", StoredFailure.text(failure)) }
            json.member("ticket", ticket)
            if let node = record.node { json.member("node", node) }
            json.member("steps", hasSteps ? 1 : 0)
        }
        return json.bytes
    }

    init(record: InvocationRecord, ticket: String) {
        self.record = record
        self.ticket = ticket
    }

    /// Nil for what no node wrote. Members that are not known are left alone: nodes of a later version write them.
    init?(_ bytes: [UInt8]) {
        guard let read = try? JSONReader.read(bytes: bytes) else { return nil }
        func number(_ key: String) -> Int {
            if case .integer(let number)? = read[key]?.kind { Int(number) } else { 0 }
        }
        func time(_ key: String) -> UInt64 { UInt64(clamping: number(key)) }
        guard let id = read["id"]?.text.flatMap({ InvocationID($0) }), let tenant = read["tenant"]?.text,
            let space = read["space"]?.text, let name = read["name"]?.text, let ticket = read["ticket"]?.text,
            let state = InvocationState(rawValue: number("state"))
        else { return nil }
        let order = InvocationOrder(
            owner: InvocationOwner(tenant: tenant, space: space), name: name, className: read["class"]?.text,
            fresh: number("fresh") != 0, time: time("time"))
        record = InvocationRecord(
            id: id, order: order, state: state, attempts: number("attempts"), accepted: time("accepted"),
            begun: time("begun"), due: time("due"), ended: time("ended"), inputBytes: number("input"),
            resultBytes: number("result"), exitCode: Int32(clamping: number("exit")),
            timeline: StoredTimeline.read(read["timeline"]?.text),
            failure: read["failure"]?.text.map(StoredFailure.read),
            node: read["node"]?.text)
        self.ticket = ticket
        hasSteps = number("steps") != 0
    }
}

/// A message of the fleet's queue: which invocation is to be run.
struct SharedMessage: Sendable {
    var id: InvocationID
    var owner: InvocationOwner
    var ticket: String
    /// When it was put there, nanoseconds since 1970.
    var made: UInt64

    var json: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("id", "\(id)")
            json.member("tenant", owner.tenant)
            json.member("space", owner.space)
            json.member("ticket", ticket)
            json.member("made", Int(clamping: made))
        }
        return json.bytes
    }

    init(_ shared: SharedInvocation, made: UInt64) {
        (id, owner, ticket) = (shared.record.id, shared.record.order.owner, shared.ticket)
        self.made = made
    }

    init?(_ bytes: [UInt8]) {
        guard let read = try? JSONReader.read(bytes: bytes), let id = read["id"]?.text.flatMap({ InvocationID($0) }),
            let tenant = read["tenant"]?.text, let space = read["space"]?.text, let ticket = read["ticket"]?.text,
            case .integer(let made)? = read["made"]?.kind
        else { return nil }
        (self.id, self.ticket, self.made) = (id, ticket, UInt64(clamping: made))
        owner = InvocationOwner(tenant: tenant, space: space)
    }
}

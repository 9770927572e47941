internal import Dispatcher
internal import Durable
internal import Failure
internal import Items
internal import Telemetry
internal import Values

extension JSONWriter {
    /// A durable invocation, with its result where there is one at hand.
    mutating func write(
        _ record: InvocationRecord, result: [ItemSet]? = nil, undecided: [DurableInvocations.Undecided] = []
    ) {
        object { json in
            json.member("id", "\(record.id)")
            json.member("name", record.order.name)
            json.member("state", record.state.name)
            json.member("attempts", record.attempts)
            if let className = record.order.className { json.member("class", className) }
            if let node = record.node { json.member("node", node) }
            if let schedule = record.order.schedule { json.member("schedule", schedule) }
            json.member("accepted", WallTime.text(record.accepted))
            if record.begun != 0 { json.member("begun", WallTime.text(record.begun)) }
            if record.state == .waiting, record.attempts > 0 { json.member("due", WallTime.text(record.due)) }
            if record.ended != 0 { json.member("ended", WallTime.text(record.ended)) }
            json.member("inputBytes", record.inputBytes)
            json.member("resultBytes", record.resultBytes)
            if record.exitCode != 0 { json.member("exitCode", Int(UInt8(truncatingIfNeeded: record.exitCode))) }
            if record.timeline.total != 0 { json.write(record.timeline) }
            if let failure = record.failure { json.write(Problem(failure)) }
            if !undecided.isEmpty { json.write(undecided) }
            if let result {
                json.name("result")
                JSONReply.write(result, to: &json)
            }
        }
    }

    private mutating func write(_ undecided: [DurableInvocations.Undecided]) {
        name("undecided")
        array { json in
            for one in undecided {
                json.object { json in
                    json.member("request", one.place)
                    json.member("function", one.function)
                    json.member("item", one.item)
                    json.name("hasAnswer")
                    json.number(one.hasAnswer ? "true" : "false")
                }
            }
        }
    }

    /// Milliseconds, and two numbers.
    private mutating func write(_ line: InvocationTimeline) {
        name("timeline")
        object { json in
            let stages = [
                ("queue", line.queue), ("load", line.load), ("input", line.input), ("run", line.run),
                ("output", line.output), ("communication", line.communication), ("total", line.total),
            ]
            for (name, time) in stages {
                json.name(name)
                json.number("\(Double(time / 1000) / 1000)")
            }
            json.member("sandboxes", line.sandboxes)
            json.member("requests", line.requests)
        }
    }

    /// What the same failure would be told as, in the member `error`.
    private mutating func write(_ problem: Problem) {
        name("error")
        object { json in
            json.member("type", "urn:dandelion:problem:\(problem.kind)")
            json.member("title", "\(problem.status.reason)")
            json.member("status", Int(problem.status.rawValue))
            json.member("detail", problem.detail)
            for fact in problem.facts where !Problem.reserved.contains(fact.name) { json.member(fact.name, fact.value) }
        }
    }
}

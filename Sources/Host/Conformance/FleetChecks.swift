internal import Failure
internal import Platform
internal import PluginABI
internal import PluginHost

/// Engines of fleets. Those that need the engine are skipped where it is out of reach, as it always is in a trial unless the
/// plugin is the engine.
let fleetChecks: [Check] = [
    Check("fleet-names", .fleet, "Names that fleet.h does not allow are DN_INVALID, without the engine too.") {
        subject in
        let rig = try FleetRig(subject)
        let long = String(repeating: "k", count: 201)
        for name in ["a..b", ".a", "a.", "a b", "a.*", "a.>", "a/b", "\u{e9}", "a\0b", "$a", long] {
            let what = "of a key '\(name.prefix(20))'"
            try rig.requireRefused(.invalid, "get \(what)") {
                _ = try rig.engine.get(.lasting, name, timeout: FleetRig.time)
            }
            try rig.requireRefused(.invalid, "put \(what)") {
                _ = try rig.engine.put(.leased, name, [1], expected: .whatever, timeout: FleetRig.time)
            }
            try rig.requireRefused(.invalid, "remove \(what)") {
                try rig.engine.remove(.lasting, name, expected: .whatever, timeout: FleetRig.time)
            }
            try rig.requireRefused(.invalid, "watch_open \(what)") {
                _ = try rig.engine.watch(.lasting, below: name, timeout: FleetRig.time)
            }
            try rig.requireRefused(.invalid, "queue_open \(what)") {
                _ = try rig.engine.queue(name, timeout: FleetRig.time)
            }
        }
        try rig.requireRefused(.invalid, "get of no key") {
            _ = try rig.engine.get(.lasting, "", timeout: FleetRig.time)
        }
        try rig.requireRefused(.invalid, "queue_open of two segments") {
            _ = try rig.engine.queue("a.b", timeout: FleetRig.time)
        }
    },
    Check("fleet-away", .fleet, "While its engine is out of reach, calls answer in time and instances start and stop.")
    {
        subject in
        let rig = try FleetRig(subject)
        subject.watch.withoutAim { Network.refuseConnections() }
        let time: UInt64 = 200_000_000
        func inTime(_ slot: String, _ body: () throws -> Void) throws {
            let began = Clock.now()
            do {
                try body()
            } catch let failure as Failure {
                let isRight = failure.kind == .unavailable || failure.kind == .deadline
                try require(isRight, "\(slot) without the engine is answered with: \(failure.detail)")
            }
            let took = (Clock.now() &- began) / 1_000_000
            try require(took < 1_500, "\(slot) took \(took) ms, asked to take \(time / 1_000_000) at most")
        }
        let (engine, key) = (rig.engine, rig.key("away"))
        _ = try engine.facts()
        try inTime("get") { _ = try engine.get(.lasting, key, timeout: time) }
        try inTime("put") { _ = try engine.put(.leased, key, [1], expected: .whatever, timeout: time) }
        try inTime("remove") { try engine.remove(.lasting, key, expected: .whatever, timeout: time) }
        try inTime("watch_open and watch_next") {
            let watch = try engine.watch(.lasting, below: rig.prefix, timeout: time)
            _ = try watch.next(timeout: time)
        }
        try inTime("queue_open, publish and pull") {
            let queue = try engine.queue(rig.prefix, timeout: time)
            _ = try queue.pull(timeout: time)
        }
    },
    Check("fleet-values", .fleet, "A value is changed by whoever names its revision, and by nobody else.") { subject in
        let rig = try FleetRig.reaching(subject)
        try require(try rig.get("v") == nil, "a key that was never put has a value")
        let first = try rig.put("v", "one", .absent)
        try rig.requireRefused(.conflict, "put of a key that has a value, as absent") { try rig.put("v", "x", .absent) }
        try requireValue(try rig.get("v"), "one", first)
        let second = try rig.put("v", "two", .revision(first))
        try require(second > first, "revision \(second) follows revision \(first)")
        try rig.requireRefused(.conflict, "put with a revision that is over") {
            try rig.put("v", "x", .revision(first))
        }
        try rig.requireRefused(.conflict, "remove with a revision that is over") {
            try rig.remove("v", .revision(first))
        }
        try requireValue(try rig.get("v"), "two", second)
        try require(try rig.get("v", in: .leased) == nil, "the key has the same value in both spaces")
        try rig.remove("v", .revision(second))
        try require(try rig.get("v") == nil, "a key that was removed has a value")
        try rig.remove("v", .absent)
        let third = try rig.put("v", "", .absent)
        try requireValue(try rig.get("v"), "", third)
        let fourth = try rig.put("v", "four", .whatever)
        try requireValue(try rig.get("v"), "four", fourth)
        try rig.remove("v", .whatever)
    },
    Check("fleet-watch", .fleet, "A watch tells what is there, then that this is all, then what changes below.") {
        subject in
        let rig = try FleetRig.reaching(subject)
        let there = try rig.put("w.a", "1", .absent)
        try rig.put("elsewhere", "1", .absent)
        let watch = try rig.watch(below: rig.key("w"))
        try requireTold(try rig.next(watch), .put(rig.key("w.a"), .init(text: "1", there)))
        try requireTold(try rig.next(watch), .current)
        let later = try rig.put("w.b.c", "2", .absent)
        try requireTold(try rig.next(watch), .put(rig.key("w.b.c"), .init(text: "2", later)))
        try rig.put("elsewhere", "2", .whatever)
        try rig.remove("w.a", .whatever)
        guard case .removed(rig.key("w.a"), _) = try rig.next(watch) else {
            throw Violation(what: "the removal of a key was not told")
        }
        try require(try rig.next(watch, within: 100_000_000) == nil, "a watch tells what has not changed")
        for name in ["w.b.c", "elsewhere"] { try rig.remove(name, .whatever) }
    },
    Check("fleet-lease", .fleet, "A leased value is there for its lease, and not for long after it.") { subject in
        let rig = try FleetRig.reaching(subject)
        let lease = try rig.engine.facts().lease
        try require(lease > 0, "the lease is 0")
        guard lease <= 1_500_000_000 else {
            throw NotApplicable(why: "a lease of \(lease / 1_000_000) ms is too long to wait for; set one of a second")
        }
        let began = Clock.now()
        try rig.put("l", "1", .absent, in: .leased)
        while try rig.get("l", in: .leased) != nil {
            try require(Clock.now() &- began < 3 * lease + 2_000_000_000, "it is there long after its lease")
            Sleep.milliseconds(20)
        }
        try require(Clock.now() &- began > lease / 2, "it is gone long before its lease ends")
        try rig.put("l", "2", .absent, in: .leased)
    },
    Check("fleet-queue", .fleet, "A message is given to one at a time until it is done; one of the same id is dropped.")
    {
        subject in
        let rig = try FleetRig.reaching(subject)
        let (mine, other) = (try rig.queue(), try rig.queue())
        for _ in 0..<2 { try rig.publish(mine, "1", "one") }
        let given = try rig.pull(other)
        guard let given else { throw Violation(what: "a message that was published is not given") }
        try require(given.bytes == Array("one".utf8), "other bytes are given than were published")
        try require(given.attempt == 1, "the first attempt is told as attempt \(given.attempt)")
        try require(
            try rig.pull(mine, within: 200_000_000) == nil,
            "a message that somebody has, or of an id that was, is given")
        try rig.settle(other, given, .busy)
        try rig.settle(other, given, .again(0))
        guard let again = try rig.pull(mine) else {
            throw Violation(what: "a message that is to be given again is not")
        }
        try require(again.attempt == 2, "the second attempt is told as attempt \(again.attempt)")
        try require(
            again.number == given.number, "a message has the number \(given.number) once, then \(again.number)")
        try rig.settle(mine, again, .done)
        try rig.requireRefused(.invalid, "settle of a message that is done") { try rig.settle(mine, again, .done) }
        try require(try rig.pull(mine, within: 200_000_000) == nil, "a message that is done is given")
        try rig.publish(mine, "2", "two")
        guard let next = try rig.pull(mine) else { throw Violation(what: "a second message is not given") }
        try require(next.number != given.number, "two messages have the number \(next.number)")
        try rig.settle(mine, next, .done)
    },
    Check("fleet-settle-time", .fleet, "A message that is not settled in time is given again; one that is busy is not.")
    {
        subject in
        let rig = try FleetRig.reaching(subject)
        let time = try rig.engine.facts().settleTime
        try require(time > 0, "settle_time is 0")
        guard time <= 1_500_000_000 else {
            throw NotApplicable(
                why: "a settle_time of \(time / 1_000_000) ms is too long to wait for; set one of a second")
        }
        let (mine, other) = (try rig.queue(), try rig.queue())
        try rig.publish(mine, "1", "one")
        guard let given = try rig.pull(mine) else { throw Violation(what: "a message that was published is not given") }
        let began = Clock.now()
        while Clock.now() &- began < 2 * time {
            try rig.settle(mine, given, .busy)
            try require(try rig.pull(other, within: time / 4) == nil, "a message whose work goes on is given again")
        }
        try rig.settle(mine, given, .busy)
        guard let again = try rig.pull(other, within: 3 * time + 2_000_000_000) else {
            throw Violation(what: "a message that was not settled within settle_time is not given again")
        }
        try require(again.number == given.number, "another message is given in its place")
        try rig.settle(other, again, .done)
    },
    Check("fleet-leaks-nothing", .fleet, "Watches and queues leave no descriptor or thread behind.") { subject in
        let rig = try FleetRig.reaching(subject)
        func once() throws {
            let watch = try rig.watch(below: rig.prefix)
            _ = try rig.next(watch)
            _ = try rig.pull(try rig.queue(), within: 1_000_000)
        }
        try once()
        let before = Resources.now()
        for _ in 0..<8 { try once() }
        try Resources.requireNoMore(than: before, after: "eight watches and queues")
    },
]

private func requireValue(_ value: FleetEngine.Value?, _ text: String, _ revision: UInt64) throws {
    guard let value else { throw Violation(what: "a key that was put has no value") }
    try require(value.bytes == Array(text.utf8), "other bytes are read than were put")
    try require(value.revision == revision, "put gave revision \(revision), get \(value.revision)")
}

private func requireTold(_ change: FleetEngine.Change?, _ expected: FleetEngine.Change) throws {
    try require(change == expected, "a watch tells \(told(change)) where \(told(expected)) was due")
}

private func told(_ change: FleetEngine.Change?) -> String {
    switch change {
    case .put(let key, let value): "that '\(key)' is put, at revision \(value.revision)"
    case .removed(let key, _): "that '\(key)' is removed"
    case .current: "that this is all"
    case nil: "nothing"
    }
}

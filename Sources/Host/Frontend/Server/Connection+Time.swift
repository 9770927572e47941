internal import Platform

/// How long a client may take.
extension Connection {
    /// Starts a time limit, or renews it by the progress that was made: bytes of a body or answer.
    func wait(_ wanted: Waiting, progress: Int = 0) {
        if waiting != wanted {
            waiting = wanted
            waitingSince = server.tick
            arriving = nil
        }
        let idle = server.idleTime
        let seconds: UInt32
        switch wanted {
        case .nothing:
            expiry = 0
            return
        case .idle: seconds = idle
        case .head: seconds = min(Patience.head, idle)
        case .body:
            var pace = arriving ?? Pace(at: server.tick)
            pace.note(total: progress, at: server.tick)
            arriving = pace
            expiry = pace.expiry
            return
        case .lingering: seconds = Patience.lingering
        }
        expiry = waitingSince &+ seconds &+ 1
    }

    /// Whether a time limit has passed, for the connection or one of its streams.
    func isDue(at tick: UInt32) -> Bool {
        expiry != 0 && expiry <= tick || (writing?.expiry ?? .max) <= tick
            || (http2?.nextExpiry ?? .max) <= tick
    }

    func expire() {
        guard phase != .closed else { return }
        if writing != nil {
            writing?.note(total: taken, at: server.tick)
            if let writing, writing.expiry <= server.tick { return close() }
        }
        beginTurn()
        if let http2 {
            http2.now = server.tick
            guard http2.expire() else { return close() }
            turnHTTP2()
        }
        guard expiry != 0, expiry <= server.tick else { return }
        switch waiting {
        case .head, .body:
            refuse(Problem(.requestTimeout, "requestTimeout", "the request did not arrive in time"))
        case .idle where http2 != nil: drain()
        case .nothing, .idle, .lingering: close()
        }
    }

    /// Seconds for which the client, and nobody else, has been awaited by a connection that holds memory; nil when it holds none
    /// or a request is being handled or answered.
    var slowness: UInt32? {
        guard phase == .reading, !isTurning, output == nil, invocation == nil, invocations.isEmpty else { return nil }
        guard http2?.awaitsClient ?? (waiting == .head || waiting == .body) else { return nil }
        return server.tick &- waitingSince
    }
}

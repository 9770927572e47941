import CLinux
import Glibc
import PluginABI
import Synchronization

/// Drives the requests of one core. Serial, but for `cancel` and `wake`.
final class Reactor {
    let instance: Instance
    let descriptor: Int32
    private let event: Int32
    private let timer: Int32
    private let maxInflight: Int
    private var requests: [UInt64: Request] = [:]
    /// By server, oldest first.
    private var waiting: [[Request]]
    private var connections: [[Connection]] = []
    private var finished: [Request] = []
    private var isTicking = false
    private var mustFlush = false
    private var time = now()
    private let cancelled = Mutex<[UInt64]>([])
    private var events = [epoll_event](repeating: epoll_event(), count: 64)

    /// How exactly deadlines are kept.
    private static let tick = 2_000_000
    /// Requests under way on each connection before another is opened.
    private static let busyDepth = 64

    enum Source {
        case event
        case timer
        case connection(server: Int, index: Int, generation: UInt32)

        var tag: UInt64 {
            switch self {
            case .event: 1 << 63
            case .timer: 1 << 62
            case .connection(let server, let index, let generation):
                UInt64(server) << 40 | UInt64(index) << 32 | UInt64(generation)
            }
        }
    }

    init(_ instance: Instance, maxInflight: UInt64) throws(Refusal) {
        self.instance = instance
        self.maxInflight =
            maxInflight == 0 ? instance.maxInflight : min(Int(clamping: maxInflight), instance.maxInflight)
        waiting = Array(repeating: [], count: instance.servers.count)
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        event = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK) | Int32(TFD_CLOEXEC))
        for server in instance.servers.indices {
            connections.append((0..<instance.connections).map { Connection(reactor: self, server: server, index: $0) })
        }
        guard descriptor >= 0, event >= 0, timer >= 0 else {
            throw Refusal(DN_FAILED, "cannot make a reactor: \(systemMessage(errno))")
        }
        watch(event, EPOLL_CTL_ADD, EPOLLIN.rawValue, .event)
        watch(timer, EPOLL_CTL_ADD, EPOLLIN.rawValue, .timer)
    }

    deinit { for descriptor in [descriptor, event, timer] where descriptor >= 0 { close(descriptor) } }

    func watch(_ descriptor: Int32, _ operation: Int32, _ events: UInt32, _ source: Source) {
        var event = epoll_event(events: events, data: epoll_data_t(u64: source.tag))
        epoll_ctl(self.descriptor, operation, descriptor, &event)
    }

    // MARK: Calls of the host

    func submit(_ raw: dn_comm_request) throws(Refusal) {
        guard raw.input_count == 1 else { throw Refusal(DN_MISUSE, "one item of the set 'requests' is wanted") }
        let command = try Command(raw.inputs.pointee, instance)
        try instance.egress.allow(raw.caller, instance.servers[command.server], command)
        guard requests.count < maxInflight else { throw Refusal(DN_BUSY, "\(maxInflight) requests are under way") }
        time = now()
        let request = Request(command, raw, instance, now: time)
        requests[request.token] = request
        if request.deadline <= time {
            fail(request, DN_COMM_DEADLINE, "the deadline is over")
        } else {
            waiting[request.server].append(request)
            sendWaiting(request.server)
        }
        if mustFlush || !finished.isEmpty { wake() }
        setTicking(true)
    }

    func poll(_ timeout: UInt64, _ out: UnsafeMutablePointer<dn_completion>, _ capacity: Int) throws(Refusal) -> Int {
        let milliseconds = Int32(clamping: (timeout &+ 999_999) / 1_000_000)
        let happened = epoll_wait(descriptor, &events, Int32(events.count), finished.isEmpty ? milliseconds : 0)
        guard happened >= 0 || errno == EINTR else { throw Refusal(DN_IO, "epoll_wait: \(systemMessage(errno))") }
        time = now()
        for index in 0..<max(0, Int(happened)) { dispatch(events[index]) }
        flushAll()
        let count = min(capacity, finished.count)
        for index in 0..<count { finished[index].lend(to: out + index) }
        finished.removeFirst(count)
        if !finished.isEmpty { wake() }
        return count
    }

    func wake() { eventfd_write(event, 1) }

    func cancel(_ token: UInt64) {
        cancelled.withLock { $0.append(token) }
        wake()
    }

    func release(_ token: UInt64) {
        guard let request = requests[token], request.state == .lent else { return }
        requests.removeValue(forKey: token)
    }

    // MARK: Calls of connections

    func answer(_ request: Request, _ reply: RESP.Reply, _ length: Int) {
        request.answer(reply, received: length, now: time)
        finished.append(request)
    }

    func fail(_ request: Request, _ outcome: Int32, _ why: String) {
        request.fail(outcome, "\(instance.servers[request.server].name): \(why)", now: time)
        finished.append(request)
    }

    /// While no connection to a server is open, nobody has to wait for the next try.
    func cannotConnect(_ server: Int, _ why: String) {
        guard connections[server].allSatisfy({ $0.state == .closed }) else { return }
        let all = waiting[server]
        waiting[server] = []
        for request in all { fail(request, DN_COMM_CONNECT, "cannot connect: \(why)") }
    }

    // MARK: Events

    private func dispatch(_ event: epoll_event) {
        let tag = event.data.u64
        var ignored: UInt64 = 0
        if tag == Source.event.tag {
            eventfd_read(self.event, &ignored)
            endCancelled()
        } else if tag == Source.timer.tag {
            if read(timer, &ignored, 8) > 0 { endOverdue() }
        } else {
            let server = Int(tag >> 40 & 0x3fffff)
            let connection = connections[server][Int(tag >> 32 & 0xff)]
            guard connection.state != .closed, connection.generation == UInt32(truncatingIfNeeded: tag) else { return }
            connection.ready(event.events)
            sendWaiting(server)
        }
    }

    /// Hands requests to connections as far as these take them; opens another when all are busy.
    private func sendWaiting(_ server: Int) {
        guard !waiting[server].isEmpty else { return }
        var taken = 0
        while taken < waiting[server].count {
            guard let connection = choose(server) else { break }
            let isFirst = connection.take(waiting[server][taken])
            taken += 1
            // The first goes at once; those that come while it is under way go together, before the next poll ends.
            if isFirst { connection.flush() } else { mustFlush = true }
        }
        // A connection that failed meanwhile has emptied the list itself.
        waiting[server].removeFirst(min(taken, waiting[server].count))
    }

    private func choose(_ server: Int) -> Connection? {
        var best: Connection?
        var closed: Connection?
        var isOpening = false
        for connection in connections[server] {
            switch connection.state {
            case .closed: closed = closed ?? connection
            case .connecting, .greeting: isOpening = true
            case .open: if connection.hasRoom, connection.depth < best?.depth ?? .max { best = connection }
            }
        }
        if let closed, !isOpening, best?.depth ?? .max >= Self.busyDepth { closed.connect(now: time) }
        return best
    }

    private func flushAll() {
        guard mustFlush else { return }
        mustFlush = false
        for server in connections { for connection in server where connection.state == .open { connection.flush() } }
    }

    /// Ticks while requests are under way, so that an idle reactor costs nothing.
    private func setTicking(_ on: Bool) {
        guard isTicking != on else { return }
        isTicking = on
        let step = timespec(tv_sec: 0, tv_nsec: on ? Self.tick : 0)
        var time = itimerspec(it_interval: step, it_value: step)
        timerfd_settime(timer, 0, &time, nil)
    }

    private func endOverdue() {
        for request in requests.values where request.deadline <= time {
            giveUp(request, DN_COMM_DEADLINE, "no reply in time")
        }
        for server in connections.indices {
            for connection in connections[server] { connection.tick(time) }
            sendWaiting(server)
        }
        if requests.isEmpty { setTicking(false) }
    }

    private func endCancelled() {
        let tokens = cancelled.withLock { tokens in
            defer { tokens = [] }
            return tokens
        }
        for token in tokens { if let request = requests[token] { giveUp(request, DN_COMM_CANCELLED, "cancelled") } }
    }

    private func giveUp(_ request: Request, _ outcome: Int32, _ why: String) {
        switch request.state {
        case .finished, .lent: return
        case .waiting: waiting[request.server].removeAll { $0 === request }
        case .sent: for connection in connections[request.server] { connection.forget(request) }
        }
        fail(request, outcome, why)
    }

    /// Closes what is open. No request is left.
    func shutDown() { for server in connections { for connection in server { connection.close(DN_COMM_RESET, "") } } }
}

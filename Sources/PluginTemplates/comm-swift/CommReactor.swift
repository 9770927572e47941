import CPlugin
import Glibc
import PluginABI
import PluginKit
import Synchronization

extension Instance {
    /// The request's bytes, borrowed. It was written by an untrusted function: nothing of it is believed.
    func check(_ request: dn_comm_request) throws(PluginError) -> UnsafeRawBufferPointer {
        guard request.protocol == 0, request.signature == 0, request.input_count == 1 else {
            throw PluginError(DN_MISUSE, "no such call of this protocol")
        }
        let input = request.inputs[0]
        guard input.len <= UInt64(settings.maxBytes) else {
            throw PluginError(
                DN_BAD_INPUT, "the request is longer than max_bytes (\(settings.maxBytes))",
                at: UInt64(settings.maxBytes))
        }
        // SAFETY: the host vouches for len bytes at data.
        return UnsafeRawBufferPointer(start: input.data, count: Int(input.len))
    }
}

/// One request from submit to release.
///
/// It holds a copy: the request's own bytes end with its completion, the answer lives until release.
private final class Transfer {
    let token: UInt64
    let begun = Clock.now()
    let due: UInt64
    let deadline: UInt64
    let isTooLarge: Bool
    var isCancelled = false
    private let bytes: UnsafeMutableRawBufferPointer
    /// The array of one output that completions point to.
    let answer: UnsafeMutablePointer<dn_bytes>

    init(_ request: dn_comm_request, _ input: UnsafeRawBufferPointer, delay: UInt64) {
        token = request.token
        deadline = request.deadline
        due = begun &+ delay
        isTooLarge = request.max_response != 0 && UInt64(input.count) > request.max_response
        bytes = .allocate(byteCount: input.count, alignment: 16)
        bytes.copyMemory(from: input)
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        answer = .allocate(capacity: 1)
        answer.initialize(to: dn_bytes(data: start, len: UInt64(input.count)))
    }

    deinit {
        answer.deallocate()
        bytes.deallocate()
    }

    /// When it ends by itself.
    var end: UInt64 { isCancelled ? 0 : deadline == 0 ? due : min(due, deadline) }

    /// Writes how it ended. `effect` decides whether the host may send it again: never claim NOT_SENT lightly.
    func complete(_ now: UInt64, _ out: inout dn_completion) {
        out.token = token
        out.effect = DN_EFFECT_NOT_SENT
        out.protocol_status = 0
        (out.outputs, out.output_count) = (nil, 0)
        out.total_ns = now &- begun
        (out.bytes_sent, out.bytes_received) = (0, 0)
        var message = ""
        if isCancelled {
            (out.outcome, message) = (DN_COMM_CANCELLED, "cancelled")
        } else if deadline != 0, now >= deadline {
            (out.outcome, message) = (DN_COMM_DEADLINE, "no answer before the deadline")
        } else if isTooLarge {
            (out.outcome, message) = (DN_COMM_TOO_LARGE, "the answer is larger than the function may take")
            out.effect = DN_EFFECT_DONE
        } else {
            out.outcome = DN_COMM_OK
            out.effect = DN_EFFECT_DONE
            (out.outputs, out.output_count) = (UnsafePointer(answer), 1)
            (out.bytes_sent, out.bytes_received) = (UInt64(bytes.count), UInt64(bytes.count))
        }
        writeText(message, into: &out.message)
    }
}

/// The protocol itself: takes requests, answers each exactly once.
///
/// `descriptor` is an epoll(7) with an eventfd for wake and cancel and a timerfd for what is due; a protocol over a
/// network adds its sockets to it. `wake` and `cancel` come on any thread, everything else on one at a time.
final class Reactor: CommReactor {
    private let instance: Instance
    private let maxInflight: UInt64
    private let epoll: Int32
    private let event: Int32
    private let timer: Int32
    private var waiting: [Transfer] = []
    private let cancelled = Mutex<Set<UInt64>>([])
    /// Completed and not released, by token.
    private var lent: [UInt64: Transfer] = [:]
    private var inflight: UInt64 = 0

    init(_ instance: Instance, maxInflight: UInt64) throws(PluginError) {
        self.instance = instance
        self.maxInflight = maxInflight == 0 ? .max : maxInflight
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        event = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK | TFD_CLOEXEC))
        for watched in [event, timer] {
            var readable = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: watched))
            guard epoll_ctl(epoll, EPOLL_CTL_ADD, watched, &readable) == 0 else {
                throw PluginError(DN_LIMIT, "no file descriptors are left for a reactor")
            }
        }
    }

    deinit { for open in [timer, event, epoll] { Glibc.close(open) } }

    override var descriptor: Int32 { epoll }

    override func submit(_ request: dn_comm_request) throws(PluginError) {
        let input = try instance.check(request)
        guard inflight < maxInflight else {
            throw PluginError(DN_BUSY, "\(maxInflight) requests are in flight", retryable: true)
        }
        // An old cancellation of a token that is used again.
        cancelled.withLock { _ = $0.remove(request.token) }
        inflight += 1
        waiting.append(Transfer(request, input, delay: instance.settings.delay))
        arm()
    }

    override func poll(
        _ timeout: UInt64, _ out: UnsafeMutablePointer<dn_completion>, _ capacity: Int
    ) -> Int {
        if timeout != 0 {
            var watched = pollfd(fd: epoll, events: Int16(POLLIN), revents: 0)
            var wait = timespec(tv_sec: Int(timeout / 1_000_000_000), tv_nsec: Int(timeout % 1_000_000_000))
            ppoll(&watched, 1, &wait, nil)
        }
        var woken: eventfd_t = 0
        eventfd_read(event, &woken)
        let tokens = cancelled.withLock { tokens in
            defer { tokens = [] }
            return tokens
        }
        for one in waiting where tokens.contains(one.token) { one.isCancelled = true }
        let now = Clock.now()
        var done: [Transfer] = []
        waiting.removeAll { one in
            guard one.end <= now, done.count < capacity else { return false }
            done.append(one)
            return true
        }
        // What did not fit is due already, so that the descriptor stays readable.
        arm()
        for (index, one) in done.enumerated() {
            one.complete(now, &out[index])
            lent[one.token] = one
        }
        return done.count
    }

    /// Sets the timer to what ends first.
    private func arm() {
        var when = itimerspec()
        if let first = waiting.map(\.end).min() {
            // Zero would switch the timer off.
            let first = max(first, 1)
            when.it_value = timespec(tv_sec: Int(first / 1_000_000_000), tv_nsec: Int(first % 1_000_000_000))
        }
        timerfd_settime(timer, Int32(TFD_TIMER_ABSTIME), &when, nil)
    }

    override func wake() { eventfd_write(event, 1) }

    override func cancel(_ token: UInt64) {
        cancelled.withLock { _ = $0.insert(token) }
        wake()
    }

    override func release(_ token: UInt64) {
        if lent.removeValue(forKey: token) != nil { inflight -= 1 }
    }
}

internal import CCurl
internal import CHTTPComm
internal import Glibc
internal import PluginABI
internal import PluginKit
internal import Synchronization

/// Drives the requests of one core on the calling thread: libcurl's socket interface over one epoll descriptor, which
/// the host polls. `wake` and `cancel` may be called from any thread, everything else from one at a time.
final class Reactor: CommReactor {
    private let instance: Instance
    private let events: EventSet
    private let multi: UnsafeMutableRawPointer
    private let maxInflight: Int
    private let connections = KeptConnections()
    private let sessions = SessionShare()

    /// Accepted and not released, by token.
    private var live: [UInt64: Transfer] = [:]
    private var running = 0
    /// Of these, what may speak HTTP/2.
    private var watched = 0
    private var spare: [Transfer] = []
    /// Finished and not delivered, oldest first; those before `nextFinished` are delivered.
    private var finished: [Transfer] = []
    private var nextFinished = 0
    /// When libcurl wants to be called, CLOCK_MONOTONIC ns.
    private var dueAt = UInt64.max
    /// No running request's deadline is earlier.
    private var nextDeadline = UInt64.max
    private let cancels = Mutex<[UInt64]>([])

    /// Transfers kept for reuse; each may hold Response.keptCapacity twice.
    private static let maxSpare = 128

    /// The descriptor that epoll reports readable when `poll` has something to do.
    override var descriptor: Int32 { events.epoll }

    init(_ instance: Instance, maxInflight: UInt64) throws(PluginError) {
        self.instance = instance
        let most = instance.settings.maxInflight
        self.maxInflight = maxInflight == 0 ? most : Int(clamping: min(maxInflight, UInt64(most)))
        events = try EventSet()
        guard let multi = curl_multi_init() else { throw .noMemory }
        self.multi = multi
        super.init()
        // SAFETY: the multi handle lives no longer than this object.
        let me = Unmanaged.passUnretained(self).toOpaque()
        let settings = instance.settings
        let codes = [
            hc_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, me), hc_multi_set_pointer(multi, CURLMOPT_TIMERDATA, me),
            hc_multi_set_socket(multi, Self.onSocket), hc_multi_set_timer(multi, Self.onTimer),
            hc_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, settings.maxConnectionsPerHost),
            hc_multi_set_long(multi, CURLMOPT_MAXCONNECTS, settings.maxIdleConnections),
        ]
        guard codes.allSatisfy({ $0 == CURLM_OK }) else { throw .noMemory }
        instance.watch?.add(connections.call)
    }

    deinit { curl_multi_cleanup(multi) }

    /// Ends what is left, which is nothing when the host keeps to the ABI.
    override func close() {
        for transfer in live.values where transfer.phase == .running {
            unwatch(transfer)
            detach(transfer)
        }
        instance.watch?.remove(connections.call)
        live.removeAll()
        finished.removeAll()
        spare.removeAll()
    }

    // MARK: requests

    override func submit(_ request: dn_comm_request) throws(PluginError) {
        let (item, head) = try instance.validate(request)
        guard running < maxInflight else {
            throw PluginError(DN_BUSY, "\(maxInflight) requests are in flight already", retryable: true)
        }
        guard live[request.token] == nil else {
            throw PluginError(DN_MISUSE, "token \(request.token) is in use")
        }
        let transfer = spare.popLast() ?? Transfer(instance, connections, sessions)
        let now = Clock.now()
        try transfer.begin(request, item, head, now: now)
        if transfer.deadline > now {
            guard attach(transfer) else { throw .noMemory }
        }
        live[request.token] = transfer
        running += 1
        if transfer.deadline <= now {
            end(transfer, Ending(DN_COMM_DEADLINE, wasSent: false, "the deadline had passed before the start"))
        } else {
            nextDeadline = min(nextDeadline, transfer.deadline)
        }
        // Goes out at once: libcurl has asked to be called without delay.
        runDue()
        collect()
        events.setTimer(nextCall)
    }

    /// When `poll` is to be called, whatever happens on the sockets.
    private var nextCall: UInt64 { nextFinished < finished.count ? 0 : min(dueAt, nextDeadline) }

    override func release(_ token: UInt64) {
        guard let transfer = live[token], transfer.phase == .delivered else { return }
        live[token] = nil
        transfer.release()
        if spare.count < Self.maxSpare { spare.append(transfer) }
    }

    override func wake() { events.wake() }

    override func cancel(_ token: UInt64) {
        cancels.withLock { $0.append(token) }
        events.wake()
    }

    private func takeCancels() {
        let tokens = cancels.withLock { list in
            // An empty list is swapped for nothing: no allocation when there is no cancel.
            let taken = list
            if !taken.isEmpty { list = [] }
            return taken
        }
        for token in tokens {
            guard let transfer = live[token], transfer.phase == .running else { continue }
            stop(transfer, DN_COMM_CANCELLED, "the request was cancelled")
        }
    }

    /// Ends what is late. libcurl's own timeout is not used: with it, 7.88 loses requests that wait for a connection.
    private func takeDeadlines() {
        guard nextDeadline != .max else { return }
        let now = Clock.now()
        guard nextDeadline <= now else { return }
        nextDeadline = .max
        for transfer in live.values where transfer.phase == .running {
            if transfer.deadline <= now {
                stop(transfer, DN_COMM_DEADLINE, "the deadline passed before the answer was complete")
            } else {
                nextDeadline = min(nextDeadline, transfer.deadline)
            }
        }
    }

    private func stop(_ transfer: Transfer, _ outcome: Int32, _ message: String) {
        let wasSent = transfer.wasSent
        detach(transfer)
        end(transfer, Ending(outcome, wasSent: wasSent, message))
    }

    private func end(_ transfer: Transfer, _ ending: Ending) {
        transfer.finish(ending)
        ended(transfer)
    }

    private func ended(_ transfer: Transfer) {
        unwatch(transfer)
        running -= 1
        finished.append(transfer)
    }

    private func attach(_ transfer: Transfer) -> Bool {
        guard let easy = transfer.easy, curl_multi_add_handle(multi, easy) == CURLM_OK else { return false }
        if transfer.mayUseHTTP2, !transfer.isWatched {
            transfer.isWatched = true
            watched += 1
            instance.watch?.count(1)
        }
        return true
    }

    private func unwatch(_ transfer: Transfer) {
        guard transfer.isWatched else { return }
        transfer.isWatched = false
        watched -= 1
        instance.watch?.count(-1)
    }

    private func detach(_ transfer: Transfer) {
        if let easy = transfer.easy { curl_multi_remove_handle(multi, easy) }
    }

    // MARK: driving

    override func poll(
        _ timeout: UInt64, _ out: UnsafeMutablePointer<dn_completion>, _ capacity: Int
    ) -> Int {
        let start = timeout == 0 ? 0 : Clock.now()
        var wasWoken = false
        takeCancels()
        collect()
        repeat {
            let isIdle = nextFinished == finished.count && timeout > 0 && !wasWoken
            wasWoken = takeEvents(waiting: isIdle ? timeLeft(timeout, since: start) : 0) || wasWoken
            takeCancels()
            runDue()
            collect()
            takeDeadlines()
        } while nextFinished == finished.count && !wasWoken && timeout > 0 && timeLeft(timeout, since: start) > 0
        let count = deliver(out, capacity)
        events.setTimer(nextCall)
        return count
    }

    private func timeLeft(_ timeout: UInt64, since start: UInt64) -> UInt64 {
        let passed = Clock.now() &- start
        return passed < timeout ? timeout - passed : 0
    }

    /// Nanoseconds for events of one call; libcurl takes up to 1.6 MB of a socket for each.
    private static let longestTurn: UInt64 = 1_000_000

    /// Waits for events, at most until libcurl's timer is due, and gives them to libcurl. True after `wake`.
    private func takeEvents(waiting: UInt64) -> Bool {
        var wait = waiting
        let next = nextCall
        if wait > 0, next != .max {
            let now = Clock.now()
            wait = min(wait, next > now ? next - now : 0)
        }
        var begun: UInt64?
        return events.wait(wait) { fd, ready in
            let now = Clock.now()
            // What is left is ready in the next call, too.
            guard now &- (begun ?? now) < Self.longestTurn else { return false }
            begun = begun ?? now
            var mask: Int32 = 0
            if ready & EPOLLIN.rawValue != 0 { mask |= CURL_CSELECT_IN }
            if ready & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
            if ready & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_ERR }
            act(fd, mask)
            return true
        }
    }

    /// Calls libcurl while its timer is due; a few times at most, so that other work gets its turn.
    private func runDue() {
        var turns = 0
        while dueAt != .max, turns < 4, dueAt <= Clock.now() {
            dueAt = .max
            turns += 1
            act(CURL_SOCKET_TIMEOUT, 0)
        }
    }

    /// Has libcurl do what is due, watched if it could take for ever.
    private func act(_ fd: Int32, _ mask: Int32) {
        let isWatched = watched > 0
        if isWatched { connections.call.begin(about: fd) }
        var stillRunning: Int32 = 0
        curl_multi_socket_action(multi, fd, mask, &stillRunning)
        if isWatched { connections.call.end() }
    }

    /// Takes what libcurl has done; what goes on goes on, the rest is finished.
    private func collect() {
        var left: Int32 = 0
        let wasCut = watched > 0 && connections.call.takeCut()
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            // SAFETY: CURLMSG_DONE says that the union holds a result; it is read before the handle is removed.
            let code = message.pointee.data.result
            var pointer: UnsafeMutableRawPointer?
            guard hc_get_pointer(easy, CURLINFO_PRIVATE, &pointer) == CURLE_OK, let pointer else { continue }
            // SAFETY: set to the transfer that owns the handle, which `live` keeps.
            let transfer = Unmanaged<Transfer>.fromOpaque(pointer).takeUnretainedValue()
            curl_multi_remove_handle(multi, easy)
            settle(transfer, wasCut && code == CURLE_OK && transfer.isWatched ? CURLE_RECV_ERROR : code)
        }
    }

    private func settle(_ transfer: Transfer, _ code: CURLcode) {
        do throws(PluginError) {
            if try transfer.goesOn(after: code) {
                if attach(transfer) { return }
                throw PluginError.noMemory
            }
            transfer.finish(code)
        } catch {
            transfer.finish(Ending(error))
        }
        ended(transfer)
    }

    private func deliver(_ out: UnsafeMutablePointer<dn_completion>, _ capacity: Int) -> Int {
        let count = min(capacity, finished.count - nextFinished)
        guard count > 0 else { return 0 }
        let now = Clock.now()
        let writer = CompletionWriter(out)
        for index in 0..<count {
            let transfer = finished[nextFinished + index]
            transfer.phase = .delivered
            writer.write(transfer, at: index, now: now)
        }
        nextFinished += count
        if nextFinished == finished.count {
            finished.removeAll(keepingCapacity: true)
            nextFinished = 0
        }
        return count
    }

    // MARK: libcurl's calls

    private static func of(_ pointer: UnsafeMutableRawPointer?) -> Reactor? {
        // SAFETY: the pointer of init; the multi handle that calls back is this object's own.
        pointer.map { Unmanaged<Reactor>.fromOpaque($0).takeUnretainedValue() }
    }

    private static let onSocket: curl_socket_callback = { _, fd, what, pointer, known in
        guard let reactor = of(pointer) else { return -1 }
        guard what != CURL_POLL_REMOVE else {
            reactor.events.remove(fd)
            return 0
        }
        let wanted =
            (what & CURL_POLL_IN != 0 ? EPOLLIN.rawValue : 0) | (what & CURL_POLL_OUT != 0 ? EPOLLOUT.rawValue : 0)
        if known == nil { curl_multi_assign(reactor.multi, fd, pointer) }
        return reactor.events.set(fd, wanted, isNew: known == nil) ? 0 : -1
    }

    private static let onTimer: curl_multi_timer_callback = { _, milliseconds, pointer in
        guard let reactor = of(pointer) else { return -1 }
        switch milliseconds {
        case 0: reactor.dueAt = 0
        case 1...: reactor.dueAt = Clock.now() &+ UInt64(milliseconds) &* 1_000_000
        default: reactor.dueAt = .max
        }
        return 0
    }
}

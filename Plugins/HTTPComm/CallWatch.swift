internal import CHTTPComm
internal import Glibc
internal import Synchronization

/// Ends calls of libcurl that would not end by themselves: 7.88 reads an HTTP/2 connection on for as long as frames come that
/// bring its request nothing (empty data, unknown ones, another stream's), and a server can send these without end. The thread
/// that called, a node's event loop, would be that server's.
///
/// One thread, while requests are under way that may speak HTTP/2. It closes the connection that feeds such a call.
final class CallWatch: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: what changes is atomic or behind a lock; `thread` is touched under `calls`.
    private let calls = Mutex<[WatchedCall]>([])
    private let wakeUp: Int32
    private var thread: pthread_t?
    private let stopping = Atomic<Bool>(false)
    private let isTicking = Atomic<Bool>(false)
    /// Requests that may speak HTTP/2.
    private let watched = Atomic<Int>(0)

    private static let tick: Int32 = 5
    /// Ticks without such requests after which the thread sleeps.
    private static let quietTicks = 200

    /// Nil when the process may not have another descriptor.
    init?() {
        wakeUp = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard wakeUp >= 0 else { return nil }
    }

    deinit {
        stopping.store(true, ordering: .sequentiallyConsistent)
        wake()
        if let thread { pthread_join(thread, nil) }
        close(wakeUp)
    }

    func add(_ call: WatchedCall) { calls.withLock { $0.append(call) } }
    func remove(_ call: WatchedCall) { calls.withLock { $0.removeAll { $0 === call } } }

    /// A request that may speak HTTP/2 begins, or has ended.
    func count(_ change: Int) {
        watched.add(change, ordering: .sequentiallyConsistent)
        guard change > 0, !isTicking.exchange(true, ordering: .sequentiallyConsistent) else { return }
        start()
        wake()
    }

    private func wake() {
        var one: UInt64 = 1
        write(wakeUp, &one, 8)
    }

    /// Without a thread nothing is watched, as without this class.
    private func start() {
        calls.withLock { _ in
            guard thread == nil else { return }
            var made = pthread_t()
            // SAFETY: the thread is joined before this object goes, and holds no reference that would keep it.
            let me = Unmanaged.passUnretained(self).toOpaque()
            let code = pthread_create(
                &made, nil,
                { pointer in
                    guard let pointer else { return nil }
                    hc_name_thread("http-watch")
                    Unmanaged<CallWatch>.fromOpaque(pointer)._withUnsafeGuaranteedRef { $0.run() }
                    return nil
                }, me)
            if code == 0 { thread = made }
        }
    }

    private func run() {
        var quiet = 0
        while !stopping.load(ordering: .sequentiallyConsistent) {
            var entry = pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0)
            if poll(&entry, 1, quiet < Self.quietTicks ? Self.tick : -1) > 0 {
                var value: UInt64 = 0
                read(wakeUp, &value, 8)
            }
            calls.withLock { for call in $0 { call.look() } }
            quiet = watched.load(ordering: .sequentiallyConsistent) > 0 ? 0 : quiet + 1
            guard quiet == Self.quietTicks else { continue }
            isTicking.store(false, ordering: .sequentiallyConsistent)
            // One that began before the flag could be seen has woken nobody.
            if watched.load(ordering: .sequentiallyConsistent) > 0 {
                isTicking.store(true, ordering: .sequentiallyConsistent)
                quiet = 0
            }
        }
    }
}

/// The calls of libcurl for one reactor, and its sockets.
final class WatchedCall: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `begin` and `end` belong to the thread that calls, `look` and what it remembers to the
    // watching one.
    /// Of the call that goes on, 0 = none.
    private let number = Atomic<UInt64>(0)
    private let clock = Atomic<Int32>(0)
    /// The socket that it is about, -1 for whichever is due.
    private let descriptor = Atomic<Int32>(-1)
    private let hasCut = Atomic<Bool>(false)
    private var lastNumber: UInt64 = 0
    /// Sockets of libcurl. Closed under the lock, so that their numbers are theirs there.
    private let sockets = Mutex<Set<Int32>>([])

    private var seen: UInt64 = 0
    private var since: Int = 0
    /// What sockets had received when the call was seen for the second time.
    private var received: [Int32: UInt64]?

    /// CPU time of calls that will end, ns: some milliseconds for the 1.6 MB that libcurl takes at once. A handshake may need
    /// more, but hardly receives anything.
    private static let longest = 10_000_000
    /// Bytes that such a call's socket has received by then; where it is not known, what no other's does.
    private static let least: UInt64 = 256 << 10
    private static let leastOfAny: UInt64 = 4 << 20

    func opened(_ descriptor: Int32) { _ = sockets.withLock { $0.insert(descriptor) } }

    func close(_ descriptor: Int32) -> Int32 {
        sockets.withLock { sockets in
            sockets.remove(descriptor)
            return Glibc.close(descriptor)
        }
    }

    /// Libcurl is about to be called by this thread.
    /// - Parameter about: the socket, or -1.
    func begin(about descriptor: Int32) {
        var own = clockid_t()
        guard pthread_getcpuclockid(pthread_self(), &own) == 0 else { return }
        lastNumber += 1
        clock.store(own, ordering: .relaxed)
        self.descriptor.store(descriptor, ordering: .relaxed)
        number.store(lastNumber, ordering: .releasing)
    }

    func end() { number.store(0, ordering: .releasing) }

    /// Whether a connection was closed since this was last asked: libcurl may take its answer for complete then.
    func takeCut() -> Bool { hasCut.exchange(false, ordering: .relaxed) }

    /// Looks whether a call goes on that was seen before, and ends it when it has taken too long.
    fileprivate func look() {
        let now = number.load(ordering: .acquiring)
        guard now != 0, let time = Self.time(of: clock.load(ordering: .relaxed)) else { return seen = 0 }
        guard now == seen else { return (seen, since, received) = (now, time, nil) }
        sockets.withLock { sockets in
            guard let received else {
                return received = Dictionary(uniqueKeysWithValues: sockets.map { ($0, hc_received($0)) })
            }
            guard time - since >= Self.longest else { return }
            let about = descriptor.load(ordering: .relaxed)
            let grown = sockets.map { (descriptor: $0, bytes: hc_received($0) &- (received[$0] ?? 0)) }
            let feeding =
                sockets.contains(about)
                ? grown.first { $0.descriptor == about && $0.bytes >= Self.least }
                : grown.filter { $0.bytes >= Self.leastOfAny }.max { $0.bytes < $1.bytes }
            // Asked last: whatever was read above belongs to this call.
            guard let feeding, number.load(ordering: .acquiring) == now else { return }
            hasCut.store(true, ordering: .relaxed)
            shutdown(feeding.descriptor, Int32(SHUT_RDWR))
        }
    }

    private static func time(of clock: clockid_t) -> Int? {
        var time = timespec()
        return clock_gettime(clock, &time) == 0 ? time.tv_sec * 1_000_000_000 + time.tv_nsec : nil
    }
}

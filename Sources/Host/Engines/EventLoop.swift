internal import CPlatform
internal import Glibc
public import Platform
internal import Synchronization

/// Something with a descriptor that an event loop watches. Subclassed, because a class call costs less than a closure.
open class EventSource {
    public let descriptor: Int32
    /// What a loop does when it is ready.
    let work: LoopWork

    public init(descriptor: Int32, work: LoopWork) {
        self.descriptor = descriptor
        self.work = work
    }

    /// The descriptor is ready: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR, EPOLLRDHUP.
    open func ready(_ events: UInt32) {}
}

/// Fires once, unless cancelled before.
public final class LoopTimer {
    fileprivate var action: (() -> Void)?
    fileprivate init(_ action: @escaping () -> Void) { self.action = action }
    public func cancel() { action = nil }
}

/// One worker's epoll(7) loop. All calls but `post` are for the holder of the worker's loop role.
public final class EventLoop: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: one thread at a time holds the loop role, handed over by an acquire-release pair;
    // the inbox has a lock of its own.
    private let epoll: Int32
    private let wakeDescriptor: Int32
    private var sources: [EventSource?] = []
    /// Told apart so that an event of a closed descriptor does not reach the next source with its number.
    private var generations: [UInt32] = []
    /// A binary heap. Cancelled ones stay until their time comes, or until there are `mostTimers`.
    private var timers: [(deadline: UInt64, timer: LoopTimer)] = []
    private var mostTimers = EventLoop.fewTimers
    private static let fewTimers = 256
    private var events: [epoll_event]
    /// Sources that are watched.
    private(set) var watched = 0
    private let meter: TurnMeter
    /// Events of the current turn whose handling has not begun.
    private let unhandled = Atomic<Int>(0)
    private let inbox = Mutex<[@Sendable () -> Void]>([])
    /// 1 while the loop sleeps or is about to: posting must then write to the eventfd.
    private let sleeping = Atomic<Bool>(false)

    /// - Parameter meter: what measures how long the loop stays with one event, timer or job.
    public init(meter: TurnMeter) throws(SystemError) {
        self.meter = meter
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemError.last("epoll_create1") }
        wakeDescriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard wakeDescriptor >= 0 else { throw SystemError.last("eventfd") }
        events = [epoll_event](repeating: epoll_event(), count: 128)
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: UInt64.max))
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, wakeDescriptor, &event) == 0 else {
            throw SystemError.last("epoll_ctl")
        }
    }

    deinit {
        close(epoll)
        close(wakeDescriptor)
    }

    // MARK: Sources

    /// Watches a source until `remove`.
    public func add(_ source: EventSource, events: UInt32) throws(SystemError) {
        let index = Int(source.descriptor)
        while sources.count <= index {
            sources.append(nil)
            generations.append(0)
        }
        generations[index] &+= 1
        sources[index] = source
        do {
            try control(EPOLL_CTL_ADD, source, events)
        } catch {
            sources[index] = nil
            throw error
        }
        watched += 1
    }

    public func modify(_ source: EventSource, events: UInt32) throws(SystemError) {
        try control(EPOLL_CTL_MOD, source, events)
    }

    /// Stops watching; call before the descriptor is closed.
    public func remove(_ source: EventSource) {
        let index = Int(source.descriptor)
        guard index < sources.count, sources[index] === source else { return }
        sources[index] = nil
        watched -= 1
        var event = epoll_event()
        epoll_ctl(epoll, EPOLL_CTL_DEL, source.descriptor, &event)
    }

    private func control(_ operation: Int32, _ source: EventSource, _ events: UInt32) throws(SystemError) {
        let tag = UInt64(generations[Int(source.descriptor)]) << 32 | UInt64(UInt32(bitPattern: source.descriptor))
        var event = epoll_event(events: events, data: epoll_data_t(u64: tag))
        guard epoll_ctl(epoll, operation, source.descriptor, &event) == 0 else { throw SystemError.last("epoll_ctl") }
    }

    /// Whether nothing but posted jobs can come up.
    var isVacant: Bool { watched == 0 && timers.isEmpty }

    // MARK: Timers

    /// Calls `action` on the loop, not before `deadline` (CLOCK_MONOTONIC ns).
    @discardableResult
    public func schedule(at deadline: UInt64, _ action: @escaping () -> Void) -> LoopTimer {
        let timer = LoopTimer(action)
        if timers.count >= mostTimers { dropCancelled() }
        timers.append((deadline, timer))
        var child = timers.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard timers[child].deadline < timers[parent].deadline else { break }
            timers.swapAt(child, parent)
            child = parent
        }
        return timer
    }

    /// Requests that are answered cancel their deadlines, which may be hours away. Doubling makes this cheap.
    private func dropCancelled() {
        timers.removeAll { $0.timer.action == nil }
        for parent in (0..<timers.count / 2).reversed() { sink(parent) }
        mostTimers = max(Self.fewTimers, timers.count * 2)
    }

    private func popTimer() -> LoopTimer {
        let first = timers[0].timer
        let last = timers.removeLast()
        guard !timers.isEmpty else { return first }
        timers[0] = last
        sink(0)
        return first
    }

    /// Moves a timer down to where no later one is above it.
    private func sink(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < timers.count && timers[child].deadline < timers[least].deadline {
                least = child
            }
            guard least != parent else { return }
            timers.swapAt(parent, least)
            parent = least
        }
    }

    private func fireTimers() {
        // Of now, so that one that is scheduled anew for its own time does not keep the loop.
        let now = meter.began
        while let first = timers.first, first.deadline <= now {
            meter.work = .timer
            popTimer().action?()
            meter.lap()
        }
    }

    // MARK: Inbox

    /// Runs a job on the loop, soon. Any thread.
    public func post(_ job: @escaping @Sendable () -> Void) {
        inbox.withLock { $0.append(job) }
        wake()
    }

    /// Makes a sleeping loop go round once. Any thread.
    public func wake() {
        guard sleeping.exchange(false, ordering: .sequentiallyConsistent) else { return }
        eventfd_write(wakeDescriptor, 1)
    }

    /// Whether the loop sleeps in `turn`.
    var isAsleep: Bool { sleeping.load(ordering: .sequentiallyConsistent) }

    /// Events and jobs that are due and not handled, as of a moment ago. Any thread.
    var backlog: Int { unhandled.load(ordering: .relaxed) + inbox.withLock { $0.count } }

    private func runInbox() -> Int {
        let jobs = inbox.withLock { jobs -> [@Sendable () -> Void] in
            guard !jobs.isEmpty else { return [] }
            let taken = jobs
            jobs = []
            return taken
        }
        for job in jobs {
            job()
            meter.lap()
        }
        return jobs.count
    }

    // MARK: Turning

    /// One turn: waits for events (if `mayWait` and nothing is due), handles them, timers and posted jobs.
    ///
    /// `beforeSleep` is asked after others can see that the loop is about to sleep; false keeps it awake.
    /// - Returns: how many events and jobs there were.
    func turn(mayWait: Bool, beforeSleep: () -> Bool) -> Int {
        var timeout: Int32 = 0
        if mayWait {
            sleeping.store(true, ordering: .sequentiallyConsistent)
            if inbox.withLock({ $0.isEmpty }) && beforeSleep() { timeout = nextTimeout() }
        }
        let count = Int(epoll_wait(epoll, &events, Int32(events.count), timeout))
        if mayWait { sleeping.store(false, ordering: .sequentiallyConsistent) }
        meter.start()
        if count > 0 {
            for index in 0..<count {
                unhandled.store(count - index - 1, ordering: .relaxed)
                deliver(events[index])
                meter.lap()
            }
        }
        fireTimers()
        return runInbox() + max(0, count)
    }

    private func nextTimeout() -> Int32 {
        guard let first = timers.first else { return -1 }
        let now = Clock.now()
        guard first.deadline > now else { return 0 }
        return Int32(clamping: (first.deadline - now + 999_999) / 1_000_000)
    }

    private func deliver(_ event: epoll_event) {
        guard event.data.u64 != UInt64.max else {
            var value: eventfd_t = 0
            eventfd_read(wakeDescriptor, &value)
            return
        }
        let index = Int(UInt32(truncatingIfNeeded: event.data.u64))
        guard index < sources.count, generations[index] == UInt32(truncatingIfNeeded: event.data.u64 >> 32) else {
            return
        }
        guard let source = sources[index] else { return }
        meter.work = source.work
        source.ready(event.events)
    }

    /// CLOCK_MONOTONIC ns at which the present event, timer or job began.
    public var now: UInt64 { meter.began }

    /// Tells what goes on from here, for the measure of this turn.
    public func begins(_ work: LoopWork) { meter.work = work }
}

internal import CHTTPComm
internal import Glibc
internal import PluginABI
internal import PluginKit

/// One epoll descriptor that holds sockets, a timer and a wake-up, and is readable when any of them is.
final class EventSet {
    let epoll: Int32
    private let timer: Int32
    private let wakeUp: Int32
    /// When the timer fires, 0 = it has fired, .max = never.
    private var armedAt = UInt64.max

    init() throws(PluginError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK | TFD_CLOEXEC))
        wakeUp = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard epoll >= 0, timer >= 0, wakeUp >= 0, set(timer, EPOLLIN.rawValue, isNew: true),
            set(wakeUp, EPOLLIN.rawValue, isNew: true)
        else {
            throw PluginError(DN_IO, "no descriptors: \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        for descriptor in [timer, wakeUp, epoll] where descriptor >= 0 { close(descriptor) }
    }

    /// Watches a descriptor for `wanted` (EPOLLIN, EPOLLOUT).
    func set(_ fd: Int32, _ wanted: UInt32, isNew: Bool) -> Bool {
        let operation = isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
        if hc_epoll_ctl(epoll, operation, fd, wanted) == 0 { return true }
        // A number that was closed and given out again is known to one side only.
        if errno == EEXIST { return hc_epoll_ctl(epoll, EPOLL_CTL_MOD, fd, wanted) == 0 }
        return errno == ENOENT && hc_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, wanted) == 0
    }

    func remove(_ fd: Int32) { _ = hc_epoll_ctl(epoll, EPOLL_CTL_DEL, fd, 0) }

    /// [any-thread]
    func wake() {
        var one: UInt64 = 1
        write(wakeUp, &one, 8)
    }

    /// Makes the set readable at `time` (CLOCK_MONOTONIC ns, 0 = now, .max = never). A timer that is set to fire earlier
    /// stays: one wake-up too many costs less than a system call for each request.
    func setTimer(_ time: UInt64) {
        let hasFired = armedAt != .max && (armedAt == 0 || armedAt <= Clock.now())
        guard time < armedAt || hasFired, !(time == 0 && armedAt == 0) else { return }
        var value = itimerspec()
        if time != .max {
            let at = max(1, time)
            value.it_value = timespec(tv_sec: Int(at / 1_000_000_000), tv_nsec: Int(at % 1_000_000_000))
        }
        timerfd_settime(timer, Int32(TFD_TIMER_ABSTIME), &value, nil)
        armedAt = time
    }

    /// Waits at most `time` ns and calls `body` for each socket that is ready, until it says false. True when `wake` was called.
    func wait(_ time: UInt64, _ body: (Int32, UInt32) -> Bool) -> Bool {
        let milliseconds = Int32(clamping: time / 1_000_000 &+ (time % 1_000_000 == 0 ? 0 : 1))
        return withUnsafeTemporaryAllocation(of: Int32.self, capacity: 64) { fds in
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { ready in
                let count = hc_epoll_wait(epoll, fds.baseAddress, ready.baseAddress, 64, milliseconds)
                var wasWoken = false
                var goesOn = true
                // A signal gives -1: as good as nothing ready.
                for index in 0..<max(0, Int(count)) {
                    switch fds[index] {
                    case wakeUp:
                        var value: UInt64 = 0
                        read(wakeUp, &value, 8)
                        wasWoken = true
                    case timer: break  // cleared by the next setTimer
                    case let fd: goesOn = goesOn && body(fd, ready[index])
                    }
                }
                return wasWoken
            }
        }
    }
}

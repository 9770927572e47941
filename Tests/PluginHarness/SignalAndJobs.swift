import Glibc
import PluginABI
import Synchronization

/// One handler attached to a thread. The handler of signals reads these without a lock.
private struct Attachment {
    var thread: pthread_t
    var handler: dn_signal_handler
    var argument: UnsafeMutableRawPointer?
}

private let kickSignal = SIGRTMIN_harness()
private let attachmentCount = 64
// Written by the attaching thread before `live` is stored, read by that same thread's signal handler afterwards.
nonisolated(unsafe) private let attachments = UnsafeMutablePointer<Attachment>.allocate(capacity: attachmentCount)
nonisolated(unsafe) private let live = UnsafeMutablePointer<Bool>.allocate(capacity: attachmentCount)
private let attachmentLock = Mutex<Bool>(false)

private func SIGRTMIN_harness() -> Int32 { __libc_current_sigrtmin() + 3 }

private let onSignal: @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void = {
    signo, info, context in
    guard let info, let context else { return }
    let me = pthread_self()
    for index in stride(from: attachmentCount - 1, through: 0, by: -1)
    where live[index] && pthread_equal(attachments[index].thread, me) != 0 {
        if attachments[index].handler(attachments[index].argument, signo, info, context) == 1 { return }
    }
    guard signo != kickSignal else { return }
    // The node's own handlers, when tests of the host ran in this process before.
    if former[Int(signo)].sa_flags & SA_SIGINFO != 0, let earlier = former[Int(signo)].__sigaction_handler.sa_sigaction
    {
        return earlier(signo, info, context)
    }
    // A fault that nobody claims: take the default action when the instruction repeats.
    signal(signo, SIG_DFL)
}

/// By signal: what handled it before. Written before the handlers are installed, read by them.
nonisolated(unsafe) private let former = UnsafeMutablePointer<sigaction>.allocate(capacity: 128)

private func installHandlers() {
    live.initialize(repeating: false, count: attachmentCount)
    former.initialize(repeating: sigaction(), count: 128)
    var action = sigaction()
    action.__sigaction_handler.sa_sigaction = onSignal
    action.sa_flags = SA_SIGINFO | SA_ONSTACK
    for signo in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, kickSignal] {
        sigaction(signo, &action, &former[Int(signo)])
    }
}

/// The host hands every thread that attaches an alternate stack of 64 KiB; it stays until the process ends.
private func giveAlternateStack() {
    var stack = stack_t()
    guard sigaltstack(nil, &stack) == 0, stack.ss_flags == Int32(2 /* SS_DISABLE */) else { return }
    stack = stack_t(ss_sp: malloc(65536), ss_flags: 0, ss_size: 65536)
    sigaltstack(&stack, nil)
}

/// Tests run on threads that block most signals.
private func unblockKicks() {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, kickSignal)
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
}

nonisolated(unsafe) let signalService = staticTable(
    dn_host_signal(
        struct_size: UInt32(MemoryLayout<dn_host_signal>.size), kick_signal: kickSignal,
        attach: { _, handler, argument, token in
            attachmentLock.withLock { installed in
                if !installed { installHandlers() }
                installed = true
                giveAlternateStack()
                unblockKicks()
                guard let free = (0..<attachmentCount).first(where: { !live[$0] }) else { return DN_LIMIT }
                attachments.advanced(by: free).initialize(
                    to: Attachment(thread: pthread_self(), handler: handler, argument: argument))
                live[free] = true
                token.pointee = UInt64(free) + 1
                return DN_OK
            }
        },
        detach: { _, token in
            attachmentLock.withLock { _ in if token - 1 < attachmentCount { live[Int(token) - 1] = false } }
        },
        kick: { _, token in
            guard token - 1 < attachmentCount, live[Int(token) - 1] else { return }
            pthread_kill(attachments[Int(token) - 1].thread, kickSignal)
        }))

/// A job and its argument on the way to a thread of its own.
private final class Job: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

nonisolated(unsafe) let jobService = staticTable(
    dn_host_jobs(
        struct_size: UInt32(MemoryLayout<dn_host_jobs>.size), padding: 0,
        submit: { _, job, argument in
            nonisolated(unsafe) let argument = argument
            runningJobs.add(1, ordering: .acquiringAndReleasing)
            return onNewThread {
                job(argument)
                runningJobs.subtract(1, ordering: .acquiringAndReleasing)
            } ? DN_OK : DN_LIMIT
        }))

/// Jobs that have not ended; stop waits for them, as the ABI says.
let runningJobs = Atomic<Int>(0)

/// Runs `body` on a thread of its own, detached.
func onNewThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    var thread = pthread_t()
    let job = Unmanaged.passRetained(Job(body))
    let status = pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().run() }
            return nil
        }, job.toOpaque())
    if status == 0 { pthread_detach(thread) } else { job.release() }
    return status == 0
}

internal import CPlatform
internal import Glibc
internal import Platform
internal import Synchronization

/// What host.h and abi.h ask of a plugin that uses the host's services.
enum ContractRule: Int, CaseIterable {
    case probeServices, lifetime, ownThreads, metricsInStart, metricsKnown, signalThread, signalDetached, inHandler
}

/// What the host that the kit gives to plugins has seen: the first breach of each rule, and whose threads there are.
final class Contract: Sendable {
    private struct State {
        var breaches: [ContractRule: String] = [:]
        /// pthread_self(3) of the threads that the host made, and of those that have made an engine.
        var host: Set<pthread_t> = []
        /// gettid(2) of the same.
        var threads: Set<pid_t> = []
        var engines: Set<pthread_t> = []
    }

    private let state = Mutex(State())
    /// Apart from the rest, because a signal handler may have interrupted the holder of the lock.
    private let isBrokenInHandler = Atomic<Bool>(false)

    private let control = pthread_self()

    /// The calling thread is the control thread.
    init() { enter() }

    /// The calling thread belongs to the host from now on.
    func enter() {
        state.withLock { state in
            state.host.insert(pthread_self())
            state.threads.insert(cp_gettid())
        }
    }
    func leave() {
        state.withLock { state in
            state.host.remove(pthread_self())
            state.engines.remove(pthread_self())
        }
    }

    /// The calling thread makes an engine.
    func enterEngine() { state.withLock { _ = $0.engines.insert(pthread_self()) } }

    var isControlThread: Bool { pthread_self() == control }
    var isHostThread: Bool { state.withLock { $0.host.contains(pthread_self()) } }
    var isEngineThread: Bool { state.withLock { $0.engines.contains(pthread_self()) } }

    /// Of all threads that have been the host's.
    var hostThreads: Set<pid_t> { state.withLock { $0.threads } }

    func report(_ rule: ContractRule, _ what: String) {
        state.withLock { state in
            if state.breaches[rule] == nil { state.breaches[rule] = what }
        }
    }

    /// Async-signal-safe.
    func reportInHandler() { isBrokenInHandler.store(true, ordering: .relaxed) }

    /// What was done against the rule; nil = nothing.
    func breach(of rule: ContractRule) -> String? {
        guard rule != .inHandler else {
            return isBrokenInHandler.load(ordering: .relaxed) ? "a signal handler used a service other than kick" : nil
        }
        return state.withLock { $0.breaches[rule] }
    }

    /// Whether the calling thread runs a signal handler: those run on an alternate stack, as host.h says.
    static var isInHandler: Bool {
        var stack = stack_t()
        return sigaltstack(nil, &stack) == 0 && stack.ss_flags & Int32(SS_ONSTACK) != 0
    }
}

/// A thread of the host beside the control thread.
final class HostThread: Sendable {
    private let isOver = Atomic<Bool>(false)
    private let waiter = Parker()

    init(_ contract: Contract, _ name: String, _ body: @escaping @Sendable () -> Void) throws {
        try Thread.start(name: name, core: nil) { [self] in
            contract.enter()
            body()
            contract.leave()
            isOver.store(true, ordering: .releasing)
            waiter.wake()
        }
    }

    /// Waits for the end of its body. One caller.
    func join() {
        while !isOver.load(ordering: .acquiring) { waiter.park() }
    }
}

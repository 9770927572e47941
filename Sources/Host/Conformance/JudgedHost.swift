internal import Glibc
internal import PluginABI
internal import PluginHost
internal import Synchronization

/// The host that a plugin under judgement is given: each use of a service is judged, and passed on to the real host
/// unless the instance or probe that it was made for is over.
///
/// Never freed, nor is the real one behind it, because a plugin may wrongly go on using it.
final class JudgedHost: HostProxy, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: `real` and `owner` are set by `begin`, before the plugin gets the pointer; the rest
    // is atomic or locked.
    private enum Phase: UInt8 { case probing, starting, running, over }

    let contract: Contract
    private let watch: Watch
    /// The call of stop that is under way.
    private let stop = Mutex<Watch.Call?>(nil)
    private let isForProbe: Bool
    private let phase: Atomic<UInt8>
    private let pointer = UnsafeMutablePointer<dn_host>.allocate(capacity: 1)
    private(set) var real: RealHost?
    private var owner: AnyObject?
    private let metrics = Mutex<Set<UInt32>>([])
    /// What was attached and not detached yet, with the thread that attached it.
    private let attached = Mutex<[UInt64: pthread_t]>([:])

    init(_ contract: Contract, _ watch: Watch, isForProbe: Bool) {
        self.contract = contract
        self.watch = watch
        self.isForProbe = isForProbe
        phase = Atomic((isForProbe ? Phase.probing : .starting).rawValue)
    }

    func begin(_ host: UnsafePointer<dn_host>, owner: any Sendable & AnyObject) -> UnsafePointer<dn_host> {
        real = RealHost(host)
        self.owner = owner
        pointer.initialize(to: host.pointee)
        pointer.pointee.host_data = Unmanaged.passRetained(self).toOpaque()
        pointer.pointee.get_interface = { host, id in
            guard let judged = JudgedHost.of(host), let real = judged.admit("get_interface", isForProbe: true) else {
                return nil
            }
            let offered = real.host.pointee.get_interface?(real.host, id)
            // Never the real table: it would take this host's data for the real one's.
            return offered == nil ? nil : JudgedTables.table(String(cString: id), of: real)
        }
        return UnsafePointer(pointer)
    }

    func started() { phase.store(Phase.running.rawValue, ordering: .releasing) }

    func stopping() { stop.withLock { $0 = watch.begin("stop") } }

    func ended() {
        if let call = stop.withLock({ $0.take() }) { watch.end(call) }
        phase.store(Phase.over.rawValue, ordering: .releasing)
        let left = attached.withLock { $0.count }
        if left > 0 { contract.report(.signalDetached, "\(left) signal handlers are attached when stop has returned") }
    }

    /// The judge behind a dn_host that a plugin handed back.
    static func of(_ host: UnsafePointer<dn_host>) -> JudgedHost? {
        guard let data = host.pointee.host_data else { return nil }
        // SAFETY: host_data was retained in `begin` and is never released.
        return Unmanaged<JudgedHost>.fromOpaque(data).takeUnretainedValue()
    }

    /// Judges a use by the rules for all services.
    /// - Parameter isForProbe: whether a probe may use the service.
    /// - Returns: the host to pass the call on to; nil = do not.
    func admit(_ what: String, isForProbe allowed: Bool = false) -> RealHost? {
        guard !Contract.isInHandler else {
            contract.reportInHandler()
            return nil
        }
        let phase = phase.load(ordering: .acquiring)
        guard phase != Phase.over.rawValue else {
            contract.report(.lifetime, "\(what) was used after \(isForProbe ? "its probe" : "stop") had returned")
            return nil
        }
        if phase == Phase.probing.rawValue, !allowed { contract.report(.probeServices, "a probe used \(what)") }
        if !contract.isHostThread {
            contract.report(.ownThreads, "\(what) was used on a thread that is not the host's")
        }
        return real
    }

    // MARK: Metrics

    func defined(_ id: UInt32, _ status: dn_status, _ name: String) {
        if status == DN_OK { metrics.withLock { _ = $0.insert(id) } }
        if isForProbe {
            // `admit` has told it.
        } else if phase.load(ordering: .acquiring) != Phase.starting.rawValue {
            contract.report(.metricsInStart, "metric '\(name)' was defined outside of start")
        } else if !contract.isControlThread {
            contract.report(.metricsInStart, "metric '\(name)' was defined on another thread than start runs on")
        }
        if status == DN_INVALID {
            contract.report(.metricsKnown, "metric '\(name)' was refused: a bad name, or defined already")
        }
    }

    func added(_ id: UInt32) {
        guard !metrics.withLock({ $0.contains(id) }) else { return }
        contract.report(.metricsKnown, "metric \(id) was added to, which was never defined")
    }

    // MARK: Signals

    func didAttach(_ token: UInt64) {
        attached.withLock { $0[token] = pthread_self() }
        if !contract.isEngineThread {
            contract.report(.signalThread, "a signal handler was attached on a thread that has made no engine")
        }
    }

    func willDetach(_ token: UInt64) {
        guard let thread = attached.withLock({ $0.removeValue(forKey: token) }) else {
            return contract.report(.signalDetached, "a signal handler was detached that was not attached")
        }
        if thread != pthread_self() {
            contract.report(.signalThread, "a signal handler was detached on another thread than it was attached on")
        }
    }
}

import CPluginKit
import CProcess
import Glibc
import PluginABI
import PluginKit
import Synchronization

/// Whether children can be held by the kernel when their function is over (ptrace(2)), as long as nobody found out
/// that they cannot.
final class Holding: Sendable {
    private let refusal = Atomic<Int32>(0)
    private let isWanted: Bool

    init(_ settings: Settings) { isWanted = settings.reuse == Settings.Reuse.reset.rawValue }

    var isUsable: Bool { isWanted && refusal.load(ordering: .relaxed) == 0 }

    /// Why it was found that they cannot; nil = it was not.
    var error: Int32? {
        let error = refusal.load(ordering: .relaxed)
        return error == 0 ? nil : error
    }

    func refused(_ error: Int32) { refusal.store(error, ordering: .relaxed) }
}

/// What an engine's thread needs to hold children.
final class Holder {
    let stopper: UnsafeMutablePointer<dp_stopper>
    private var attachment: SignalAttachment?

    /// Nil, and told, when the host offers no signals or the system no timer: then no child is held.
    static func make(_ services: HostServices) -> Holder? {
        do throws(PluginError) {
            let signals = try HostSignals(services)
            guard let stopper = dp_stopper_create(signals.kickSignal) else { throw noTimer }
            let holder = Holder(stopper)
            // SAFETY of the raw pointer: it lives until after the attachment, which ends in deinit.
            holder.attachment = try signals.attach(dp_stopper_signal, UnsafeMutableRawPointer(stopper))
            return holder
        } catch {
            services.log(DN_LOG_WARNING, "processes are made anew for every run: \(error.message)")
            return nil
        }
    }

    private init(_ stopper: UnsafeMutablePointer<dp_stopper>) { self.stopper = stopper }

    private static let noTimer = PluginError(
        DN_LIMIT, "no timer for an engine; raise the limit of pending signals")

    deinit {
        attachment = nil
        dp_stopper_destroy(stopper)
    }

    /// Begins a run: from now on a deadline stops the child.
    func begin(_ params: dn_run_params, child: Int32, now: UInt64) {
        (stopper.pointee.child, stopper.pointee.signals) = (child, 0)
        _ = dk_stop_begin(stop, params.run_id, params.deadline, now)
    }

    /// Waits until the child is held or dead.
    /// - Returns: DP_END_*; stopped also when its deadline came as it left.
    func wait() -> Int32 {
        let end = dp_trace_wait(stopper)
        stopper.pointee.child = 0
        let isLate = stopper.pointee.stop.reason != DK_GO_ON
        dk_stop_end(stop)
        return isLate && end == DP_END_LEFT ? DP_END_STOPPED : end
    }

    /// A run that was begun and did not start.
    func cancel() {
        stopper.pointee.child = 0
        dk_stop_end(stop)
    }

    private var stop: UnsafeMutablePointer<dk_stop> {
        // SAFETY: it is the stopper's first field.
        UnsafeMutableRawPointer(stopper).assumingMemoryBound(to: dk_stop.self)
    }
}

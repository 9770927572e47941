import CKVM
import CPluginKit
import PluginABI
import PluginKit

/// What reaches an engine's thread by signal: requests to stop a run, deadlines, and the trimmer's ticks.
final class Signals {
    let stopper: UnsafeMutablePointer<ckvm_stopper>
    private let trimmer: OpaquePointer
    private var stops: SignalAttachment?
    private var trims: SignalAttachment?

    init(_ host: HostServices, slots: Int) throws(PluginError) {
        let signals = try HostSignals(host)
        guard let stopper = ckvm_stopper_create(signals.kickSignal) else { throw Self.noTimer }
        guard let trimmer = ckvm_trimmer_create(signals.kickSignal, Int32(slots)) else {
            ckvm_stopper_destroy(stopper)
            throw Self.noTimer
        }
        (self.stopper, self.trimmer) = (stopper, trimmer)
        // SAFETY of the raw pointers: both live until after the attachments, which end in deinit.
        stops = try signals.attach(ckvm_stopper_signal, UnsafeMutableRawPointer(stopper))
        trims = try signals.attach(ckvm_trimmer_signal, UnsafeMutableRawPointer(trimmer))
    }

    private static let noTimer = PluginError(
        DN_LIMIT, "no timer for an engine; raise the limit of pending signals")

    deinit {
        (stops, trims) = (nil, nil)
        ckvm_stopper_destroy(stopper)
        ckvm_trimmer_destroy(trimmer)
    }

    /// What stops runs.
    var stop: UnsafeMutablePointer<dk_stop> {
        // SAFETY: it is the stopper's first field.
        UnsafeMutableRawPointer(stopper).assumingMemoryBound(to: dk_stop.self)
    }

    /// Any thread.
    func interrupt(run id: UInt64, reason: Int32) { stops?.interrupt(stop, run: id, reason: reason) }

    /// Puts a slot under the trimmer's care.
    func trims(_ slot: Slot) {
        ckvm_trimmer_add(
            trimmer, slot.state, slot.memory, GuestMap.stackBytes - Slot.idleStackKept,
            GuestMap.stackBytes + Slot.idleContextKept)
    }

    /// The slot's memory has been used up to its limit.
    func touched(_ slot: Slot) { ckvm_trimmer_touch(trimmer, Int32(slot.index), GuestMap.stackBytes + slot.limit) }
}

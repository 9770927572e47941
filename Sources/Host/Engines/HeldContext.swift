internal import Failure
internal import Items
internal import Memory
internal import PluginHost

/// Keeps a sandbox for the sake of outputs that lie in it, and the memory that it may use charged.
final class HeldContext: Storage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as for Storage; fixed after init.
    private var context: ComputeContext?
    private let charge: MemoryCharge
    private let released: @Sendable () -> Void

    /// Nil when there is no room to keep it. `released` is called, on any thread, after the sandbox was given up.
    init?(
        _ context: ComputeContext, bytes: UInt64, account: MemoryAccount, released: @escaping @Sendable () -> Void
    ) {
        var charge = MemoryCharge(account, .outputs)
        do throws(Failure) { try charge.grow(by: Int(clamping: bytes)) } catch { return nil }
        self.charge = charge
        self.context = context
        self.released = released
        super.init()
    }

    deinit {
        context = nil
        released()
    }
}

internal import Failure
internal import Items
internal import Memory
internal import PluginHost

/// Keeps a sandbox for the sake of outputs that lie in it, and the memory that it takes charged.
final class HeldContext: Storage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as for Storage; fixed after init.
    private var context: ComputeContext?
    private let charge: MemoryCharge
    private let released: @Sendable () -> Void

    /// Nil when there is no room to keep it. `released` is called, on any thread, after the sandbox was given up.
    /// - Parameters:
    ///   - data: Bytes of the outputs.
    ///   - beside: Bytes of the tables of items that lie in it.
    init?(
        _ context: ComputeContext, limit: Int, data: Int, beside: Int, account: MemoryAccount,
        released: @escaping @Sendable () -> Void
    ) {
        // To look at all of a large sandbox would cost more than a copy of the outputs.
        let taken = context.knowsItsMemory || limit / 16 <= data ? min(context.residentBytes, limit) : limit
        var charge = MemoryCharge(account, .held)
        do throws(Failure) { try charge.grow(by: taken + beside) } catch { return nil }
        self.charge = charge
        self.context = context
        self.released = released
        super.init()
    }

    override func filePart(of bytes: UnsafeRawBufferPointer) -> FilePart? { context?.filePart(of: bytes) }

    deinit {
        context = nil
        released()
    }
}

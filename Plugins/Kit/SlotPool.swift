public import CPluginKit
public import PluginABI
public import Synchronization

/// A context whose memory is an engine's, used for one invocation after another.
open class PooledContext: ComputeContext, @unchecked Sendable {
    // SAFETY of @unchecked Sendable, of subclasses too: `state` says whose all else is: the holder's while held, the engine
    // thread's otherwise. Only the state is touched by others.
    /// A DK_SLOT_*; on the heap because a signal handler may read it, too.
    public final let state: UnsafeMutablePointer<Atomic<UInt32>>

    public override init() {
        state = .allocate(capacity: 1)
        state.initialize(to: Atomic(DK_SLOT_CLEAN))
    }

    deinit {
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Makes it held if its state is `from`.
    @inlinable
    public final func claim(from: UInt32) -> Bool {
        state.pointee.compareExchange(expected: from, desired: DK_SLOT_HELD, ordering: .acquiring).exchanged
    }

    /// Any thread.
    @inlinable
    public final func release(as to: UInt32) { state.pointee.store(to, ordering: .releasing) }

    @inlinable
    public final var isDirty: Bool { state.pointee.load(ordering: .relaxed) == DK_SLOT_DIRTY }

    public final override func release() { release(as: DK_SLOT_DIRTY) }

    /// Makes all memory read as zeros again, on the engine's thread; false when the context cannot be used any more.
    open func recycle() -> Bool { true }
}

/// The contexts of one engine, and which of them are free. The engine's thread only.
///
/// Inlinable, because unspecialised code for it costs a microsecond in each request.
public struct SlotPool<Slot: PooledContext> {
    @usableFromInline var list: [Slot] = []

    @inlinable
    public var slots: [Slot] { list }

    @inlinable
    public init() {}

    @inlinable
    public mutating func add(_ slot: Slot) { list.append(slot) }

    /// Cleans every context that was given up. What earlier functions left must not stay while the next one runs, which may
    /// take minutes.
    @inlinable
    public mutating func clean() {
        while let slot = claimDirty() { slot.release(as: DK_SLOT_CLEAN) }
    }

    /// Takes a clean context, if there is one such.
    @inlinable
    public func claim(where isSuitable: (Slot) -> Bool = { _ in true }) -> Slot? {
        list.first { isSuitable($0) && $0.claim(from: DK_SLOT_CLEAN) }
    }

    /// For an engine that has no context to give.
    @inlinable
    public var busy: PluginError {
        PluginError(DN_BUSY, "all \(slots.count) contexts of the engine are held", retryable: true)
    }

    /// Cleans contexts for about `budget` ns, at least one. True when more are dirty.
    @inlinable
    public mutating func idle(budget: UInt64) -> Bool {
        let end = Clock.now() &+ budget
        while let slot = claimDirty() {
            slot.release(as: DK_SLOT_CLEAN)
            guard Clock.now() < end else { break }
        }
        return list.contains(where: \.isDirty)
    }

    @inlinable
    mutating func claimDirty() -> Slot? {
        while let index = list.firstIndex(where: { $0.claim(from: DK_SLOT_DIRTY) }) {
            if list[index].recycle() { return list[index] }
            list.remove(at: index)
        }
        return nil
    }
}

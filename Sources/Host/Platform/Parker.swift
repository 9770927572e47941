internal import CPlatform
internal import Synchronization

/// Lets one thread sleep until another wakes it; a wake before the sleep is not lost.
public struct Parker: ~Copyable, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the word is atomic and its address is fixed for the parker's life.
    private let word: UnsafeMutablePointer<UInt32>
    private let state: UnsafeMutablePointer<Atomic<UInt32>>

    private static var awake: UInt32 { 0 }
    private static var asleep: UInt32 { 1 }
    private static var notified: UInt32 { 2 }

    public init() {
        word = .allocate(capacity: 1)
        word.initialize(to: Self.awake)
        // SAFETY: Atomic<UInt32> has the size and alignment of the UInt32 that it stands on; the kernel needs the word.
        state = UnsafeMutableRawPointer(word).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    deinit { word.deallocate() }

    /// Sleeps until `wake`, or for `nanoseconds`. May return early.
    public borrowing func park(nanoseconds: Int64 = -1) {
        let slept = state.pointee.compareExchange(
            expected: Self.awake, desired: Self.asleep, ordering: .acquiringAndReleasing
        ).exchanged
        if slept { _ = cp_futex_wait(word, Self.asleep, nanoseconds) }
        // An exchange, not a store: what was done before a wake that this takes must be seen by the caller, else that
        // wake is lost.
        _ = state.pointee.exchange(Self.awake, ordering: .acquiringAndReleasing)
    }

    /// Wakes the sleeper; costs no system call when nobody sleeps.
    public borrowing func wake() {
        if state.pointee.exchange(Self.notified, ordering: .acquiringAndReleasing) == Self.asleep {
            cp_futex_wake(word, 1)
        }
    }
}

internal import Synchronization

/// What a tenant has used since the node began; counted where it is used, read by whoever keeps accounts. Any thread.
public final class TenantUsage: Sendable {
    /// Numbers at one moment.
    public struct Sums: Sendable, Equatable {
        public var invocations: UInt64 = 0
        /// Nanoseconds for which its functions held a core: the image, the sandbox, the run and taking the outputs.
        public var coreTime: UInt64 = 0
        /// KiB of the functions' limits times milliseconds for which they held them.
        public var memoryTime: UInt64 = 0
        /// Bytes of bodies of requests.
        public var received: UInt64 = 0
        /// Bytes of replies, and of what communication functions were given to send.
        public var sent: UInt64 = 0
        /// Of communication functions, repetitions included.
        public var outgoingRequests: UInt64 = 0

        public init() {}

        /// Bytes of limits times seconds.
        public var memoryByteSeconds: Int { Int(clamping: memoryTime / 1000 * 1024 + memoryTime % 1000 * 1024 / 1000) }

        public static func - (left: Sums, right: Sums) -> Sums {
            var sums = left
            sums.invocations &-= right.invocations
            sums.coreTime &-= right.coreTime
            sums.memoryTime &-= right.memoryTime
            sums.received &-= right.received
            sums.sent &-= right.sent
            sums.outgoingRequests &-= right.outgoingRequests
            return sums
        }
    }

    private let invocations = Atomic<UInt64>(0)
    private let coreTime = Atomic<UInt64>(0)
    private let memoryTime = Atomic<UInt64>(0)
    private let received = Atomic<UInt64>(0)
    private let sent = Atomic<UInt64>(0)
    private let outgoingRequests = Atomic<UInt64>(0)

    public init() {}

    public var sums: Sums {
        var sums = Sums()
        sums.invocations = invocations.load(ordering: .relaxed)
        sums.coreTime = coreTime.load(ordering: .relaxed)
        sums.memoryTime = memoryTime.load(ordering: .relaxed)
        sums.received = received.load(ordering: .relaxed)
        sums.sent = sent.load(ordering: .relaxed)
        sums.outgoingRequests = outgoingRequests.load(ordering: .relaxed)
        return sums
    }

    func invoked() { invocations.wrappingAdd(1, ordering: .relaxed) }

    /// A function with a memory limit of `memory` bytes held a core for `time` ns.
    func held(_ time: UInt64, memory: UInt64) {
        coreTime.wrappingAdd(time, ordering: .relaxed)
        let (product, overflow) = (memory >> 10).multipliedReportingOverflow(by: time)
        memoryTime.wrappingAdd(overflow ? UInt64.max / 1_000_000 : product / 1_000_000, ordering: .relaxed)
    }

    func received(_ count: Int) { received.wrappingAdd(UInt64(count), ordering: .relaxed) }
    func sent(_ count: Int) { sent.wrappingAdd(UInt64(count), ordering: .relaxed) }
    func requested() { outgoingRequests.wrappingAdd(1, ordering: .relaxed) }
}

internal import Synchronization

/// Numbers engines uniquely in this process, for logs.
enum EngineIDs {
    private static let last = Atomic<UInt64>(0)
    static func next() -> UInt64 { last.wrappingAdd(1, ordering: .relaxed).newValue }
}

internal import Platform
internal import Synchronization
internal import Telemetry

/// Tells in the log how far an image is that takes long to load, once a second.
final class LoadProgress: Sendable {
    private let label: String
    private let last = Mutex(Clock.now())

    private static let pause: UInt64 = 1_000_000_000

    init(_ label: String) { self.label = label }

    @Sendable func told(_ permille: Int, _ stage: String) {
        let isDue = last.withLock { last in
            let now = Clock.now()
            guard now &- last >= Self.pause else { return false }
            last = now
            return true
        }
        if isDue { Log.info("'\(label)': \(stage), \(permille / 10) %") }
    }
}

internal import PluginABI

/// Who is told while a plugin works on an image: the `progress_arg` of a call, which the caller retains around it.
final class ProgressObserver: Sendable {
    private let told: @Sendable (Int, String) -> Void

    init(_ told: @escaping @Sendable (Int, String) -> Void) { self.told = told }

    /// The slot `progress` that goes with it.
    static let tell: dn_progress = { argument, permille, stage in
        guard let argument else { return }
        // SAFETY: argument is the observer that is retained around the whole call.
        Unmanaged<ProgressObserver>.fromOpaque(argument).takeUnretainedValue()
            .told(Int(permille), String(cString: stage))
    }
}

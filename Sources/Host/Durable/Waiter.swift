internal import Engines
internal import Platform

/// Somebody who waits for the end of an invocation. On one worker's loop.
final class Waiter: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: everything happens on the worker's loop; other threads just carry the reference.
    private let worker: Worker
    private var action: (() -> Void)?
    private var timer: LoopTimer?

    /// `action` is called once: at the end, or at `deadline` (CLOCK_MONOTONIC ns). On the loop.
    init(on worker: Worker, until deadline: UInt64, _ action: @escaping () -> Void) {
        self.worker = worker
        self.action = action
        timer = worker.loop.schedule(at: deadline) { [weak self] in self?.fire() }
    }

    /// Any thread.
    func tell() { worker.loop.post { self.fire() } }

    private func fire() {
        timer?.cancel()
        let action = action
        self.action = nil
        action?()
    }
}

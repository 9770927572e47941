import CProcess
import PluginABI
import Synchronization

/// Which run of an engine is on, for interrupt from any thread.
final class Runs: Sendable {
    private struct State {
        var current: UInt64?
        /// The highest run_id that has begun.
        var last: UInt64 = 0
        var child: Int32 = 0
        /// Address of the current run's futex word.
        var word: UInt = 0
        var outcome: Int32?
        /// Interrupts of runs that have not begun.
        var early: [(run: UInt64, outcome: Int32)] = []
    }

    private let state = Mutex(State())

    /// Begins a run. Not nil: it was interrupted before, with this outcome.
    func begin(_ run: UInt64, child: Int32, word: UnsafeMutablePointer<UInt32>) -> Int32? {
        state.withLock { state in
            state.last = run
            if !state.early.isEmpty {
                let mine = state.early.first { $0.run == run }
                state.early.removeAll { $0.run <= run }
                if let mine { return mine.outcome }
            }
            state.current = run
            state.child = child
            state.word = UInt(bitPattern: word)
            state.outcome = nil
            return nil
        }
    }

    /// A run that ended before it began.
    func skip(_ run: UInt64) {
        state.withLock { state in
            state.last = run
            state.early.removeAll { $0.run <= run }
        }
    }

    /// Ends the current run; its outcome when it was interrupted. The child is not signalled after this.
    func end() -> Int32? {
        state.withLock { state in
            state.current = nil
            return state.outcome
        }
    }

    var isInterrupted: Bool { state.withLock { $0.outcome != nil && $0.current != nil } }

    func interrupt(_ run: UInt64, reason: Int32) {
        let outcome = reason == DN_INTERRUPT_DEADLINE ? DN_RUN_DEADLINE : DN_RUN_CANCELLED
        state.withLock { state in
            if state.current == run {
                guard state.outcome == nil else { return }
                state.outcome = outcome
                dp_kill(state.child)
                guard let word = UnsafeMutablePointer<UInt32>(bitPattern: state.word) else { return }
                dp_store(word, UInt32(DP_INTERRUPTED))
                dp_futex_wake(word)
            } else if run > state.last, state.early.count < 1024, !state.early.contains(where: { $0.run == run }) {
                state.early.append((run, outcome))
            }
        }
    }
}

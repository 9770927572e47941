import CProcess
import Glibc
import PluginABI
import PluginKit

extension Engine {
    /// How often a run looks whether its process still lives. Only a function that hides its own death from the kernel's
    /// notice (by overwriting the word that the kernel would mark) is found this way.
    private static let slice: UInt64 = 50_000_000

    /// Runs the image of a context to its end.
    func run(_ context: Context, _ params: dn_run_params) throws(PluginError) -> dn_run_result {
        let sandbox = try context.begin()
        try sandbox.settleChild()
        let word = sandbox.expectation()
        var result = dn_run_result()
        let began = Clock.now()
        if params.deadline != 0, began >= params.deadline {
            runs.skip(params.run_id)
            result.outcome = DN_RUN_DEADLINE
            return result
        }
        if let outcome = runs.begin(params.run_id, child: sandbox.childPid, word: dp_done(sandbox.memory.child)) {
            result.outcome = outcome
            return result
        }
        sandbox.holder?.begin(params, child: sandbox.childPid, now: began)
        do throws(PluginError) {
            try sandbox.start(argument: params.entry_block)
        } catch {
            sandbox.holder?.cancel()
            _ = runs.end()
            throw error
        }
        let end =
            sandbox.holder.map { wait(sandbox, $0) } ?? wait(sandbox, word, deadline: params.deadline)
        let interrupted = runs.end()
        result.run_ns = Clock.now() &- began
        describe(end, interrupted, sandbox, &result)
        if sandbox.holder != nil { sandbox.ended(held: end == .left && result.outcome == DN_RUN_EXITED) }
        return result
    }

    enum End {
        /// The child is behind the gate for good, or dead.
        case left
        case deadline
        /// Found dead without a word.
        case died
    }

    /// The same for a child that the kernel holds when it is over, and then sees the end of nothing but its own memory.
    private func wait(_ sandbox: Sandbox, _ holder: Holder) -> End {
        switch holder.wait() {
        case DP_END_LEFT: return sandbox.fetch() ? .left : .died
        case DP_END_STOPPED:
            // For what it has said so far.
            _ = sandbox.fetch()
            sandbox.killChild()
            return .deadline
        default: return .died
        }
    }

    /// Waits for the end of the function. When it returns, no instruction of the function will run any more, and the host's
    /// view of the memory is as the function left it.
    private func wait(_ sandbox: Sandbox, _ word: UInt32, deadline: UInt64) -> End {
        let done = dp_done(sandbox.memory.child)
        while true {
            let look = Clock.now() &+ Engine.slice
            let status = dp_futex_wait(done, word, deadline == 0 ? look : min(look, deadline))
            // Woken, by the kernel's word: only the gate (whose caller never returns), the child's death, or interrupt
            // can wake this word.
            if status == 0 && !runs.isInterrupted { return sandbox.fetch() ? .left : .died }
            if status == -EINTR && !runs.isInterrupted { continue }
            if status == -ETIMEDOUT && !runs.isInterrupted {
                if deadline != 0, Clock.now() >= deadline {
                    // For what it has said so far.
                    _ = sandbox.fetch()
                    sandbox.killChild()
                    return .deadline
                }
                if sandbox.childDied() { return .died }
                continue
            }
            // The word changed before we slept. Only memory says so, which the function can write: make sure. One that still
            // runs can only spoil its own outputs.
            let isThere = sandbox.fetch()
            sandbox.killChild()
            return isThere ? .left : .died
        }
    }

    private func describe(_ end: End, _ interrupted: Int32?, _ sandbox: Sandbox, _ result: inout dn_run_result) {
        let child = sandbox.memory.child
        if let interrupted {
            result.outcome = interrupted
        } else if end == .deadline {
            result.outcome = DN_RUN_DEADLINE
        } else if end == .died || dp_load(dp_done(child)) & DP_DIED != 0 {
            result.outcome = DN_RUN_FAULTED
            result.fault_kind = DN_FAULT_KILLED
            writeText("the function's process was killed", into: &result.detail)
        } else if child.pointee.fault.signal == 0 {
            result.outcome = DN_RUN_EXITED
        } else {
            FaultReport(child.pointee.fault, sandbox.memory).write(to: &result)
        }
    }
}

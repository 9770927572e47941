import CProcess
import PluginABI
import PluginElf
import PluginKit

/// A process that is used again. It is held by the kernel at the gate from the end of one function to the start of the next,
/// and everything that a function can have changed is set anew while it is: the memory file's pages and those of a mapped
/// image here and in `clean`, vector and x87 state, protection keys and the mask of signals here, all other registers when it
/// is let go (`dp_trace_enter`). It has no other memory, and no call of a function's ever reached the kernel.
extension Sandbox {
    /// Makes the held child as new but for the memory file. The host's view of a mapped image is restored.
    /// - Returns: false when that failed: the child must be killed.
    func reset() -> Bool {
        guard let holder, let loaded else { return false }
        // What runs write is known now: the next child gets that as memory of the slot.
        if memory.plan != nil, memory.plan !== loaded.plan { return false }
        if let span = memory.plan?.span, !span.isEmpty {
            let view = memory.context(span.lowerBound)
            guard pages.put(memory.own, child: childPid, base: span.lowerBound, from: view) else { return false }
        }
        guard dp_trace_blank(childPid, holder.stopper) == 0 else { return false }
        isHeld = true
        isFresh = false
        prepared = Readiness(loaded, memory.plan)
        return true
    }

    /// Before a run: gives the sandbox another child when the held one cannot become what the run needs, because it has no
    /// way any more to receive files.
    func replaceUnfit() throws(PluginError) {
        guard isHeld, needsFiles else { return }
        killChild()
        askForChild()
        try takeChild()
        planChange()
    }

    /// Lets the held child go.
    func enter(argument: dn_gaddr) -> Bool {
        let child = memory.child
        isHeld = false
        if dp_change(child).pointee.count == 0 {
            return dp_trace_enter(childPid, child.pointee.entry, child.pointee.stack, argument) == 0
        }
        child.pointee.argument = argument
        return dp_trace_change(childPid) == 0
    }
}

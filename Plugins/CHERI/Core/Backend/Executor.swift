import CCHERI
import PluginABI
import PluginElf
import PluginKit

/// What is entered: a context that is ready to run.
struct Entry {
    /// The function's address 0.
    let memory: UnsafeMutableRawPointer
    let layout: ContextLayout
    /// Pages that are not plain memory.
    let protections: [PageRange]
    let codeBytes: UInt64
    let entry: dn_gaddr
    let argument: dn_gaddr
    let slot: dn_gaddr

    /// What the trampoline is given when the function's address 0 lies at `base`.
    func call(at base: UInt64) -> cheri_call {
        cheri_call(
            base: base, data_bytes: layout.size, code_bytes: codeBytes, entry: entry, stack: layout.size,
            argument: argument, slot: slot)
    }
}

/// How a run ended.
enum End {
    case left
    /// Addresses count from the function's address 0.
    case faulted(cheri_fault)
    /// DN_INTERRUPT_*
    case stopped(Int32)
    /// The trampoline could not make exactly the capabilities asked for; nothing ran.
    case refused
}

/// Makes what runs functions on one thread: by this machine's processor, or in tests by an emulated one.
protocol Executor: Sendable {
    /// For the calling thread.
    func makeRunner() throws(PluginError) -> any Runner
}

/// Runs functions on one thread.
protocol Runner: AnyObject {
    func run(_ entry: Entry, id: UInt64, deadline: UInt64) throws(PluginError) -> End
    /// Asks a run to stop. Any thread.
    func interrupt(run id: UInt64, reason: Int32)
}

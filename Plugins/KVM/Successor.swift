import PluginABI
import PluginKit
import Synchronization

/// The VM that takes over from another one, made by a job of the host while the engine's thread does other things.
final class Successor: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init but for `state`, a mutex. Slot memory outlives the job: the engine's
    // deinit takes the successor first.
    private enum State {
        case planned(old: VirtualMachine?)
        case made(Result<VirtualMachine, PluginError>)
        case taken
    }
    private let state: Mutex<State>
    private let platform: Platform
    private let slots: [(memory: UnsafeMutableRawPointer, step: Int)]

    /// `old` is closed by the job too: closing a VM takes as long as making one.
    init(platform: Platform, slots: [(memory: UnsafeMutableRawPointer, step: Int)], old: VirtualMachine?) {
        self.platform = platform
        self.slots = slots
        state = Mutex(.planned(old: old))
    }

    /// Hands the work to the host. When it takes no job, `take` does it.
    func start(_ host: HostServices) { _ = host.submit { self.make() } }

    /// Makes the VM unless that is done. The lock is held meanwhile, so that `take` waits for a job that has begun and
    /// does the work of one that has not.
    private func make() {
        state.withLock { state in
            guard case .planned = state else { return }
            state = .made(build())
        }
    }

    private func build() -> Result<VirtualMachine, PluginError> {
        do throws(PluginError) {
            return .success(try VirtualMachine(platform: platform, slots: slots))
        } catch {
            return .failure(error)
        }
    }

    /// The VM, once; waits for it when it is being made.
    func take() throws(PluginError) -> VirtualMachine {
        make()
        let result = state.withLock { state in
            guard case .made(let result) = state else { return nil as Result<VirtualMachine, PluginError>? }
            state = .taken
            return result
        }
        guard let result else { throw PluginError(DN_ENGINE_DEAD, "the engine's VM was taken twice") }
        return try result.get()
    }
}

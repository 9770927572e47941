internal import Failure
internal import Items
internal import Memory
internal import PluginABI
internal import Synchronization

/// What a plugin has answered, on its way to a copy: the loan can be ended only with the loop role, and consumers end on any
/// thread.
final class LongAnswer: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: one thread copies, and what it made is read after `copied` says so; the plugin keeps the
    // outputs as they are until the request is released, which comes after that. The rest never changes.
    let token: UInt64
    /// Bytes of all outputs.
    let count: Int
    private let outputs: Result<[dn_bytes], Failure>
    private let account: MemoryAccount
    private let wasNotSent: Bool
    private let totalTime: UInt64
    private let protocolStatus: Int32
    private var copies: [Blob] = []
    private var failure: Failure?
    private let copied = Atomic<Bool>(false)

    /// - Parameter outputs: checked: all of their bytes can be read.
    init(
        _ raw: dn_completion, _ outputs: Result<[dn_bytes], Failure>, _ account: MemoryAccount
    ) {
        token = raw.token
        count = (try? outputs.get())?.reduce(0) { $0 + Int(clamping: $1.len) } ?? 0
        wasNotSent = raw.effect == DN_EFFECT_NOT_SENT
        totalTime = raw.total_ns
        protocolStatus = raw.protocol_status
        (self.outputs, self.account) = (outputs, account)
    }

    var isCopied: Bool { copied.load(ordering: .acquiring) }

    /// Once; any thread.
    func copy() {
        do throws(Failure) {
            for output in try outputs.get() { copies.append(try Blob(copying: output.lent, account, .replies)) }
        } catch {
            copies = []
            failure = error
        }
        copied.store(true, ordering: .releasing)
    }

    /// Once it is copied.
    var completion: CommCompletion {
        CommCompletion(
            token: token, outputs: copies, failure: failure, wasNotSent: wasNotSent, totalTime: totalTime,
            protocolStatus: protocolStatus)
    }
}

/// Where long answers are copied, so that the loop does not.
public struct Elsewhere {
    /// Does the first on another thread, then the second where `poll` is called; false: neither.
    let work: (@escaping @Sendable () -> Void, @escaping @Sendable () -> Void) -> Bool
    /// Gets the completions.
    let told: (CommCompletion) -> Void

    public init(
        work: @escaping (@escaping @Sendable () -> Void, @escaping @Sendable () -> Void) -> Bool,
        told: @escaping (CommCompletion) -> Void
    ) {
        (self.work, self.told) = (work, told)
    }
}

internal import CConformance
internal import Failure
internal import Glibc
internal import Items
internal import Memory
internal import Platform
internal import PluginABI
internal import PluginHost

/// One reactor of the plugin.
final class CommRig {
    let backend: CommBackend
    let reactor: CommReactor
    let watch: Watch
    /// Of a tenant, for whom requests are.
    let account: MemoryAccount
    private let subject: Subject
    /// Whether the reactor refused the last request as full.
    private(set) var wasBusy = false

    convenience init(_ subject: Subject) throws { try self.init(subject, try subject.start()) }

    init(_ subject: Subject, _ instance: PluginInstance) throws {
        guard subject.offers(DN_COMM_1, instance) else { throw NotApplicable(why: "it offers no \(DN_COMM_1)") }
        self.subject = subject
        watch = subject.watch
        account = subject.memory.account(named: "tenant")
        backend = try watch.call("protocols") { try CommBackend(instance) }
        reactor = try Self.reactor(of: backend, watch)
        // What a trial sends is noise; nobody beyond this machine is to get it.
        if subject.isTrial { watch.withoutAim { Network.refuseConnections() } }
    }

    deinit { _ = watch.call("reactor_destroy") { reactor.destroyIfUnused() } }

    static func reactor(of backend: CommBackend, _ watch: Watch, maxInflight: Int = 1024) throws -> CommReactor {
        try watch.call("reactor_create") { try CommReactor(backend: backend, core: nil, maxInflight: maxInflight) }
    }

    // MARK: Requests

    /// What may be asked: one call of a protocol with its inputs.
    struct Sample {
        var `protocol` = 0
        var signature = 0
        var inputs: [[UInt8]]
    }

    /// The same bytes for each input of the first protocol's first call.
    func sample(_ bytes: [UInt8]) -> Sample {
        Sample(inputs: backend.protocols[0].signatures[0].inputs.map { _ in bytes })
    }

    /// The author's requests, and noise of several kinds for every call of every protocol.
    func samples(_ count: Int) -> [Sample] {
        var random = subject.random
        let calls = backend.protocols.indices.flatMap { index in
            backend.protocols[index].signatures.indices.map { (index, $0) }
        }
        let given = subject.requests.compactMap { try? $0.sample(for: backend) }
        return given
            + (0..<count).map { number in
                let call = calls[number % calls.count]
                let inputs = backend.protocols[call.0].signatures[call.1].inputs.count
                return Sample(
                    protocol: call.0, signature: call.1,
                    inputs: (0..<inputs).map { _ in Self.noise(number / calls.count, &random) })
            }
    }

    private static func noise(_ number: Int, _ random: inout SplitMix) -> [UInt8] {
        func bytes(_ range: ClosedRange<Int>, _ values: ClosedRange<UInt8>) -> [UInt8] {
            (0..<Int.random(in: range, using: &random)).map { _ in UInt8.random(in: values, using: &random) }
        }
        return switch number % 8 {
        case 0: bytes(1...1, 65...90)
        case 1: []
        case 2: bytes(1...300, 32...126)
        case 3: [UInt8](repeating: 0, count: 1 << 12)
        case 4: [UInt8](repeating: 0xff, count: 777)
        case 5: bytes(1...40, 97...122) + [32] + bytes(1...40, 97...122) + [13, 10]
        case 6: bytes(1 << 14...1 << 14, 0...255)
        default: bytes(0...300, 0...255)
        }
    }

    /// Whose inputs are lent to be read until the completion, and not a byte further.
    func request(_ token: UInt64, _ sample: Sample, deadline: UInt64, maxResponse: UInt64 = 1 << 20) -> CommRequest {
        CommRequest(
            token: token, protocol: sample.protocol, signature: sample.signature,
            inputs: sample.inputs.map(LentBytes.blob), deadline: Clock.now() &+ deadline, maxResponse: maxResponse,
            account: account)
    }

    /// Whether the plugin took it. `deadline` is nanoseconds from now.
    func submit(_ token: UInt64, _ sample: Sample, deadline: UInt64, maxResponse: UInt64 = 1 << 20) throws -> Bool {
        let request = request(token, sample, deadline: deadline, maxResponse: maxResponse)
        do throws(Failure) {
            try watch.call("submit") { () throws(Failure) in try reactor.submit(request) }
            return true
        } catch {
            wasBusy = error.kind == .busy
            return false
        }
    }

    func submit(_ token: UInt64, _ bytes: [UInt8], deadline: UInt64, maxResponse: UInt64 = 1 << 20) throws -> Bool {
        try submit(token, sample(bytes), deadline: deadline, maxResponse: maxResponse)
    }

    func cancel(_ token: UInt64) { watch.call("cancel") { reactor.cancel(token) } }

    func wake() { watch.call("wake") { reactor.wake() } }

    func poll(_ told: (CommCompletion) -> Void) throws { try watch.call("poll") { try reactor.poll(told) } }

    /// Drives the reactor until each token has completed, and a while longer: a second completion would come then.
    func complete(_ tokens: Set<UInt64>, told: (CommCompletion) -> Void = { _ in }) throws {
        var left = tokens
        let end = Clock.now() &+ 5_000_000_000
        var quiet = 0
        while quiet < (subject.isTrial ? 20 : 50), Clock.now() < end {
            try poll {
                left.remove($0.token)
                told($0)
            }
            if left.isEmpty { quiet += 1 }
            Sleep.milliseconds(1)
        }
        if let breach = reactor.breach { throw Violation(what: breach) }
        try require(left.isEmpty, "\(left.count) of \(tokens.count) accepted requests never completed")
    }
}

/// A request's input as the kit lends it: reading beyond it, writing to it and using it later are caught by its rights.
private final class LentBytes: Storage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init.
    private let start: UnsafeRawPointer

    private init(_ start: UnsafeRawPointer) {
        self.start = start
        super.init()
    }

    deinit { ck_end_loan(start) }

    static func blob(_ bytes: [UInt8]) -> Blob {
        let lent = bytes.withUnsafeBytes { ck_lend($0.baseAddress, UInt64($0.count)) }
        // Without memory for watched ones, ordinary bytes must do.
        guard let lent else { return Blob(bytes) }
        return Blob(storage: LentBytes(lent), start: lent, count: bytes.count)
    }
}

internal import Engines
public import Failure
public import Items
internal import Memory
internal import Platform
internal import PluginHost
internal import Registry
internal import Synchronization

/// What another node answered.
public struct PeerAnswer: Sendable {
    public let status: Int
    /// Names in lower case.
    public let fields: [(name: String, value: String)]
    public let body: Blob

    public func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// Of the items that the protocol `http` of dn.comm/1 gives: status line and fields, body.
    init?(_ outputs: [Blob]) {
        guard outputs.count == 2 else { return nil }
        let head = outputs[0].withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        var lines = head.split(whereSeparator: \.isNewline)
        guard !lines.isEmpty else { return nil }
        let words = lines.removeFirst().split(separator: " ")
        guard words.count >= 2, let status = Int(words[1]) else { return nil }
        self.status = status
        fields = lines.compactMap { line in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            return (line[..<colon].lowercased(), String(value))
        }
        body = outputs[1]
    }
}

/// Why there is no answer of another node.
public struct PeerFailure: Error, Sendable {
    public let failure: Failure
    /// The request surely did not get there.
    public let wasNotSent: Bool
}

/// Requests to other nodes, by the communication plugin that the config names: its connections, limits and account of memory.
final class PeerCalls: Sendable {
    private let transport: CommFunction
    private let pool: WorkerPool

    init(_ transport: CommFunction, _ pool: WorkerPool) {
        self.transport = transport
        self.pool = pool
    }

    /// A request as the protocol `http` takes it.
    static func request(_ method: String, _ url: String, _ fields: [(String, String)], body: Blob) -> Blob {
        var bytes: [UInt8] = []
        var head = "\(method) \(url) HTTP/1.1\n"
        for (name, value) in fields { head += "\(name):\(value)\n" }
        head += "\n"
        bytes.reserveCapacity(head.utf8.count + body.count)
        bytes.append(contentsOf: head.utf8)
        body.withUnsafeBytes { bytes.append(contentsOf: $0) }
        return Blob(bytes)
    }

    /// On the loop of `worker`, where `done` is called, once.
    /// - Parameter deadline: CLOCK_MONOTONIC ns; 0: the transport's own limit.
    /// - Returns: what ends it early, on any thread; nil when it has ended.
    @discardableResult
    func send(
        _ request: Blob, deadline: UInt64, _ account: MemoryAccount, on worker: Worker,
        _ done: @escaping (Result<PeerAnswer, PeerFailure>) -> Void
    ) -> (@Sendable () -> Void)? {
        do throws(Failure) {
            let port = try worker.port(for: transport.backend)
            let limit = Clock.now() &+ transport.timeout
            let token = try port.submit(
                protocol: transport.protocolIndex, signature: 0, inputs: [request],
                deadline: deadline == 0 ? limit : min(limit, deadline), maxResponse: transport.maxResponse,
                account: account, caller: Egress.node
            ) { completion in
                if let failure = completion.failure {
                    return done(.failure(PeerFailure(failure: failure, wasNotSent: completion.wasNotSent)))
                }
                guard let answer = PeerAnswer(completion.outputs) else {
                    let failure = Failure(.upstream, "another node's answer is no HTTP")
                    return done(.failure(PeerFailure(failure: failure, wasNotSent: false)))
                }
                done(.success(answer))
            }
            let sent = Sent(port: port, token: token)
            return { worker.loop.post { sent.port.cancel(sent.token) } }
        } catch {
            done(.failure(PeerFailure(failure: error, wasNotSent: true)))
            return nil
        }
    }

    private struct Sent: @unchecked Sendable {
        // SAFETY of @unchecked Sendable: used on the loop of the worker whose port it is.
        let port: CommPort
        let token: UInt64
    }

    /// Waits for the answer; not on a worker's thread.
    func ask(_ request: Blob, timeout: UInt64, _ account: MemoryAccount) throws(Failure) -> PeerAnswer {
        guard let worker = pool.workers.first(where: { $0.kind.communicates }) ?? pool.workers.first else {
            throw Failure(.unavailable, "no worker is there any more")
        }
        let waiter = Waiter()
        let deadline = Clock.now() &+ timeout
        worker.loop.post { [self] in
            send(request, deadline: deadline, account, on: worker) { waiter.end($0) }
        }
        return try waiter.result(by: deadline &+ 1_000_000_000)
    }

    private final class Waiter: Sendable {
        private let answer = Mutex<Result<PeerAnswer, PeerFailure>?>(nil)
        private let parker = Parker()

        func end(_ result: Result<PeerAnswer, PeerFailure>) {
            answer.withLock { $0 = result }
            parker.wake()
        }

        func result(by deadline: UInt64) throws(Failure) -> PeerAnswer {
            while true {
                switch answer.withLock({ $0 }) {
                case .success(let answer)?: return answer
                case .failure(let failed)?: throw failed.failure
                case nil: break
                }
                let now = Clock.now()
                guard now < deadline else { throw Failure(.deadline, "another node did not answer in time") }
                parker.park(nanoseconds: Int64(clamping: deadline - now))
            }
        }
    }
}

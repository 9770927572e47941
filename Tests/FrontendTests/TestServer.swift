import Config
import Dispatcher
import Durable
import Engines
import Failure
import Glibc
import Identity
import Memory
import Platform
import PluginHost
import Registry
import Telemetry
import TestSupport
import Transport

@testable import Frontend

/// A front end on a free port of the loopback, over the scripted backend: a function's image is the letter that says what
/// it does. One worker unless `cores` says more, so that a function which does not end holds up the next.
final class TestServer {
    let frontend: Frontend
    let port: UInt16
    let pool: WorkerPool
    let durable: DurableInvocations?
    /// How clients connect that are told nothing else.
    private let standard: TLSClient.Settings?
    private let directory: String
    private let keeps: Bool

    private static let plugin = Result {
        Log.setLevel(.critical)
        return try PluginLibrary(path: try ScriptedBackend.compile()).start(label: "scripted", configuration: .empty)
    }

    init(
        maxBody: UInt64 = 64 << 20, maxConnections: Int = 20_000, idleSeconds: UInt64 = 60,
        allowsLocalPath: Bool = true, cores: [Int32]? = nil, control: ControlSettings = ControlSettings(),
        waiting: WaitingPolicy = .park, access: AccessSettings = AccessSettings(),
        budget: MemoryBudget = MemoryBudget(), measure: TurnMeter.Measure = .elapsed,
        listeners: [ListenerSettings]? = nil,
        authenticator: Authenticator? = nil, accessLog: AccessLog? = nil, recent: RecentInvocations? = nil,
        publishers: [String: String] = [:],
        quotas: [String: SpaceQuota] = [:], tenants: [Admission.TenantSettings] = [],
        durable: DurableSettings? = nil, state: String? = nil, keptVersions: Int = 5
    ) throws {
        var template = Array("\(Temporary.folder)/frontend-tests-XXXXXX".utf8CString)
        directory = state ?? mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
        keeps = state != nil
        signal(SIGPIPE, SIG_IGN)
        let backend = try ComputeBackend(try Self.plugin.get())
        let runClass = RunClass(
            name: "default", slots: [BackendSlot(backend)], memoryLimit: 1 << 28, timeout: 60_000_000_000,
            mayRunInline: true,
            spin: waiting.spin, unavailable: [])
        pool = try WorkerPool(cores: cores, control: control, budget: budget, measure: measure)
        let catalogue = Catalogue(
            store: try Store(directory: directory), classes: [runClass], communications: [], imageCache: 1 << 20,
            cores: cores?.count ?? 1, publishers: publishers, quotas: quotas, keptVersions: keptVersions)
        catalogue.restore()
        let dispatcher = Dispatcher(
            catalogue: catalogue, admission: Admission(Admission.Settings(tenants: tenants), budget: budget))
        self.durable = durable.map { [directory, pool] in
            DurableInvocations($0, folder: directory, dispatcher: dispatcher, pool: pool)
        }
        frontend = Frontend(
            dispatcher: dispatcher, catalogue: catalogue, pool: pool,
            settings: .init(
                maxBody: maxBody, maxConnections: maxConnections, idleTimeout: idleSeconds * 1_000_000_000,
                allowsLocalPath: allowsLocalPath, access: access, authenticator: authenticator,
                durable: self.durable, accessLog: accessLog, recent: recent))
        try pool.start(preparing: [backend])
        self.durable?.start()
        let places = try frontend.listen((listeners ?? [PlainAndTLS.listener()]).map { ($0, nil) })
        standard = listeners == nil ? try PlainAndTLS.client() : nil
        port = places.compactMap(\.port).first ?? 0
    }

    func stop() {
        durable?.beginStopping()
        frontend.stop(drain: 1_000_000_000)
        durable?.stop(until: Clock.now() + 1_000_000_000)
        pool.stop()
        if !keeps { Temporary.remove(directory) }
    }

    func connect(_ tls: TLSClient.Settings? = nil) throws -> Client { try Client(port: port, tls ?? standard) }
}

extension ListenPlace {
    var port: UInt16? {
        if case .address(let address) = self { address.port } else { nil }
    }
}

/// A blocking client that shows exactly what came over the wire.
final class Client {
    private let descriptor: Int32
    private let tls: TLSClient?
    private var buffer: [UInt8] = []

    init(port: UInt16, _ settings: TLSClient.Settings? = nil) throws {
        let descriptor = try Self.connected(port)
        self.descriptor = descriptor
        Self.limit(descriptor, seconds: Self.patience)
        tls = try settings.map { try TLSClient(on: descriptor, host: "localhost", $0) }
    }

    private static let patience = 20

    /// How long it waits for something to read.
    private static func limit(_ descriptor: Int32, seconds: Int = 0, microseconds: Int = 0) {
        var limit = timeval(tv_sec: seconds, tv_usec: microseconds)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    private static func connected(_ port: UInt16) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw SystemError.last("connect") }
        return descriptor
    }

    deinit { close(descriptor) }

    /// False when the server has closed the connection.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                tls?.write($0) ?? Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Of the server's certificate.
    var serverSubject: String? { tls?.serverSubject }

    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Closes so that the server sees a reset; the client is of no use any more.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        dup2(open("/dev/null", O_RDWR), descriptor)
    }

    struct Response: Equatable {
        var status: Int
        var head: String
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// The next response; nil when the connection ends before it.
    func response(toHead: Bool = false) -> Response? {
        while true {
            if let response = take(toHead: toHead) { return response }
            guard fill() else { return nil }
        }
    }

    /// Everything until the server closes.
    func rest() -> [UInt8] {
        while fill() {}
        defer { buffer = [] }
        return buffer
    }

    /// At least `count` bytes, or what there was before the end.
    func bytes(atLeast count: Int) -> [UInt8] {
        while buffer.count < count, fill() {}
        return buffer
    }

    /// Whether something of the server's waits to be read.
    var hasArrived: Bool {
        if tls != nil {
            // What TLS says for itself is taken out on the way.
            Self.limit(descriptor, microseconds: 1000)
            defer { Self.limit(descriptor, seconds: Self.patience) }
            return !buffer.isEmpty || fill()
        }
        var byte: UInt8 = 0
        return !buffer.isEmpty || recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) > 0
    }

    private func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = chunk.withUnsafeMutableBytes { tls?.read($0) ?? recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count > 0 else { return false }
        buffer += chunk[..<count]
        return true
    }

    private func take(toHead: Bool) -> Response? {
        let end = Array("\r\n\r\n".utf8)
        guard let gap = buffer.indices.first(where: { buffer[$0...].starts(with: end) }) else { return nil }
        let head = String(decoding: buffer[..<gap], as: UTF8.self)
        let length = head.split(separator: "\r\n").compactMap { line -> Int? in
            line.hasPrefix("content-length: ") ? Int(line.dropFirst(16)) : nil
        }.first
        let bodyCount = toHead ? 0 : length ?? 0
        guard buffer.count >= gap + 4 + bodyCount else { return nil }
        let body = Array(buffer[(gap + 4)..<(gap + 4 + bodyCount)])
        buffer.removeFirst(gap + 4 + bodyCount)
        return Response(status: Int(head.dropFirst(9).prefix(3)) ?? 0, head: head, body: body)
    }
}

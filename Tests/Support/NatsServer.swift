internal import Foundation

/// A NATS server with JetStream on a free port of this machine, alone or as one of several that know each other.
public final class NatsServer: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: a test uses it on one thread at a time.
    public let port: Int
    private let arguments: [String]
    private let executable: String
    private let folder: String
    private var process: Process?

    /// Where the program is: what `./dev test` fetches, else the system's; nil when there is none.
    public static let executable: String? = {
        let root = PluginFixture.root.path
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return (["\(root)/.build-peers/bin"] + path + ["/usr/sbin"]).map { "\($0)/nats-server" }
            .first { access($0, X_OK) == 0 }
    }()

    public var url: String { "nats://127.0.0.1:\(port)" }
    public var pid: Int32 { process?.processIdentifier ?? 0 }

    public struct DidNotStart: Error {
        let log: String
    }

    /// One server. Nil, and a printed line, where the program is missing.
    public static func alone() throws -> NatsServer? {
        guard let executable = found() else { return nil }
        let server = try NatsServer(executable, try freePort(), [])
        try server.start()
        try server.waitUntilReady()
        return server
    }

    /// Servers that replicate among each other. Nil as `alone`.
    public static func several(_ count: Int) throws -> [NatsServer]? {
        guard let executable = found() else { return nil }
        let ports = try (0..<count).map { _ in try freePort() }
        let routes = ports.map { "nats://127.0.0.1:\($0)" }.joined(separator: ",")
        let servers = try ports.enumerated().map { index, port in
            try NatsServer(
                executable, try freePort(),
                [
                    "--cluster_name", "test", "--cluster", "nats://127.0.0.1:\(port)", "--routes", routes,
                    "--server_name", "s\(index)",
                ])
        }
        for server in servers { try server.start() }
        for server in servers { try server.waitUntilReady() }
        return servers
    }

    private static func found() -> String? {
        if executable == nil { print("skipped: no nats-server, which ./dev test fetches") }
        return executable
    }

    private init(_ executable: String, _ port: Int, _ arguments: [String]) throws {
        (self.executable, self.port) = (executable, port)
        folder = "\(Temporary.folder)/dandelion-nats-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        self.arguments = ["-a", "127.0.0.1", "-p", "\(port)", "-js", "-sd", folder, "-l", "\(folder)/log"] + arguments
    }

    deinit {
        kill()
        Temporary.remove(folder)
    }

    /// Also after `kill`: with what it had kept, on the same port.
    public func start() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
    }

    /// Ends it without a word, as a loss of power does.
    public func kill() {
        guard let process, process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Publishes, as any client of NATS does; gives what is answered, or nil when nothing is within two seconds.
    public func request(_ subject: String, _ body: String = "") -> String? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = UInt16(port).bigEndian
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        // SAFETY: an IPv4 address is a socket address of its own length.
        let isOpen = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isOpen else { return nil }
        let text =
            "CONNECT {\"verbose\":false}\r\nSUB answer.\(port) 1\r\nPUB \(subject) answer.\(port) \(body.utf8.count)\r\n"
            + "\(body)\r\n"
        _ = send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL))
        var said: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let lines = String(decoding: said, as: UTF8.self).components(separatedBy: "\r\n")
            if let index = lines.firstIndex(where: { $0.hasPrefix("MSG answer.") }), lines.count > index + 2 {
                return lines[index + 1]
            }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            said += buffer[..<count]
        }
    }

    public func waitUntilReady() throws {
        let end = Date().addingTimeInterval(20)
        while Date() < end {
            let log = (try? String(contentsOfFile: "\(folder)/log", encoding: .utf8)) ?? ""
            if log.contains("Server is ready") { return }
            guard process?.isRunning == true else { break }
            usleep(5_000)
        }
        throw DidNotStart(log: (try? String(contentsOfFile: "\(folder)/log", encoding: .utf8)) ?? "")
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // SAFETY: an IPv4 address is a socket address of its own length.
        let bound = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else { throw DidNotStart(log: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

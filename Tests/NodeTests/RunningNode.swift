import Foundation
import PluginHarness

/// `dandelion serve` as an operator starts it, in a folder of its own.
final class RunningNode: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: nothing changes after init but the child process, which has a lock of its own.
    let port: Int
    let state: String
    /// The folder goes with this node, and not with others that are started on it.
    private let ownsState: Bool
    private let process = Process()
    private let output = Pipe()
    private(set) var log = ""

    struct DidNotStart: Error { let log: String }

    /// `config` is TOML text; nil = the shipped development config.
    /// - Parameters:
    ///   - wrapper: a command that runs the node's, which is given to it as arguments.
    ///   - listens: on a free port, open to all; else where the config says.
    ///   - executable: of the node.
    init(
        config: String? = nil, state: String? = nil, cpus: String? = nil, wrapper: [String] = [], listens: Bool = true,
        executable: String = RunningNode.executable
    ) throws {
        let folder = state ?? FileManager.default.temporaryDirectory.appending(path: "dandelion-node-\(UUID())").path
        self.state = folder
        ownsState = state == nil
        var file = Self.root.appending(path: "Config/dandelion.toml").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        if let config {
            file = folder + "/test.toml"
            try config.write(toFile: file, atomically: true, encoding: .utf8)
        }
        let own = folder + "/state"
        if state == nil { try SharedTrials.lend(to: own) }
        let command =
            [
                executable, "serve", "--config", file, "--state", own,
            ] + (listens ? ["--listen", "127.0.0.1:0"] : [])
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = wrapper + (cpus.map { ["taskset", "-c", $0] } ?? []) + command
        process.standardOutput = output
        let errors = FileManager.default.createFile(atPath: folder + "/log", contents: nil)
        process.standardError = errors ? FileHandle(forWritingAtPath: folder + "/log") : nil
        try process.run()
        var said = ""
        while !said.contains("Socket ready") {
            let data = output.fileHandleForReading.availableData
            guard !data.isEmpty else { break }
            said += String(decoding: data, as: UTF8.self)
        }
        let text = (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? ""
        guard said.contains("Socket ready"),
            let line = text.split(separator: "\n").last(where: { $0.contains("serving on") }),
            let port = line.split(separator: ":").last.flatMap({ Int($0.prefix(while: \.isNumber)) })
        else { throw DidNotStart(log: said + text) }
        self.port = port
        log = text
        if state == nil { try SharedTrials.take(from: own) }
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        if ownsState { try? FileManager.default.removeItem(atPath: state) }
    }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Another build of the node than the one beside the tests, as DANDELION_TEST_NODE names it: an optimised one.
    private static let other = ProcessInfo.processInfo.environment["DANDELION_TEST_NODE"]

    /// Seconds of processor time that a loop may stay with one thing; a debug build takes ten times as long as an optimised one.
    static let longestTurn = other == nil ? 0.05 : 0.005

    static let executable: String = {
        if let other { return other }
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? ""
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: bundle.isEmpty ? own : bundle).deletingLastPathComponent()
            .appending(path: "dandelion").path
    }()

    var isRunning: Bool { process.isRunning }

    /// The node's process, or its wrapper's where that does not become it.
    var id: Int32 { process.processIdentifier }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// What a command prints that is given this node's state folder; "" when it fails.
    func command(_ arguments: [String], input: String = "") throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.executable)
        process.arguments = arguments + ["--state", state + "/state"]
        let (given, printed) = (Pipe(), Pipe())
        process.standardInput = given
        process.standardOutput = printed
        process.standardError = FileHandle.nullDevice
        try process.run()
        try given.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try given.fileHandleForWriting.close()
        let text = String(decoding: printed.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return process.terminationStatus == 0 ? text.trimmingCharacters(in: .whitespacesAndNewlines) : ""
    }

    /// Ends the node; gives its exit status.
    func stop(_ signal: Int32 = SIGTERM) -> Int32 {
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        return process.terminationStatus
    }

    var descriptors: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.processIdentifier)/fd").count) ?? -1
    }

    var sockets: Int {
        let folder = "/proc/\(process.processIdentifier)/fd"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.count {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)"))?.hasPrefix("socket:")
                == true
        }
    }

    /// Living processes that the node made.
    var children: Int { Self.children(of: process.processIdentifier).count }

    private static func children(of parent: Int32) -> [Int32] {
        let tasks = "/proc/\(parent)/task"
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
        return threads.flatMap { thread in
            let text = (try? String(contentsOfFile: "\(tasks)/\(thread)/children", encoding: .utf8)) ?? ""
            return text.split(separator: " ").compactMap { Int32($0) }
        }
    }

    /// All living processes below the node's.
    var descendants: [Int32] {
        var all: [Int32] = []
        var next = Self.children(of: process.processIdentifier)
        while !next.isEmpty {
            all += next
            next = next.flatMap(Self.children)
        }
        return all
    }

    /// CPU time that the kernel has counted for the node and the processes that it made, those that have ended, too.
    var processorSeconds: Double {
        let all = [process.processIdentifier] + Self.children(of: process.processIdentifier)
        let ticks = all.reduce(0) { sum, id in
            let text = (try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8)) ?? ""
            // utime, stime, cutime and cstime; the name before them may hold blanks.
            let fields = (text.split(separator: ")").last ?? "").split(separator: " ")
            return sum + (fields.count < 15 ? 0 : fields[11...14].compactMap { Int($0) }.reduce(0, +))
        }
        return Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    // MARK: HTTP

    struct Reply {
        var status = 0
        var head = ""
        var body: [UInt8] = []
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    func request(_ method: String, _ path: String, _ body: [UInt8] = [], headers: [String] = []) -> Reply {
        let descriptor = connect()
        guard descriptor >= 0 else { return Reply() }
        defer { close(descriptor) }
        let head =
            ([
                "\(method) \(path) HTTP/1.1", "Host: node", "Content-Length: \(body.count)", "Connection: close",
            ] + headers).joined(separator: "\r\n") + "\r\n\r\n"
        var rest = ArraySlice(Array(head.utf8) + body)
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { break }
            rest = rest.dropFirst(count)
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            answer += buffer[..<count]
        }
        guard let end = answer.firstRange(of: Array("\r\n\r\n".utf8)) else { return Reply() }
        var reply = Reply()
        reply.head = String(decoding: answer[..<end.lowerBound], as: UTF8.self)
        reply.status = Int(reply.head.split(separator: " ").dropFirst().first ?? "") ?? 0
        reply.body = Array(answer[end.upperBound...])
        return reply
    }

    func connect() -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = UInt16(port).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            // SAFETY: a sockaddr_in is a sockaddr of that length.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if status != 0 {
            close(descriptor)
            return -1
        }
        return descriptor
    }

    /// Registers a guest of Tests/Guests into a class.
    func register(
        _ guest: String, as name: String? = nil, class runClass: String, memory: String = "1MiB",
        timeout: String = "60s", flags: [String] = []
    ) throws -> Reply {
        let image = try GuestCompiler.image(guest, flags: flags)
        return request(
            "PUT",
            "/v1/functions/\(name ?? guest)?class=\(runClass)&inputs=in&outputs=out&memory=\(memory)&timeout=\(timeout)",
            image)
    }
}

/// Words as guests read their arguments: little-endian, 8 bytes each.
func words(_ values: [UInt64]) -> [UInt8] {
    values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
}

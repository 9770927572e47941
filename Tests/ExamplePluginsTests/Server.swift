import CommHarness
import Foundation
import Testing

/// A program of the machine, run for a test.
final class Server: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: nothing changes after init.
    private let process = Process()
    let folder: String

    /// Starts a program that is found in PATH or a usual folder. In `arguments`, FOLDER stands for a new folder.
    init(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-server-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        process.executableURL = URL(fileURLWithPath: try #require(Self.path(of: program)))
        process.arguments = arguments.map { $0.replacingOccurrences(of: "FOLDER", with: folder) }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    deinit { stop() }

    func stop() {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Stops all threads of the server: the signal takes them one after another, so it waits until each has stopped.
    func pause() {
        kill(process.processIdentifier, SIGSTOP)
        let tasks = "/proc/\(process.processIdentifier)/task"
        for _ in 0..<1000 {
            let threads = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
            let states = threads.map { (try? String(contentsOfFile: "\(tasks)/\($0)/stat", encoding: .utf8)) ?? "" }
            if states.allSatisfy({ $0.split(separator: ")").last?.hasPrefix(" T") ?? true }) { return }
            usleep(1000)
        }
    }

    func resume() { kill(process.processIdentifier, SIGCONT) }

    static func path(of program: String) -> String? {
        if program.hasPrefix("/") { return program }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return (folders + ["/usr/bin", "/usr/sbin", "\(Built.root)/.build-tools/bin"]).map { "\($0)/\(program)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// A TCP port that nobody uses at the moment.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            // SAFETY: a sockaddr_in is a sockaddr of that length.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(bound)
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Waits until something accepts on the port, at most 20 s.
    static func await(port: Int) throws {
        for _ in 0..<2000 {
            if accepts(port: port) { return }
            usleep(10_000)
        }
        Issue.record("nothing accepts on port \(port)")
    }

    static func accepts(port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = UInt16(port).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            // SAFETY: as above.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

/// The example plugins, built once by their own build files.
enum Built {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    static let memcached = make("memcached", "libDandelionMemcached.so")
    static let s3 = make("s3", "libDandelionS3.so")
    static let redis: String = {
        let folder = "\(root)/.build-redis"
        let swift = Server.path(of: "swift") ?? "/opt/swift/usr/bin/swift"
        run(
            swift,
            ["build", "-c", "release", "--package-path", "\(root)/Examples/plugins/redis", "--scratch-path", folder])
        return "\(folder)/release/libDandelionRedis.so"
    }()

    private static func make(_ name: String, _ file: String) -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-plugin-\(name)-\(getpid())").path
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        run("/usr/bin/make", ["-s", "-C", "\(root)/Examples/plugins/\(name)", "BUILD=\(folder)"])
        return "\(folder)/\(file)"
    }

    @discardableResult
    static func run(_ program: String, _ arguments: [String]) -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = output
        do { try process.run() } catch {
            Issue.record("\(program): \(error)")
            return ""
        }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        if process.terminationStatus != 0 { Issue.record("\(program) \(arguments) failed: \(text)") }
        return text
    }
}

import Foundation
import Synchronization

/// Stands in for a node: answers each connection with the next of some prepared replies and keeps what it was asked.
final class FakeNode: Sendable {
    let port: UInt16
    private let descriptor: Int32
    private let asked = Mutex<[String]>([])

    /// The requests so far, head and body.
    var requests: [String] { asked.withLock { $0 } }

    init(_ replies: [String]) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            // SAFETY: a sockaddr_in is a sockaddr of that length.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, length) | listen(descriptor, 8) | getsockname(descriptor, raw, &length)
            }
        }
        guard status == 0 else { throw CocoaError(.fileReadUnknown) }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in
            for reply in replies { serve(reply) }
        }
    }

    deinit { close(descriptor) }

    private func serve(_ reply: String) {
        let connection = accept(descriptor, nil, nil)
        defer { close(connection) }
        var request: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !Self.isComplete(request) {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            request += buffer[..<count]
        }
        asked.withLock { $0.append(String(decoding: request, as: UTF8.self)) }
        _ = reply.utf8.withContiguousStorageIfAvailable { send(connection, $0.baseAddress, $0.count, 0) }
    }

    private static func isComplete(_ request: [UInt8]) -> Bool {
        guard let end = request.firstRange(of: Array("\r\n\r\n".utf8)) else { return false }
        let head = String(decoding: request[..<end.lowerBound], as: UTF8.self)
        let length = head.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
        return request.count - end.upperBound >= (length.flatMap { Int($0.dropFirst(16)) } ?? 0)
    }
}

/// The command itself, as a user runs it.
struct Ran {
    var status: Int32
    var output: String
    var errors: String

    /// The executable beside the test bundle.
    static let executable: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? own
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appending(path: "dandelion").path
    }()

    /// The folder of the shipped configs.
    static let shipped = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Config").path

    /// The version that the tree says it has.
    static func version() throws -> String {
        let header = "\(shipped)/../Sources/Version/version.h"
        let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: header)), as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("#define DANDELION_VERSION ") }
        return line.map { String($0.split(separator: "\"")[1]) } ?? ""
    }

    init(
        _ arguments: [String], input: String = "", node: FakeNode? = nil, folder: String? = nil,
        environment: [String: String] = [:]
    ) throws {
        let process = Process()
        let (output, errors, input_) = (Pipe(), Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: Self.executable)
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = input_
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        process.environment = ProcessInfo.processInfo.environment.merging(
            node.map { ["DANDELION_NODE": "http://127.0.0.1:\($0.port)"] } ?? [:]
        ) { _, new in new }.merging(environment) { _, new in new }
        try process.run()
        try input_.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try input_.fileHandleForWriting.close()
        self.output = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        self.errors = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        status = process.terminationStatus
    }
}

/// A file that lives as long as the test process.
struct TemporaryFile {
    let name = "\(UUID().uuidString).bin"

    var path: String { Self.folder.appending(path: name).path }

    init(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }

    static let folder: URL = {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-cli-\(getpid())")
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(at: TemporaryFile.folder) }
        return folder
    }()
}

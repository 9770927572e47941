import Foundation
import PluginHarness
import Testing

/// The SDK folder, and programs compiled with it.
enum SDK {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    static let programs = "\(root)/Tests/SDKTests/programs"
    static let folder = ProcessInfo.processInfo.environment["DANDELION_SDK"] ?? "\(root)/.build-sdk"

    /// Whether the library lies in the SDK folder; says why tests are skipped when it does not.
    static let built: Bool = {
        let library = "\(folder)/hlibc/lib/x86_64/libhlibc.a"
        if FileManager.default.fileExists(atPath: library) { return true }
        print("SDK tests are skipped: there is no \(library); ./dev sdk builds it")
        return false
    }()

    /// Where the executables and plugins of this build lie.
    static let productFolder = URL(fileURLWithPath: HarnessPlugin.path(of: "")).deletingLastPathComponent().path

    static let backends = ["DandelionProcess", "DandelionKVM"]

    /// The bytes of a program of `programs`, or of the root when the path holds a slash. `config` is a clang config
    /// file of the SDK; without it the one for the source's language.
    static func image(_ source: String, flags: [String] = [], config: String? = nil) throws -> [UInt8] {
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("sdk-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: output) }
        try compile(source, flags: flags, config: config, to: output)
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: output)))
    }

    /// Compiles it to a file.
    static func compile(_ source: String, flags: [String] = [], config: String? = nil, to output: String) throws {
        let path = source.contains("/") ? "\(root)/\(source)" : "\(programs)/\(source)"
        let plus = path.hasSuffix(".cpp")
        let result = try run(
            [
                plus ? "clang++" : "clang", "--config=\(folder)/\(config ?? (plus ? "dandelion++" : "dandelion")).cfg",
                "-Wall", "-Wextra", "-Werror",
            ] + flags + [path, "-o", output])
        try #require(result.status == 0, "\(source): \(result.text)")
    }

    /// Runs a command to its end, in `folder` when one is named; `text` is what it wrote to both streams.
    static func run(_ command: [String], in folder: String? = nil) throws -> (status: Int32, text: String) {
        let process = Process()
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    /// One invocation of an image on a fresh engine of a backend.
    static func invoke(
        _ image: [UInt8], on backend: String, inputs: [GuestSet] = [], outputs: [String] = ["out", "stdio"],
        limit: UInt64 = 32 << 20
    ) throws -> Outcome {
        let plugin = try HarnessPlugin(file: HarnessPlugin.path(of: backend))
        let engine = try HarnessEngine(plugin)
        defer { engine.destroy() }
        return try engine.invoke(
            try plugin.load(image), inputs: inputs, outputs: outputs, limit: limit, deadline: 60_000_000_000)
    }
}

extension GuestItem {
    init(_ ident: String, key: UInt32 = 0, text: String) { self.init(ident, key: key, [UInt8](text.utf8)) }

    var text: String { String(decoding: data, as: UTF8.self) }
}

extension Outcome {
    func set(_ name: String) -> [GuestItem] { outputs.first { $0.name == name }?.items ?? [] }

    func item(_ set: String, _ ident: String) -> GuestItem? { self.set(set).first { $0.ident == ident } }

    /// What the program wrote to standard error, and how it ended, for a test's message.
    var story: String {
        "outcome \(outcome) \(detail), exit code \(exitCode), \(outputProblem ?? ""): "
            + (item("stdio", "stderr")?.text ?? "")
    }
}

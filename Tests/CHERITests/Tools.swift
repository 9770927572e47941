import Foundation
import Testing

/// Compilers, and files of this repository.
enum Tools {
    static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    static let shim = "\(root)/Plugins/CHERI/Shim"
    static let kit = "\(root)/Plugins/Kit/Shim"

    /// A fresh folder; the caller removes it.
    static func folder() throws -> String {
        let path = FileManager.default.temporaryDirectory.appending(path: "cheri-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    /// Runs a command to its end; `text` is what it wrote to both streams.
    static func run(_ command: [String]) throws -> (status: Int32, text: String) {
        let process = Process()
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

    /// As `run`, for what must succeed.
    @discardableResult
    static func must(_ command: [String]) throws -> String {
        let result = try run(command)
        try #require(result.status == 0, "\(command.joined(separator: " ")): \(result.text)")
        return result.text
    }

    /// The words of an assembly file's code.
    static func words(of source: String, target: String) throws -> [UInt32] {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let object = "\(folder)/words.o"
        try must(["clang", "--target=\(target)", "-I\(shim)", "-I\(shim)/include", "-c", source, "-o", object])
        try must(["llvm-objcopy", "-O", "binary", "-j", ".text", object, "\(folder)/words"])
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/words")))
        return stride(from: 0, to: bytes.count & ~3, by: 4).map { at in
            (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32($1 * 8) }
        }
    }
}

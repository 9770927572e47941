import Failure
import Foundation
import Items
import Testing

@testable import Registry

/// A process that registers and removes without pause is killed at a random moment, again and again.
@Suite(.serialized) struct StoreKillTests {
    /// The test program beside the test bundle.
    static let writer: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? own
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appending(path: "StoreWriter").path
    }()

    private static func start(_ folder: String, _ seed: Int) throws -> (Process, FileHandle) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: writer)
        process.arguments = [folder, "\(seed)"]
        process.standardOutput = pipe
        try process.run()
        return (process, pipe.fileHandleForReading)
    }

    /// All that a process says to its end; `kill` is called when it has said so many lines.
    private static func listen(to output: FileHandle, untilLine count: Int, kill: () -> Void) throws -> String {
        var said = Data()
        while said.count(where: { $0 == 10 }) < count {
            let more = output.availableData
            try #require(!more.isEmpty, "the process ended early")
            said += more
        }
        kill()
        said += try output.readToEnd() ?? Data()
        return String(decoding: said, as: UTF8.self)
    }

    @Test func nothingAcknowledgedIsLost() throws {
        let scratch = Scratch()
        var random = SplitMix(seed: 42)
        var live: Set<String> = []
        var changes = 0
        for round in 0..<40 {
            let (process, output) = try Self.start(scratch.path, round * 10_000)
            let said = try Self.listen(to: output, untilLine: Int.random(in: 1...16, using: &random)) {
                usleep(UInt32.random(in: 0...3_000, using: &random))
                kill(process.processIdentifier, SIGKILL)
            }
            process.waitUntilExit()
            var open: [String] = []
            for line in said.split(separator: "\n") {
                var words = line.split(separator: " ").map(String.init)
                let verb = words.removeFirst()
                try #require(verb == "begin" || verb == "done", "\(line)")
                open = verb == "begin" ? words.map { String($0.dropFirst()) } : []
                guard verb == "done" else { continue }
                changes += 1
                for word in words {
                    if word.hasPrefix("+") {
                        live.insert(String(word.dropFirst()))
                    } else {
                        live.remove(String(word.dropFirst()))
                    }
                }
            }
            live = try Self.check(scratch, live, open: open)
        }
        #expect(changes > 100)
    }

    /// Loads what the killed process left; only the change that was under way may be there or not, and that as a whole.
    private static func check(_ scratch: Scratch, _ live: Set<String>, open: [String]) throws -> Set<String> {
        let store = try Store(directory: scratch.path)
        let functions = store.functions()
        let names = Set(functions.map(\.definition.name) + store.compositions().map(\.name))
        let difference = names.symmetricDifference(live)
        #expect(difference.isEmpty || difference == Set(open))
        for function in functions {
            let number = try #require(Int(function.definition.name.dropFirst()))
            let image = try store.image(function.digest)
            #expect(image.array == [UInt8](repeating: UInt8(truncatingIfNeeded: number / 4), count: 5000 + number / 4))
            let item = try #require(function.definition.inputs.last?.bound?.first)
            #expect(item.ident.text == "item \(number)" && item.data.text == "data \(number)")
            #expect(item.key == UInt32(number))
        }
        #expect(store.compositions().allSatisfy { "text " + $0.name.dropFirst() == $0.text })
        #expect(scratch.names("temporary").isEmpty && scratch.names("damaged").isEmpty)
        let bound = functions.flatMap(\.boundContents).map { Store.digest(of: $0) }
        #expect(Set(scratch.names("contents")) == Set(functions.map(\.digest) + bound))
        return names
    }

    @Test func oneNodeAtATime() throws {
        let scratch = Scratch()
        let (process, output) = try Self.start(scratch.path, 0)
        #expect(!output.availableData.isEmpty)
        let error = #expect(throws: Failure.self) { _ = try Store(directory: scratch.path) }
        #expect(error?.detail == "state: \(scratch.path) is in use by another node")
        kill(process.processIdentifier, SIGKILL)
        _ = try output.readToEnd()
        process.waitUntilExit()
        _ = try Store(directory: scratch.path)
    }
}

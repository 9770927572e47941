import Failure
import Items
import PluginHost
import TestSupport
import Testing

/// A communication plugin's mistakes end requests, never the node.
@Suite struct LyingReactorTests {
    private func backend(_ name: String, flags: [String] = []) throws -> CommBackend {
        let library = try PluginLibrary(path: try ScriptedComm.compile(name, flags: flags))
        return try CommBackend(try library.start(label: name, configuration: .empty))
    }

    @Test(arguments: ["N", "O", "C"]) func outputsThatAreNotThereAreEmpty(letter: String) throws {
        let reactor = try CommReactor(backend: try backend("lying_\(letter)"), core: nil, maxInflight: 1)
        try reactor.submit(
            CommRequest(token: 7, protocol: 0, signature: 0, inputs: [Blob(letter)], deadline: 0, maxResponse: 0))
        var completions: [CommCompletion] = []
        try reactor.poll { completions.append($0) }
        #expect(completions.map(\.token) == [7])
        #expect(completions.flatMap(\.outputs).allSatisfy { $0.count == 0 })
        #expect(reactor.destroyIfUnused())
    }

    @Test func aReactorWithoutDescriptorIsRefused() throws {
        let backend = try backend("no_descriptor", flags: ["-DDESCRIPTOR=-1"])
        do {
            _ = try CommReactor(backend: backend, core: nil, maxInflight: 1)
            Issue.record("was taken")
        } catch {
            #expect(error.detail.contains("no_descriptor") && error.detail.contains("descriptor -1"))
        }
    }
}

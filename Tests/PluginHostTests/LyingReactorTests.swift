import Failure
import Items
import Memory
import PluginHost
import TestSupport
import Testing

/// A communication plugin's mistakes end requests, never the node.
@Suite struct LyingReactorTests {
    private func backend(_ name: String, flags: [String] = []) throws -> CommBackend {
        let library = try PluginLibrary(path: try ScriptedComm.compile(name, flags: flags))
        return try CommBackend(try library.start(label: name, configuration: .empty))
    }

    /// What becomes of a request that the plugin completes as ScriptedComm says of its letter.
    private func ending(_ letter: String, maxResponse: UInt64 = 0) throws -> (failure: Failure?, breach: String) {
        let reactor = try CommReactor(backend: try backend("lying_\(letter)"), core: nil, maxInflight: 1)
        try reactor.submit(
            CommRequest(
                token: 7, protocol: 0, signature: 0, inputs: [Blob(letter)], deadline: 0, maxResponse: maxResponse,
                account: MemoryBudget().own))
        var completions: [CommCompletion] = []
        try reactor.poll { completions.append($0) }
        #expect(completions.map(\.token) == [7])
        #expect(reactor.destroyIfUnused())
        return (completions.first?.failure, reactor.breach ?? "")
    }

    @Test(arguments: [
        ("N", "output 0 of 5 bytes, which are not all memory"), ("O", "2 outputs, its signature has 1"),
        ("0", "0 outputs, its signature has 1"), ("A", "outputs at an address that is no memory"),
        ("B", "output 0 of 8 bytes, which are not all memory"), ("G", "which are not all memory"),
        ("H", "output 0 of 1099511627776 bytes, which are not all memory"),
    ]) func outputsThatAreNotThereEndTheirRequest(letter: String, what: String) throws {
        let (failure, breach) = try ending(letter)
        #expect(failure?.kind == .internal)
        #expect(failure?.detail.contains(what) == true, "\(failure?.detail ?? "none")")
        #expect(breach.contains(what), "\(breach)")
    }

    @Test(arguments: ["H", "L"]) func noAnswerIsLargerThanAllowed(letter: String) throws {
        let (failure, _) = try ending(letter, maxResponse: 4096)
        #expect(failure?.kind == .upstream && failure?.facts.contains(.init("reason", "too-large")) == true)
    }

    /// What the other side said comes with the failure.
    @Test func theProtocolsStatusReachesTheCaller() throws {
        let (failure, breach) = try ending("S")
        #expect(breach == "")
        #expect(failure?.kind == .upstream)
        #expect(
            failure?.facts == [.init("reason", "protocol"), .init("protocolStatus", "503")], "\(failure?.facts ?? [])")
    }

    @Test(arguments: [
        ("C", "18446744073709551615 completions"), ("U", "token 99, which has no open request"),
        ("2", "token 7, which has no open request"),
    ])
    func completionsThatNobodyAskedForAreIgnored(letter: String, what: String) throws {
        let (failure, breach) = try ending(letter)
        #expect(failure == nil || letter == "C")
        #expect(breach.contains(what), "\(breach)")
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

import Dispatcher
import Engines
import Failure
import Foundation
import Items
import Memory
import PluginHost
import Registry
import Testing
import TestSupport

/// Registering, replacing and removing while requests are under way.
@Suite(.serialized) struct RegistrationTests {
    let node = TestNode.shared

    private func definition(_ name: String, inputs: [FunctionDefinition.Input] = [.init(name: "a"), .init(name: "b")])
        -> FunctionDefinition
    {
        FunctionDefinition(name: name, className: "default", inputs: inputs, outputs: ["x", "y"])
    }

    @discardableResult
    private func register(
        _ definition: FunctionDefinition, _ image: Blob, as place: VersionPlace = .free
    ) throws(Failure) -> Bool {
        try node.catalogue.standard.register(definition, image: image, account: node.account, as: place).hasReplaced
    }

    private func registered(_ name: String) throws -> RegisteredFunction {
        guard case .function(let function) = node.catalogue.standard.entry(named: name) else {
            throw Failure(.notFound, "\(name) is not there")
        }
        return function
    }

    /// Agrees to everything, and finds at the end that names which say so are somebody else's.
    private struct Witness: RegistrationWitness {
        struct Claim: RegistrationClaim {
            let isTaken: Bool

            func confirm() throws(Failure) { if isTaken { throw Failure(.conflict, "another node took it") } }
            func abandon() {}
            func waitForCopy() {}
        }

        func claim(_ changes: [SharedChange]) throws(Failure) -> any RegistrationClaim {
            Claim(isTaken: changes.contains { $0.name.hasPrefix("lost-at-the-end") })
        }
    }

    /// Of two that register a name at two nodes one is told that it lost, also when that is found at the end.
    @Test func whoLosesANameAtTheEndIsTold() throws {
        node.catalogue.agree(with: Witness())
        try register(definition("kept"), Blob("E: kept"))
        #expect {
            try register(definition("lost-at-the-end"), Blob("E: lost"))
        } throws: {
            ($0 as? Failure)?.kind == .conflict
        }
        try node.catalogue.standard.removeFunction("kept")
    }

    /// A request that has begun on a function that is removed or replaced then reads its image all the same.
    @Test(arguments: [true, false]) func whatHasBegunEndsOnWhatItBeganOn(replaced: Bool) throws {
        try register(definition("gone"), Blob("E: of this test, \(replaced)"))
        let compute = try registered("gone").compute(in: nil)
        if replaced {
            try register(definition("gone"), Blob("E: another"), as: .newest)
        }
        try node.catalogue.standard.removeFunction("gone")
        for fresh in [true, false, true] { #expect(throws: Never.self) { _ = try compute.image(fresh, node.account) } }
    }

    /// Clients that run it meanwhile get its outputs, or hear that it is not there.
    @Test func removingIsNoFaultOfTheNode() throws {
        let stop = Date(timeIntervalSinceNow: 1.5)
        let changes = Foundation.Thread {
            while Date() < stop {
                _ = try? register(definition("flicker"), Blob("E: flickers"))
                usleep(1000)
                try? node.catalogue.standard.removeFunction("flicker")
            }
        }
        changes.start()
        var kinds: Set<String> = []
        while Date() < stop {
            let outcome = node.invoke(.name("flicker"), [["1"]], fresh: true)
            kinds.insert(outcome.failure.map { "\($0.kind)" } ?? "served")
        }
        usleep(200_000)
        try? node.catalogue.standard.removeFunction("flicker")
        #expect(kinds.isSubset(of: ["served", "notFound"]), "\(kinds)")
        #expect(kinds.contains("served"))
    }

    /// No request fails while a function is replaced again and again.
    @Test func replacingIsSeenByNobody() throws {
        try register(definition("steady"), Blob("E: 0"))
        defer { try? node.catalogue.standard.removeFunction("steady") }
        let stop = Date(timeIntervalSinceNow: 1.5)
        let changes = Foundation.Thread {
            for number in 1... where Date() < stop {
                _ = try? register(definition("steady"), Blob("E: \(number)"), as: .newest)
                usleep(500)
            }
        }
        changes.start()
        var served = 0
        while Date() < stop {
            let outcome = node.invoke(.name("steady"), [["1"]], fresh: served % 2 == 0)
            try #require(outcome.failure == nil, "\(outcome.failure?.detail ?? "")")
            served += 1
        }
        usleep(100_000)
        #expect(served > 100)
    }

    @Test func whatCompositionsCallKeepsItsSets() throws {
        try register(definition("callee"), Blob("E: callee"))
        let names = try node.catalogue.standard.register(
            compositions: """
                function callee(a, b) => (x, y);
                composition Caller(p) => (q) { callee(a = all p) => (q = x); }
                """, account: node.account)
        defer {
            for made in names { try? node.catalogue.standard.removeComposition(made.name) }
            try? node.catalogue.standard.removeFunction("callee")
        }
        let other = definition("callee", inputs: [.init(name: "other")])
        let failure = #expect(throws: Failure.self) {
            try register(other, Blob("E"), as: .newest)
        }
        #expect(failure?.kind == .conflict && failure?.detail.contains("Caller") == true, "\(failure?.detail ?? "")")
        #expect(try register(definition("callee"), Blob("K"), as: .newest))
        #expect(node.invoke(.name("Caller"), [["1"]]).texts == [["1"]])
    }

    @Test func aTakenNameComesWithAHint() throws {
        try register(definition("taken"), Blob("E: taken"))
        defer { try? node.catalogue.standard.removeFunction("taken") }
        var other = definition("taken")
        other.className = "last"
        let failure = #expect(throws: Failure.self) { try register(other, Blob("E: taken")) }
        #expect(failure?.kind == .conflict)
        for word in ["class 'default'", "replace=true", "class="] {
            #expect(failure?.detail.contains(word) == true, "\(failure?.detail ?? "")")
        }
    }

    /// A plugin that is reloaded must load what is registered, and nothing else.
    @Test func imagesOfNobodyDoNotHoldAReloadUp() throws {
        try register(definition("old"), Blob("E: old"))
        let compute = try registered("old").compute(in: nil)
        _ = try compute.image(false, node.account)
        try node.catalogue.standard.removeFunction("old")
        // A request that began before.
        _ = try compute.image(true, node.account)
        // One that was refused after its image was loaded.
        #expect(throws: Failure.self) {
            try register(definition("E"), Blob("E: refused"))
        }
        let library = try PluginLibrary(path: try ScriptedBackend.compile(as: "scripted-next"))
        let next = try ComputeBackend(try library.start(label: "next", configuration: .empty))
        #expect(throws: Never.self) { try node.catalogue.loadImages(of: node.backend, on: next) }
        node.catalogue.forgetImages(of: next)
    }

    @Test func itemsForABoundInputAreRefused() throws {
        let bound = [Item(ident: Blob("i"), data: Blob("bound"))]
        let inputs = [FunctionDefinition.Input(name: "a", bound: bound), FunctionDefinition.Input(name: "b")]
        try register(definition("bound", inputs: inputs), Blob("E: bound"))
        defer { try? node.catalogue.standard.removeFunction("bound") }
        #expect(node.invoke(.name("bound"), [[], ["mine"]]).texts == [["bound"], ["mine"]])
        let failure = node.invoke(.name("bound"), [["again"], ["mine"]]).failure
        #expect(failure?.kind == .invalid && failure?.detail.contains("'a'") == true, "\(failure?.detail ?? "")")
    }

    /// Neither an image that is larger than its limit nor a limit that is larger than the node.
    @Test func whatCouldNeverRunIsRefused() throws {
        var small = definition("small")
        small.memoryLimit = 0x10000
        let image = #expect(throws: Failure.self) { try register(small, Blob("E: small")) }
        #expect(image?.kind == .tooLarge, "\(image?.detail ?? "")")
        #expect(node.catalogue.standard.entry(named: "small") == nil)

        let folder = PluginFixture.directory.appendingPathComponent("little").path
        let budget = MemoryBudget(limit: 1 << 23)
        #expect(budget.mostForRun < 1 << 23)
        let runClass = RunClass(
            name: "default", slots: [BackendSlot(node.backend)], memoryLimit: 1 << 24, timeout: 300_000_000,
            mayRunInline: true, unavailable: [])
        let little = Catalogue(
            store: try Store(directory: folder, memory: budget), classes: [runClass],
            communications: [], imageCache: 1 << 20, cores: 2)

        let limit = #expect(throws: Failure.self) {
            try little.standard.register(definition("f"), image: Blob("E"), account: budget.own)
        }
        #expect(limit?.kind == .memory && limit?.detail.contains("memory_limit") == true, "\(limit?.detail ?? "")")
        var fitting = definition("f")
        fitting.memoryLimit = UInt64(budget.mostForRun)
        #expect(throws: Never.self) { try little.standard.register(fitting, image: Blob("E"), account: budget.own) }
    }
}

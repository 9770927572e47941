import Dispatcher
import Engines
import Failure
import Foundation
import Items
import PluginHost
import Registry
import TestSupport
import Testing

/// What one request may use, and that no request keeps the loop for long.
@Suite(.serialized) struct LimitTests {
    let node = TestNode.shared

    private static let declarations = "function E(a, b) => (x, y); function K(a, b) => (x, y);\n"

    private func dispatcher(sandboxes: Int = 1_000_000, time: UInt64 = 0) -> Dispatcher {
        Dispatcher(catalogue: node.catalogue, limits: .init(time: time, sandboxes: sandboxes, requests: 10))
    }

    private struct Watched {
        var outcome: InvocationOutcome
        /// Nanoseconds for which the loop took no turn.
        var longestTurn: UInt64
    }

    /// Turns a timer over and over on the loop while the request runs.
    private final class Watch {
        var longest: UInt64 = 0
        var isOver = false
        private var last = TestNode.now()

        func turn(_ loop: EventLoop) {
            let now = TestNode.now()
            longest = max(longest, now - last)
            last = now
            if !isOver { loop.schedule(at: now) { self.turn(loop) } }
        }
    }

    private func invoke(
        _ text: String, _ items: [Item], by dispatcher: Dispatcher, target: String? = nil
    ) throws -> Watched {
        let graph = try target == nil ? node.catalogue.standard.compileOnce(Self.declarations + text) : nil
        let done = DispatchSemaphore(value: 0)
        nonisolated(unsafe) let watch = Watch()
        nonisolated(unsafe) var outcome: InvocationOutcome?
        let worker = node.pool.workers[0]
        let inputs = [ItemSet(name: Blob("p"), items: items)]
        worker.loop.post {
            watch.turn(worker.loop)
            dispatcher.invoke(
                InvocationRequest(target: graph.map { .composition($0) } ?? .name(target ?? ""), inputs: inputs),
                on: worker
            ) {
                outcome = $0
                watch.isOver = true
                done.signal()
            }
        }
        try #require(done.wait(timeout: .now() + 60) == .success)
        return Watched(outcome: try #require(outcome), longestTurn: watch.longest)
    }

    private static func items(_ count: Int, keys: UInt32 = 1 << 30) -> [Item] {
        (0..<count).map {
            Item(ident: .empty, key: UInt32(truncatingIfNeeded: $0 &* 2_654_435_761) % keys, data: .empty)
        }
    }

    @Test func sandboxesAreCounted() throws {
        let text = "composition C(p) => (q) { E(a = each p) => (m = x); E(a = each m) => (q = x); }"
        let exact = try invoke(text, Self.items(50), by: dispatcher(sandboxes: 100))
        #expect(exact.outcome.timeline.sandboxes == 100)
        let failure = try invoke(text, Self.items(50), by: dispatcher(sandboxes: 99)).outcome.failure
        #expect(failure?.kind == .limit)
        #expect(failure?.facts.contains(.init("bound", "max_sandboxes")) == true)
        let detail = try #require(failure?.detail)
        #expect(detail.contains("needs 100 sandboxes; one may have 99 (max_sandboxes)"))
        #expect(detail.contains("[in composition 'C', line 2, call of 'E']"))
    }

    /// Half a million calls are within the bound of a text; what it does is bounded by what it is given.
    @Test func towersEnd() throws {
        var dispatcher = dispatcher(sandboxes: 20_000)
        let text = (1...18).map { level in
            let inner = level == 1 ? "" : "T\(level - 1)(p = each p) => (a = q); T\(level - 1)(p = each p) => (b = q);"
            return "composition T\(level)(p) => (q) { \(inner) E(a = all p) => (q = x); }"
        }.joined(separator: "\n")
        let names = try node.catalogue.standard.register(compositions: Self.declarations + text, account: node.account)
        defer { for made in names.reversed() { try? node.catalogue.standard.removeComposition(made.name) } }
        let failure = try invoke("", Self.items(1), by: dispatcher, target: "T18").outcome.failure
        #expect(failure?.kind == .limit && failure?.detail.contains("max_sandboxes") == true, "\(failure as Any)")
        dispatcher = self.dispatcher(time: 100_000_000)
        let late = try invoke("", Self.items(1), by: dispatcher, target: "T18").outcome
        #expect(late.failure?.kind == .deadline && late.failure?.detail.contains("default_timeout") == true)
        #expect(late.timeline.total < 5_000_000_000)
    }

    @Test func towersOfCallsAreRefusedWhenRegistered() throws {
        let tower = (1...59).map { level in
            let call = level == 1 ? "E(a = all p) => " : "B\(level - 1)(p = all p) => "
            let output = level == 1 ? "x" : "q"
            return "composition B\(level)(p) => (q) { \(call)(q = \(output)); \(call)(r = \(output)); }"
        }
        do throws(Failure) {
            _ = try node.catalogue.standard.register(
                compositions: Self.declarations + tower.joined(separator: "\n"), account: node.account)
            Issue.record("2^60 calls were admitted")
        } catch {
            #expect(error.kind == .invalid && error.detail.contains("1000000 are admitted"), "\(error.detail)")
        }
    }

    @Test func outgoingRequestsAreCounted() throws {
        let library = try PluginLibrary(path: try ScriptedComm.compile("counted"))
        let backend = try CommBackend(try library.start(label: "counted", configuration: .empty))
        let function = CommFunction(
            name: "Ask", backend: backend, protocolIndex: 0, timeout: 5_000_000_000, maxResponse: 1 << 20)
        let folder = PluginFixture.directory.appendingPathComponent("state-counted").path
        let catalogue = Catalogue(
            store: try Store(directory: folder), classes: [], communications: [function], imageCache: 0, cores: 1)
        let dispatcher = Dispatcher(catalogue: catalogue, limits: .init(requests: 1))
        let asked = Item(ident: .empty, data: Blob("Y"))
        let within = try invoke("", [asked], by: dispatcher, target: "Ask").outcome
        #expect(within.failure == nil, "\(within.failure as Any)")
        let failure = try invoke("", Array(repeating: asked, count: 20_000), by: dispatcher, target: "Ask").outcome
            .failure
        #expect(failure?.kind == .limit)
        #expect(failure?.detail.contains("needs 20000 requests of communication functions") == true)
        #expect(failure?.detail.contains("'Ask'") == true)
    }

    /// Large sets are taken apart, put together, picked and dropped elsewhere.
    @Test(arguments: [
        "E(a = keyed p) => (q = x);",
        "E(a = keyed p, b = keyed p) => (q = x) by a full b;",
        "E(a = each p, b = each p) => (q = x) by a cross b;",
        "E(a = anyEach p) => (q = x);", "E(a = anyKeyed p) => (q = x);",
        "E(a = all p) => (m = x); K(a = all m) => (n = x); E(a = keyed n) => (q = x);",
    ])
    func largeSetsLeaveTheLoopFree(_ calls: String) throws {
        let result = try invoke(
            "composition C(p) => (q) { \(calls) }", Self.items(150_000, keys: 50), by: dispatcher(sandboxes: 100_000))
        // Some of these do not fit into a sandbox of the test's function, or are too many.
        if let failure = result.outcome.failure {
            #expect([.memory, .tooLarge, .functionFault, .limit].contains(failure.kind), "\(failure)")
        }
        // In a debug build, on a busy machine; grouping as many items on the loop takes a fifth of a second
        // there.
        #expect(result.longestTurn < 150_000_000, "\(calls): \(result.longestTurn / 1000) us")
    }

    /// Short steps without end give way.
    @Test func longRowsOfStepsLeaveTheLoopFree() throws {
        let chain = (0..<25_000).map { "E(a = each s\($0)) => (s\($0 + 1) = x);" }.joined(separator: "\n")
        let result = try invoke("composition C(s0) => (s25000) { \(chain) }", [], by: dispatcher())
        #expect(result.outcome.failure == nil)
        #expect(result.longestTurn < 150_000_000, "\(result.longestTurn / 1000) us")
    }
}

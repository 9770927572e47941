import Dispatcher
import Engines
import Failure
import Foundation
import Items
import Memory
import Platform
import PluginHost
import Registry
import Telemetry
import TestSupport

/// A node without a front end, on the scripted backend; one for all tests, as a process has one.
final class TestNode: Sendable {
    static let shared = TestNode()

    let pool: WorkerPool
    let catalogue: Catalogue
    let dispatcher: Dispatcher
    /// Of nobody in particular.
    var account: MemoryAccount { pool.budget.own }
    let backend: ComputeBackend

    private init() {
        do {
            Log.setLevel(.critical)
            let library = try PluginLibrary(path: try ScriptedBackend.compile())
            backend = try ComputeBackend(try library.start(label: "scripted", configuration: .empty))
            let directory = PluginFixture.directory.appendingPathComponent("state").path
            pool = try WorkerPool(cores: Array(Platform.Thread.allowedCores().prefix(2)))
            let runClass = RunClass(
                name: "default", slots: [BackendSlot(backend)], memoryLimit: 1 << 24, timeout: 300_000_000,
                mayRunInline: true,
                unavailable: [])
            let lastCore = RunClass(
                name: "last", slots: [BackendSlot(backend)], memoryLimit: 1 << 24, timeout: 300_000_000,
                mayRunInline: true,
                cores: [pool.workers.last?.core ?? 0], unavailable: [])
            catalogue = Catalogue(
                store: try Store(directory: directory), classes: [runClass, lastCore], communications: [],
                imageCache: 1 << 20,
                cores: 2)
            dispatcher = Dispatcher(catalogue: catalogue)
            try pool.start(preparing: [backend])
            for letter in ["E", "S", "L", "F", "D", "X", "K", "Z"] {
                try catalogue.standard.register(
                    FunctionDefinition(
                        name: letter, className: "default", inputs: [.init(name: "a"), .init(name: "b")],
                        outputs: ["x", "y"]),
                    image: Blob(letter), account: pool.budget.own)
            }
        } catch {
            fatalError("test node: \(error)")
        }
    }

    /// Runs a request on a worker's loop and waits for its outcome.
    func invoke(
        _ target: InvocationRequest.Target, _ inputs: [[String]], deadline: UInt64 = 0, worker: Int = 0,
        cancelAfter: Double? = nil, className: String? = nil, fresh: Bool = false
    ) -> InvocationOutcome {
        let done = DispatchSemaphore(value: 0)
        nonisolated(unsafe) var outcome: InvocationOutcome?
        let sets = inputs.enumerated().map { index, items in
            ItemSet(
                name: Blob("in\(index)"),
                items: items.enumerated().map { Item(ident: Blob("i\($0)"), data: Blob($1)) })
        }
        let worker = pool.workers[worker % pool.workers.count]
        worker.loop.post {
            let handle = self.dispatcher.invoke(
                InvocationRequest(
                    target: target, inputs: sets, fresh: fresh, deadline: deadline, className: className), on: worker
            ) {
                outcome = $0
                done.signal()
            }
            if let cancelAfter {
                worker.loop.schedule(at: Self.now() + UInt64(cancelAfter * 1e9)) { handle.cancel() }
            }
        }
        guard done.wait(timeout: .now() + 20) == .success, let outcome else {
            return InvocationOutcome(
                result: .failure(Failure(.internal, "no outcome within 20 s")), exitCode: 0, timeline: .init())
        }
        return outcome
    }

    /// Runs that functions have begun so far.
    var runs: Int { Metrics.shared.value("dandelion_plugin_scripted_runs") ?? -1 }

    static func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

    /// Contexts that exist at this moment; waits a little for those that are on their way out.
    func contexts() -> Int {
        for _ in 0..<200 {
            let count = Metrics.shared.value("dandelion_plugin_scripted_contexts") ?? -1
            if count == 0 { return 0 }
            usleep(5000)
        }
        return Metrics.shared.value("dandelion_plugin_scripted_contexts") ?? -1
    }
}

extension InvocationOutcome {
    /// The data of every item, by output.
    var texts: [[String]] {
        guard case .success(let outputs) = result else { return [] }
        return outputs.sets.map { $0.items.map(\.data.text) }
    }

    var failure: Failure? {
        guard case .failure(let failure) = result else { return nil }
        return failure
    }
}

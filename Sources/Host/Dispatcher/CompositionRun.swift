internal import Values
internal import Composition
internal import Engines
internal import Failure
internal import Items
internal import Memory
internal import Registry

/// One run of a composition: starts each call when its input sets are there, until the outputs are.
///
/// Calls under way hold it; it ends with the last of them, or is dropped with the invocation.
final class CompositionRun {
    private let graph: CompositionGraph
    private let callees: [Callee]
    private unowned let invocation: Invocation
    /// Compositions around this one.
    private let depth: Int
    /// Of this run in the invocation; nil = nobody asks for it.
    private let place: String?
    /// Each level of nesting takes some of the worker's stack.
    private static let deepest = 256
    private let done: (Result<[ItemSet], Failure>) -> Void
    private var sets: [ItemSet?]
    /// By set: parameters that have not taken it, and one more if it is an output.
    private var uses: [Int]
    /// By call: how many of its input sets are missing.
    private var missing: [Int]
    private var unfinished: Int
    private var hasEnded = false
    /// Calls whose input sets are all there.
    private var ready: [Int]
    /// Of `ready`, the next to begin.
    private var nextReady = 0
    private var isBeginning = false
    /// Of a composition that is large itself, so that a tower of them takes no memory uncounted.
    private let hold: MemoryHold?

    init(
        _ graph: CompositionGraph, of space: Space, inputs: [ItemSet], in invocation: Invocation, depth: Int = 0,
        at place: String?,
        done: @escaping (Result<[ItemSet], Failure>) -> Void
    ) throws(Failure) {
        guard depth < Self.deepest else {
            throw Failure(
                .tooLarge, "composition '\(graph.name)' is nested in \(depth) others, \(Self.deepest - 1) are admitted",
                [.init("composition", graph.name)])
        }
        self.graph = graph
        self.depth = depth
        self.place = place
        self.invocation = invocation
        self.done = done
        hold = try Self.hold(for: graph, on: invocation.tenant.memory)
        callees = try space.resolve(graph)
        sets = Array(repeating: nil, count: graph.setCount)
        uses = Array(repeating: 0, count: graph.setCount)
        for call in graph.calls { for case let binding? in call.inputs { uses[binding.set] += 1 } }
        for set in graph.outputSets { uses[set] += 1 }
        missing = graph.calls.map(\.waits)
        unfinished = graph.calls.count
        ready = graph.calls.indices.filter { graph.calls[$0].waits == 0 }
        for (parameter, set) in graph.inputSets.enumerated() {
            sets[set] =
                parameter < inputs.count ? inputs[parameter] : ItemSet(name: Blob(graph.inputNames[parameter]))
        }
    }

    deinit {
        for case let set? in sets { LongWork.drop(set.items) }
    }

    private static func hold(
        for graph: CompositionGraph, on account: MemoryAccount
    ) throws(Failure) -> MemoryHold? {
        let bytes = graph.setCount * 64 + graph.calls.count * 32
        return bytes < 64 << 10 ? nil : try MemoryHold(bytes, account, .decoded)
    }

    func start() {
        for set in graph.inputSets { announce(set) }
        beginReady()
    }

    /// Not by recursion: a call that need not run ends at once, and a chain of those is as long as its author likes. Nor at
    /// once, so that others get the loop.
    private func beginReady() {
        guard !isBeginning else { return }
        isBeginning = true
        defer { isBeginning = false }
        var slice = Slice()
        while nextReady < ready.count, !hasEnded, !invocation.isFinished {
            guard nextReady == 0 || !slice.isOver() else { return invocation.later { self.beginReady() } }
            nextReady += 1
            begin(ready[nextReady - 1])
        }
        ready.removeAll()
        nextReady = 0
        finishIfDone()
    }

    private func announce(_ set: Int) {
        for call in graph.consumers[set] {
            missing[call] -= 1
            if missing[call] == 0 { ready.append(call) }
        }
    }

    private struct View: SetView {
        let items: [Item]
        var count: Int { items.count }
        func key(at index: Int) -> UInt32 { items[index].key }
        func size(at index: Int) -> Int { items[index].data.count }
    }

    private func set(_ index: Int) -> ItemSet { sets[index] ?? ItemSet(name: .empty) }

    private func begin(_ index: Int) {
        let call = graph.calls[index]
        let policy = invocation.catalogue.partitionPolicy(for: callees[call.target])
        let view = { parameter in View(items: call.inputs[parameter].map { self.set($0.set).items } ?? []) }
        let items = call.dimensions.reduce(0) { $0 + $1.parameters.reduce(0) { $0 + view($1).count } }
        do throws(Failure) {
            guard items > LongWork.manyItems else {
                return try begin(call, index, try call.instances(policy: policy, view: view), splitting: items)
            }
            let views = call.inputs.indices.map(view)
            // Groups of a set, and their order while it is made.
            let hold = try MemoryHold(items * 48, invocation.tenant.memory, .decoded)
            invocation.away {
                Result { () throws(Failure) in try call.instances(policy: policy) { views[$0] } }
            } then: { instances in
                do throws(Failure) {
                    defer { withExtendedLifetime(hold) {} }
                    try self.begin(call, index, try instances.get(), splitting: items)
                } catch {
                    self.fail(error, in: call)
                }
            }
        } catch {
            fail(error, in: call)
        }
    }

    /// Runs the call's instances. Taking large sets apart counts as some of them.
    private func begin(
        _ call: Call, _ index: Int, _ instances: Instances, splitting items: Int
    ) throws(Failure) {
        try invocation.take(sandboxes: max(instances.count, 1 + items / LongWork.manyItems))
        let isUsed = call.outputs.map { output in output.map { uses[$0] > 0 } ?? false }
        let gathered = GatheredSets(isUsed: isUsed, instances: instances.count)
        guard instances.count > 0 else {
            release(call)
            return finish(index, gathered)
        }
        let here = place.map { "\($0)/\(index)" }
        invocation.start(callees[call.target], count: instances.count, depth: depth + 1, at: here) { instance in
            let inputs = self.inputs(of: call, instances, instance)
            if instance == instances.count - 1 { self.release(call) }
            return inputs
        } done: { instance, result in
            switch result {
            case .failure(let failure): self.fail(failure, in: call)
            case .success(let sets):
                if gathered.add(sets, from: instance) { self.finish(index, gathered) }
            }
        }
    }

    /// The last instance of the call has its inputs: what no other call awaits goes with its consumers.
    private func release(_ call: Call) {
        for case let binding? in call.inputs {
            uses[binding.set] -= 1
            guard uses[binding.set] == 0, let set = sets[binding.set] else { continue }
            sets[binding.set] = nil
            LongWork.drop(set.items)
        }
    }

    private func inputs(of call: Call, _ instances: Instances, _ instance: Int) -> Invocation.InstanceInputs {
        var count = 0
        for dimension in call.dimensions {
            for parameter in dimension.parameters {
                guard case .items(let indices) = instances.selection(instance: instance, parameter: parameter) else {
                    continue
                }
                count += indices.count
            }
        }
        func whole(_ parameter: Int) -> ItemSet {
            call.inputs[parameter].map { set($0.set) } ?? ItemSet(name: .empty)
        }
        guard count > LongWork.manyItems else {
            return .ready(
                call.inputs.indices.map {
                    Self.pick(instances.selection(instance: instance, parameter: $0), of: whole($0))
                })
        }
        let wholes = call.inputs.indices.map(whole)
        return .many {
            wholes.indices.map { Self.pick(instances.selection(instance: instance, parameter: $0), of: wholes[$0]) }
        }
    }

    private static func pick(_ selection: Selection, of whole: ItemSet) -> ItemSet {
        switch selection {
        case .whole: whole
        case .nothing: ItemSet(name: whole.name)
        case .items(let indices): ItemSet(name: whole.name, items: indices.map { whole.items[Int($0)] })
        }
    }

    private func finish(_ index: Int, _ gathered: GatheredSets) {
        guard gathered.itemCount > LongWork.manyItems else { return finish(index, gathered.merging()) }
        invocation.away(gathered.merging) { self.finish(index, $0) }
    }

    private func finish(_ index: Int, _ outputs: [ItemSet]) {
        unfinished -= 1
        for (output, set) in graph.calls[index].outputs.enumerated() {
            guard let set else { continue }
            if uses[set] > 0 { sets[set] = outputs[output] }
            announce(set)
        }
        beginReady()
    }

    private func finishIfDone() {
        guard unfinished == 0, !hasEnded, !invocation.isFinished else { return }
        hasEnded = true
        done(.success(graph.outputSets.map { set($0) }))
    }

    private func fail(_ failure: Failure, in call: Call) {
        guard !hasEnded else { return }
        hasEnded = true
        var failure = failure
        let name = graph.targets[call.target].name
        if !failure.facts.contains(where: { $0.name == "composition" }) {
            failure.detail += " [in composition '\(graph.name)', line \(call.position.line), call of '\(name)']"
            failure.facts.append(.init("composition", graph.name))
        }
        done(.failure(failure))
    }
}

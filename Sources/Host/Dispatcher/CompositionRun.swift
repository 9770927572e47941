internal import Composition
internal import Failure
internal import Items
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
    private var isBeginning = false

    init(
        _ graph: CompositionGraph, inputs: [ItemSet], in invocation: Invocation, depth: Int = 0,
        done: @escaping (Result<[ItemSet], Failure>) -> Void
    ) throws(Failure) {
        guard depth < Self.deepest else {
            throw Failure(
                .tooLarge, "composition '\(graph.name)' is nested in \(depth) others, \(Self.deepest - 1) are admitted",
                [.init("composition", graph.name)])
        }
        self.graph = graph
        self.depth = depth
        self.invocation = invocation
        self.done = done
        callees = try invocation.catalogue.resolve(graph)
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

    func start() {
        for set in graph.inputSets { announce(set) }
        beginReady()
    }

    /// Not by recursion: a call that need not run ends at once, and a chain of those is as long as its author likes.
    private func beginReady() {
        guard !isBeginning else { return }
        isBeginning = true
        var next = 0
        while next < ready.count, !hasEnded, !invocation.isFinished {
            begin(ready[next])
            next += 1
        }
        ready.removeAll()
        isBeginning = false
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
        let callee = callees[call.target]
        do {
            let instances = try call.instances(policy: invocation.catalogue.partitionPolicy(for: callee)) { parameter in
                View(items: call.inputs[parameter].map { set($0.set).items } ?? [])
            }
            let gathered = GatheredSets(outputs: call.outputs.count, instances: instances.count)
            guard instances.count > 0 else {
                release(call)
                return finish(index, gathered)
            }
            invocation.start(callee, count: instances.count, depth: depth + 1) { instance in
                let inputs = call.inputs.indices.map { parameter in
                    self.input(call.inputs[parameter], instances.selection(instance: instance, parameter: parameter))
                }
                if instance == instances.count - 1 { self.release(call) }
                return inputs
            } done: { instance, result in
                switch result {
                case .failure(let failure): self.fail(failure, in: call)
                case .success(let sets):
                    if gathered.add(sets, from: instance) { self.finish(index, gathered) }
                }
            }
        } catch {
            fail(error, in: call)
        }
    }

    /// The last instance of the call has its inputs: what no other call awaits goes with its consumers.
    private func release(_ call: Call) {
        for case let binding? in call.inputs {
            uses[binding.set] -= 1
            if uses[binding.set] == 0 { sets[binding.set] = nil }
        }
    }

    private func input(_ binding: Binding?, _ selection: Selection) -> ItemSet {
        guard let binding else { return ItemSet(name: .empty) }
        let whole = set(binding.set)
        switch selection {
        case .whole: return whole
        case .nothing: return ItemSet(name: whole.name)
        case .items(let indices): return ItemSet(name: whole.name, items: indices.map { whole.items[Int($0)] })
        }
    }

    private func finish(_ index: Int, _ gathered: GatheredSets) {
        unfinished -= 1
        for (output, set) in graph.calls[index].outputs.enumerated() {
            guard let set else { continue }
            if uses[set] > 0 { sets[set] = gathered.set(output) }
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

/// Collects what the instances of one call leave.
private final class GatheredSets {
    /// By output, then by instance.
    private var parts: [[ItemSet?]]
    private var missing: Int

    init(outputs: Int, instances: Int) {
        parts = Array(repeating: Array(repeating: nil, count: instances), count: outputs)
        missing = instances
    }

    /// True when this was the last instance.
    func add(_ sets: [ItemSet], from instance: Int) -> Bool {
        for output in parts.indices where output < sets.count { parts[output][instance] = sets[output] }
        missing -= 1
        return missing == 0
    }

    /// The items of all instances, one after another, then by key.
    func set(_ output: Int) -> ItemSet {
        let given = parts[output].compactMap { $0 }
        guard let first = given.first else { return ItemSet(name: .empty) }
        let items = given.count == 1 ? first.items : given.flatMap(\.items)
        guard let order = keyOrder(count: items.count, key: { items[$0].key }) else {
            return ItemSet(name: first.name, items: items)
        }
        return ItemSet(name: first.name, items: order.map { items[Int($0)] })
    }
}

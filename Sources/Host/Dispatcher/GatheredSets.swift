internal import Composition
internal import Items

/// Collects what the instances of one call leave. Only what is used and not empty is kept.
final class GatheredSets {
    /// Of one output: what instances left, in the order in which they ended.
    private struct Output: Sendable {
        let isUsed: Bool
        var name: Blob?
        var firstInstance = Int.max
        var parts: [(instance: Int, items: [Item])] = []
    }

    private var outputs: [Output]
    private var missing: Int
    /// In all outputs.
    private(set) var itemCount = 0

    /// - Parameter isUsed: By output.
    init(isUsed: [Bool], instances: Int) {
        outputs = isUsed.map { Output(isUsed: $0) }
        missing = instances
    }

    /// True when this was the last instance.
    func add(_ sets: [ItemSet], from instance: Int) -> Bool {
        for output in outputs.indices where output < sets.count && outputs[output].isUsed {
            let set = sets[output]
            // The set is named as the first instance named it.
            if instance < outputs[output].firstInstance {
                outputs[output].firstInstance = instance
                outputs[output].name = set.name
            }
            guard !set.items.isEmpty else { continue }
            outputs[output].parts.append((instance, set.items))
            itemCount += set.items.count
        }
        missing -= 1
        return missing == 0
    }

    /// Puts the sets together, one for each output; many items take long.
    var merging: @Sendable () -> [ItemSet] {
        let outputs = outputs
        return { outputs.map(Self.merge) }
    }

    /// The items of all instances, one after another, then by key.
    private static func merge(_ output: Output) -> ItemSet {
        let parts = output.parts.sorted { $0.instance < $1.instance }
        let name = output.name ?? .empty
        let items = parts.count == 1 ? parts[0].items : parts.flatMap(\.items)
        guard let order = keyOrder(count: items.count, key: { items[$0].key }) else {
            return ItemSet(name: name, items: items)
        }
        return ItemSet(name: name, items: order.map { items[Int($0)] })
    }
}

@testable import Composition
import Values

struct TestSet: SetView {
    var items: [(key: UInt32, size: Int)]
    var count: Int { items.count }
    func key(at index: Int) -> UInt32 { items[index].key }
    func size(at index: Int) -> Int { items[index].size }

    init(_ items: [(key: UInt32, size: Int)]) { self.items = items }
    init(keys: [UInt32]) { items = keys.map { ($0, 1) } }
}

/// One instance, written out: item indices by parameter.
typealias Row = [[Int]]

extension Instances {
    /// Every instance written out.
    func rows(_ sets: [TestSet?]) -> [Row] {
        (0..<count).map { instance in
            sets.indices.map { parameter in
                switch selection(instance: instance, parameter: parameter) {
                case .nothing: []
                case .whole: Array(0..<(sets[parameter]?.count ?? 0))
                case .items(let items): items.map { Int($0) }
                }
            }
        }
    }
}

/// The semantics of the language as plain nested loops over relations, without any `any`: slow and obvious.
enum RelationalModel {
    static func rows(_ call: Call, _ sets: [TestSet?]) -> [Row] {
        for (binding, set) in zip(call.inputs, sets) {
            if let binding, !binding.optional, set?.count == 0 { return [] }
        }
        let whole = zip(call.inputs, sets).map { binding, set in
            binding?.sharding == .all ? Array(0..<(set?.count ?? 0)) : []
        }
        var rows: [Row] = [whole]
        for dimension in call.dimensions {
            let relation = relation(dimension, call, sets)
            rows = rows.flatMap { row in
                relation.map { part in
                    var row = row
                    for (parameter, items) in zip(dimension.parameters, part) { row[parameter] = items }
                    return row
                }
            }
        }
        return rows
    }

    private static func relation(_ dimension: Dimension, _ call: Call, _ sets: [TestSet?]) -> [[[Int]]] {
        let tables = dimension.parameters.map { table(sets[$0]?.items.map(\.key) ?? [], call.inputs[$0]?.sharding) }
        if tables.allSatisfy(\.isEmpty) { return [tables.map { _ in [] }] }
        var result = tables[0].map { (key: $0.key, parts: [$0.items]) }
        for (index, kind) in dimension.joins.enumerated() {
            let right = tables[index + 1]
            var joined: [(key: UInt32, parts: [[Int]])] = []
            for l in result {
                let matches = right.filter { $0.key == l.key }
                joined += matches.map { (l.key, l.parts + [$0.items]) }
                if matches.isEmpty, kind == .left || kind == .full { joined.append((l.key, l.parts + [[]])) }
            }
            if kind == .right || kind == .full {
                for r in right where !result.contains(where: { $0.key == r.key }) {
                    joined.append((r.key, [[Int]](repeating: [], count: index + 1) + [r.items]))
                }
            }
            result = joined.sorted { $0.key < $1.key }
        }
        return result.map(\.parts)
    }

    private static func table(_ keys: [UInt32], _ sharding: Sharding?) -> [(key: UInt32, items: [Int])] {
        guard sharding?.isKeyed == true else { return keys.indices.map { (0, [$0]) } }
        return Set(keys).sorted().map { key in (key, keys.indices.filter { keys[$0] == key }) }
    }
}

/// A call with one parameter per binding; `joins` gives dimensions beyond the single ones.
func call(_ bindings: [(Sharding, optional: Bool)?], joined: [Dimension] = []) -> Call {
    let inputs = bindings.enumerated().map { index, each in
        each.map { Binding(set: index, sharding: $0.0, optional: $0.optional) }
    }
    let taken = Set(joined.flatMap(\.parameters))
    var dimensions = joined
    for (index, binding) in inputs.enumerated() where !taken.contains(index) {
        guard let binding, binding.sharding != .all else { continue }
        dimensions.append(Dimension(parameters: [index], joins: [], isAny: binding.sharding.isAny))
    }
    return Call(
        target: 0, inputs: inputs, outputs: [],
        dimensions: dimensions.sorted { ($0.parameters.min() ?? 0) < ($1.parameters.min() ?? 0) },
        waits: inputs.count, position: Place(line: 1, column: 1))
}

func instances(
    _ call: Call, _ sets: [TestSet?], _ policy: PartitionPolicy = PartitionPolicy(mode: .max)
) throws -> Instances {
    try call.instances(policy: policy) { sets[$0] ?? TestSet([]) }
}

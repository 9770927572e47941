public import Failure
internal import Values

/// What sharding must know of an input set: how many items it has, their keys and their sizes.
public protocol SetView {
    var count: Int { get }
    func key(at index: Int) -> UInt32
    /// Bytes of data.
    func size(at index: Int) -> Int
}

/// The items of one input set that one instance receives.
public enum Selection: Sendable {
    /// The instance gets an empty set.
    case nothing
    /// The instance gets the whole set.
    case whole
    /// The instance gets these items, by index into the set: never none.
    case items(ArraySlice<Int32>)
}

/// The instances of a call: how often it runs, and on which items.
///
/// The first dimension varies slowest, rows of a dimension by ascending key or item. The outputs of a call are those of
/// its instances one after another, then ordered by `keyOrder`.
public struct Instances: Sendable {
    /// 0 when a named, non-optional input is empty: the call does not run and its outputs are empty.
    public let count: Int
    private let inputs: [Binding?]
    /// By parameter, of those in a dimension; empty when there is none.
    private let lanes: [Lane?]

    /// The place of a parameter in the cross product.
    struct Lane: Sendable {
        /// Instances in which the dimension's part stays the same.
        var stride: Int
        var parts: Groups
    }

    init(count: Int, inputs: [Binding?], lanes: [Lane?] = []) {
        self.count = count
        self.inputs = inputs
        self.lanes = lanes
    }

    /// What instance 0 ..< count receives for an input parameter of the call.
    public func selection(instance: Int, parameter: Int) -> Selection {
        guard inputs[parameter] != nil else { return .nothing }
        guard parameter < lanes.count, let lane = lanes[parameter] else { return .whole }
        let items = lane.parts[instance / lane.stride % lane.parts.count]
        return items.isEmpty ? .nothing : .items(items)
    }
}

extension Call {
    /// How the call runs on these sets.
    ///
    /// `view` gives the set bound to an input parameter; it is asked only for parameters that are bound. A call whose
    /// inputs are all `all` is answered without allocation.
    /// Throws `.tooLarge` when there would be more instances than `policy.maxInstances`.
    public func instances<View: SetView>(
        policy: PartitionPolicy, view: (_ parameter: Int) -> View
    ) throws(Failure) -> Instances {
        for (parameter, binding) in inputs.enumerated() {
            if let binding, !binding.optional, view(parameter).count == 0 { return Instances(count: 0, inputs: inputs) }
        }
        if dimensions.isEmpty { return Instances(count: 1, inputs: inputs) }
        try check(dimensions.reduce(0) { $0 + $1.parameters.reduce(0) { $0 + view($1).count } })
        var shards: [Shard] = []
        for dimension in dimensions { shards.append(try shard(dimension, view)) }
        policy.merge(&shards)
        return try cross(shards, most: policy.maxInstances)
    }

    /// Items that one call may take apart in all its sets: a set can be given to many parameters.
    private static var mostItems: Int { 4_000_000 }

    private func check(_ items: Int) throws(Failure) {
        guard items <= Self.mostItems else {
            throw Failure(
                .tooLarge,
                "the call on line \(position.line) takes \(items) items apart, \(Self.mostItems) are admitted")
        }
    }

    /// The rows of one dimension.
    private func shard<View: SetView>(
        _ dimension: Dimension, _ view: (Int) -> View
    ) throws(Failure) -> Shard {
        var members: [Groups] = []
        var sizes: [[Int]] = []
        for parameter in dimension.parameters {
            let set = view(parameter)
            guard set.count <= Int(Int32.max) else {
                throw Failure(.tooLarge, "a set of \(set.count) items cannot be sharded")
            }
            let isKeyed = inputs[parameter]?.sharding.isKeyed ?? false
            members.append(isKeyed ? Groups(byKeyOf: set) : Groups(eachOf: set.count))
            sizes.append(dimension.isAny ? (0..<set.count).map { max(0, set.size(at: $0)) } : [])
        }
        return Shard(dimension, members, sizes)
    }

    private func cross(_ shards: [Shard], most: Int) throws(Failure) -> Instances {
        // A join without a common key leaves nothing to run on, however much there is to multiply.
        if shards.contains(where: { $0.count == 0 }) { return Instances(count: 0, inputs: inputs) }
        var count = 1
        var lanes = [Instances.Lane?](repeating: nil, count: inputs.count)
        for shard in shards.reversed() {
            for (parameter, parts) in zip(shard.dimension.parameters, shard.members) {
                lanes[parameter] = Instances.Lane(stride: count, parts: parts)
            }
            let (product, overflow) = count.multipliedReportingOverflow(by: shard.count)
            guard !overflow, product <= most else {
                throw Failure(.tooLarge, "the call on line \(position.line) would run more than \(most) times")
            }
            count = product
        }
        return Instances(count: count, inputs: inputs, lanes: lanes)
    }
}

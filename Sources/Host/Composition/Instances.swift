public import Failure

/// What sharding must know of an input set: how many items it has, their keys and their sizes.
public protocol SetView {
    var count: Int { get }
    func key(at index: Int) -> UInt32
    /// Bytes of data.
    func size(at index: Int) -> Int
}

/// How many parts the platform makes of `anyEach` and `anyKeyed` sets.
public enum PartitionMode: Sendable, Equatable {
    /// As many as there are items or keys.
    case max
    /// As close to this number as the items or keys allow.
    case fixed(Int)
    /// One per core of all nodes when the sets are larger than this factor times local cores times the least useful
    /// size of a part, else one per local core.
    case auto(Int)
}

public struct PartitionPolicy: Sendable, Equatable {
    public var mode: PartitionMode
    public var localCores: Int
    public var remoteCores: Int
    /// By input parameter of the function: the least useful bytes of a part (`min_set_bytes`); missing = 0.
    public var minSetBytes: [Int]
    /// More instances than this are refused.
    public var maxInstances: Int

    public init(
        mode: PartitionMode = .auto(2), localCores: Int = 1, remoteCores: Int = 0, minSetBytes: [Int] = [],
        maxInstances: Int = 1_000_000
    ) {
        self.mode = mode
        self.localCores = localCores
        self.remoteCores = remoteCores
        self.minSetBytes = minSetBytes
        self.maxInstances = maxInstances
    }
}

/// The items of one input set that one instance receives.
public enum Selection {
    /// The instance gets an empty set.
    case nothing
    /// The instance gets the whole set.
    case whole
    /// The instance gets these items, by index into the set.
    case items(ArraySlice<Int32>)
}

/// The instances of a call: how often it runs, and on which items. Instance order is the order of their outputs.
public struct Instances {
    /// 0 when a named, non-optional input is empty: the call does not run and its outputs are empty.
    public let count: Int

    /// What instance `instance` receives for input parameter `parameter`.
    public func selection(instance: Int, parameter: Int) -> Selection { .whole }
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
        Instances(count: 1)
    }
}

public import Failure
public import Items

/// Where the host puts what a function finds at entry; guest addresses, from dn_image_info and dn_context_info.
public struct GuestFrame {
    /// Size of a guest pointer: 4 or 8.
    public var pointerBytes: Int
    /// The image's system data, nil when it has none; then the host makes room for one beside the entry block.
    public var systemData: UInt64?
    /// Inputs are placed from here on.
    public var dataBegin: UInt64
    /// End of image, inputs and heap.
    public var limit: UInt64
    public var stackLow: UInt64
    public var stackHigh: UInt64
    /// 0 when the function leaves by returning.
    public var exitAddress: UInt64
    /// CLOCK_REALTIME when the invocation began.
    public var realtime: UInt64
    public var random: (UInt64, UInt64, UInt64, UInt64)

    public init(
        pointerBytes: Int, systemData: UInt64?, dataBegin: UInt64, limit: UInt64, stackLow: UInt64, stackHigh: UInt64,
        exitAddress: UInt64, realtime: UInt64, random: (UInt64, UInt64, UInt64, UInt64)
    ) {
        self.pointerBytes = pointerBytes
        self.systemData = systemData
        self.dataBegin = dataBegin
        self.limit = limit
        self.stackLow = stackLow
        self.stackHigh = stackHigh
        self.exitAddress = exitAddress
        self.realtime = realtime
        self.random = random
    }
}

/// What was placed.
public struct Placed: Equatable {
    /// Guest address of the dn_guest_entry: the function's first argument.
    public var entryBlock: UInt64
    /// Guest address of the system data, for `collect`.
    public var systemData: UInt64
    /// Everything that was written outside the system data lies in [dataBegin, heapBegin).
    public var heapBegin: UInt64
}

extension GuestMemory {
    /// Writes inputs, names, tables, the system data and the entry block (guest.h) before a function starts.
    ///
    /// Input i is `inputs[i]`, named `inputNames[i]`; one that is missing is an empty set of that name. The memory must be
    /// zero where nothing was loaded. Throws `.tooLarge` when it does not fit below the limit.
    public func place(
        inputs: [ItemSet], inputNames: [Blob], outputNames: [Blob], frame: GuestFrame
    ) throws(Failure) -> Placed {
        Placed(entryBlock: 0, systemData: 0, heapBegin: 0)
    }
}

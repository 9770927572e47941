public import PluginABI

/// Why a call of the ABI failed: what goes into the caller's `dn_error`.
public struct PluginError: Error, Sendable, Equatable {
    public var status: dn_status
    /// Cause first, then what to do.
    public var message: String
    /// Byte offset of the bad input, `noOffset` when there is none.
    public var inputOffset: UInt64
    /// The system's error number, 0 when there is none.
    public var osErrno: Int32
    /// The same call may succeed later.
    public var retryable: Bool

    public static let noOffset = UInt64.max

    public init(
        _ status: dn_status, _ message: String, at inputOffset: UInt64 = PluginError.noOffset, errno osErrno: Int32 = 0,
        retryable: Bool = false
    ) {
        self.status = status
        self.message = message
        self.inputOffset = inputOffset
        self.osErrno = osErrno
        self.retryable = retryable
    }

    /// A value of the configuration that the schema cannot judge.
    public static func badConfig(_ key: String, _ why: String) -> PluginError {
        PluginError(DN_BAD_CONFIG, "\(key): \(why)")
    }

    /// Writes the error into the caller's memory, only as far as its struct_size goes, and returns the status.
    public func report(to out: UnsafeMutablePointer<dn_error>) -> dn_status {
        var value = dn_error()
        value.code = status
        value.flags = retryable ? DN_ERROR_RETRYABLE : 0
        value.input_offset = inputOffset
        value.os_errno = osErrno
        writeText(message, into: &value.message)
        writeOut(value, to: out)
        endText(of: out, MemoryLayout<dn_error>.size, textOffset: MemoryLayout.offset(of: \dn_error.message))
        return status
    }
}

/// Runs the body of an ABI slot: DN_OK, or the thrown error written to `err` and its status.
@inlinable
public func answering(
    _ err: UnsafeMutablePointer<dn_error>, _ body: () throws(PluginError) -> Void
) -> dn_status {
    do {
        try body()
        return DN_OK
    } catch {
        return error.report(to: err)
    }
}

/// As `answering`, for a slot that gives the host an object.
func making<Object: AnyObject>(
    _ out: UnsafeMutablePointer<OpaquePointer?>, _ err: UnsafeMutablePointer<dn_error>,
    _ make: () throws(PluginError) -> Object
) -> dn_status {
    answering(err) { () throws(PluginError) in out.pointee = Handle.make(try make()) }
}

/// A number as it stands in messages about addresses.
public func hex(_ value: UInt64) -> String { String(value, radix: 16) }

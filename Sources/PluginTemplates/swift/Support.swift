import CPlugin

/// Why a call failed: what goes into the caller's `dn_error`.
struct PluginError: Error {
    var status: dn_status
    /// Cause first, then what to do.
    var message: String
    /// Byte offset of the bad input.
    var offset = UInt64.max

    init(_ status: dn_status, _ message: String, at offset: UInt64 = UInt64.max) {
        self.status = status
        self.message = message
        self.offset = offset
    }
}

/// Runs the body of a slot: DN_OK, or the thrown error written to `err` and its status.
func answering(_ err: UnsafeMutablePointer<dn_error>, _ body: () throws(PluginError) -> Void) -> dn_status {
    do {
        try body()
        return DN_OK
    } catch {
        err.pointee.code = error.status
        err.pointee.flags = error.status == DN_BUSY ? DN_ERROR_RETRYABLE : 0
        err.pointee.input_offset = error.offset
        err.pointee.os_errno = 0
        write(error.message, into: &err.pointee.message)
        return error.status
    }
}

/// Writes NUL-terminated UTF-8 into a C array of characters, cut between characters when it is too long.
func write<Tuple: BitwiseCopyable>(_ text: String, into field: inout Tuple) {
    withUnsafeMutableBytes(of: &field) { bytes in
        var end = 0
        for character in text {
            let encoded = Array(String(character).utf8)
            guard end + encoded.count < bytes.count else { break }
            for unit in encoded {
                bytes[end] = unit
                end += 1
            }
        }
        bytes[end] = 0
    }
}

/// A static C text.
func text(_ literal: StaticString) -> UnsafePointer<CChar> {
    // SAFETY: literals live as long as the process and end with a NUL.
    UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
}

/// A value that lives as long as the process.
func permanent<T>(_ value: T) -> UnsafeMutablePointer<T> {
    let pointer = UnsafeMutablePointer<T>.allocate(capacity: 1)
    pointer.initialize(to: value)
    return pointer
}

/// An object behind an opaque handle of the ABI, which owns one reference to it.
enum Handle<Object: AnyObject> {
    static func make(_ object: Object) -> OpaquePointer {
        OpaquePointer(Unmanaged.passRetained(object).toOpaque())
    }

    static func borrow(_ handle: OpaquePointer) -> Object {
        // SAFETY: the host passes only handles that `make` gave and `end` has not taken.
        Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
    }

    static func end(_ handle: OpaquePointer) -> Object {
        // SAFETY: as in `borrow`, and the host ends a handle once.
        Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).takeRetainedValue()
    }
}

/// The configured integer, or `otherwise` when the key is absent.
func setting(_ host: UnsafePointer<dn_host>, _ key: String, default otherwise: Int64) -> Int64 {
    var value = otherwise
    guard let service = host.pointee.get_interface?(host, DN_HOST_CONFIG_1) else { return otherwise }
    // SAFETY: the id fixes the table's type.
    let config = service.assumingMemoryBound(to: dn_host_config.self)
    return config.pointee.get_int?(host, key, &value) == DN_OK ? value : otherwise
}

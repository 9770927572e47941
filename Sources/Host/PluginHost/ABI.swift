internal import Failure
internal import Glibc
internal import PluginABI

/// Reading what plugins write: sizes may be older or newer than ours, and texts may be anything.
enum ABI {
    /// Copies a struct whose first field (or the one at `sizeOffset`) is its size: ours is `zero` where theirs ends.
    static func normalised<T>(_ theirs: UnsafeRawPointer, into zero: T, sizeOffset: Int = 0) -> T {
        var mine = zero
        let size = Int(theirs.loadUnaligned(fromByteOffset: sizeOffset, as: UInt32.self))
        withUnsafeMutableBytes(of: &mine) { mine in
            // SAFETY: the writer vouches for `size` bytes, and no more than our own size are copied.
            mine.copyMemory(from: UnsafeRawBufferPointer(start: theirs, count: min(size, mine.count)))
        }
        return mine
    }

    /// The text in a fixed array: up to its NUL or its end, repaired to valid UTF-8.
    static func text<Array>(_ array: Array) -> String {
        withUnsafeBytes(of: array) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// A static text of a plugin, cut at 64 KiB.
    static func text(_ pointer: UnsafePointer<CChar>?) -> String {
        guard let pointer else { return "" }
        // SAFETY: static plugin texts are NUL-terminated by contract; strnlen bounds a missing NUL.
        return String(
            decoding: UnsafeRawBufferPointer(start: pointer, count: strnlen(pointer, 1 << 16)), as: UTF8.self)
    }

    static func emptyError() -> dn_error {
        var error = dn_error()
        error.struct_size = UInt32(MemoryLayout<dn_error>.size)
        error.input_offset = UInt64.max
        return error
    }

    /// Turns a status and the error buffer into our error; `what` is said in front.
    static func failure(_ status: dn_status, _ error: dn_error, _ what: String) -> Failure {
        var message = text(error.message)
        if message.isEmpty { message = "status \(status)" }
        var failure = Failure(kind(of: status), "\(what): \(message)", [.init("status", "\(status)")])
        if error.input_offset != UInt64.max { failure.facts.append(.init("offset", "\(error.input_offset)")) }
        if error.os_errno != 0 { failure.facts.append(.init("errno", "\(error.os_errno)")) }
        return failure
    }

    private static func kind(of status: dn_status) -> Failure.Kind {
        switch status {
        case DN_BAD_IMAGE, DN_BAD_INPUT, DN_BAD_CONFIG, DN_INVALID, DN_UNSUPPORTED: .invalid
        case DN_LIMIT: .tooLarge
        case DN_BUSY, DN_NO_MEMORY: .busy
        case DN_UNAVAILABLE: .unavailable
        case DN_PERMISSION: .denied
        case DN_CANCELLED: .cancelled
        case DN_TIMED_OUT: .deadline
        default: .internal
        }
    }
}

extension dn_bytes {
    /// What a plugin lends; empty when it gives no address.
    var lent: UnsafeRawBufferPointer {
        // SAFETY: the plugin vouches for len bytes at data.
        UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : Int(clamping: len))
    }

    /// Bytes that stay valid during `body`.
    static func borrowing<R>(_ bytes: UnsafeRawBufferPointer, _ body: (dn_bytes) -> R) -> R {
        body(dn_bytes(data: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), len: UInt64(bytes.count)))
    }
}

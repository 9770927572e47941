internal import Failure
internal import Platform
internal import PluginABI

/// Reading what plugins write: sizes may be older or newer than ours, and texts may be anything.
enum ABI {
    /// Copies a struct whose first field (or the one at `sizeOffset`) is its size over ours, which is zero: as much of it
    /// as both have, and nothing when it is not readable memory.
    ///
    /// Not generic over the struct: its Swift metadata, by which generic code knows a size, is one for all images of the
    /// process, and may be that of a plugin which was built for another minor version.
    /// - Parameter size: The host's own, from the concrete type.
    static func copy(
        _ theirs: UnsafeRawPointer, to mine: UnsafeMutableRawPointer, _ size: Int, sizeOffset: Int = 0
    ) {
        guard let claimed = self.size(at: theirs, offset: sizeOffset) else { return }
        let count = min(claimed, size)
        guard ReadableMemory.holds(theirs, count) else { return }
        // SAFETY: the bytes are readable, and no more than our own size are copied.
        mine.copyMemory(from: theirs, byteCount: count)
    }

    /// The `struct_size` of a plugin's struct; nil where no memory is.
    static func size(at theirs: UnsafeRawPointer, offset: Int = 0) -> Int? {
        guard ReadableMemory.holds(theirs, offset + 4) else { return nil }
        // SAFETY: the four bytes are readable.
        return Int(theirs.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// The text in a fixed array: up to its NUL or its end, repaired to valid UTF-8.
    static func text<Array>(_ array: Array) -> String {
        withUnsafeBytes(of: array) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// A static text of a plugin, cut at 64 KiB; empty where no readable text is.
    static func text(_ pointer: UnsafePointer<CChar>?) -> String {
        guard let pointer, let count = ReadableMemory.textLength(pointer, most: 1 << 16) else { return "" }
        // SAFETY: count bytes were just read there.
        return String(decoding: UnsafeRawBufferPointer(start: pointer, count: count), as: UTF8.self)
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
        if message.isEmpty { message = ABIName.status(status) }
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
        case DN_CONFLICT: .conflict
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

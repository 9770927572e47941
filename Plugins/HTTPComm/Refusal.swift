internal import PluginABI

/// Why something is refused, before anything is sent.
struct Refusal: Error {
    var status: dn_status
    /// Byte offset in the request item, `nil` when the cause is no single place.
    var offset: Int?
    /// A sentence for whoever wrote the request or the configuration.
    var message: String

    static func badInput(_ offset: Int, _ message: String) -> Refusal {
        Refusal(status: DN_BAD_INPUT, offset: offset, message: message)
    }

    static func denied(_ message: String) -> Refusal {
        Refusal(status: DN_PERMISSION, offset: nil, message: message)
    }

    /// Fills the caller's buffer and gives the status to return.
    func write(to error: UnsafeMutablePointer<dn_error>) -> dn_status {
        let size = UnsafeRawPointer(error).loadUnaligned(as: UInt32.self)
        // A buffer of another layout version may be shorter than ours: leave it alone.
        guard Int(size) >= MemoryLayout<dn_error>.size else { return status }
        error.pointee.code = status
        error.pointee.flags = status == DN_BUSY ? DN_ERROR_RETRYABLE : 0
        error.pointee.input_offset = offset.map(UInt64.init) ?? UInt64.max
        error.pointee.os_errno = 0
        Text.copy(message, to: &error.pointee.message)
        return status
    }
}

/// Texts in the fixed arrays of the ABI.
enum Text {
    /// Copies as much as fits, cut at a character, and terminates it.
    static func copy<Array>(_ text: String, to array: inout Array) {
        var text = text
        text.withUTF8 { source in
            withUnsafeMutableBytes(of: &array) { target in
                guard target.count > 0 else { return }
                var count = min(source.count, target.count - 1)
                while count > 0, count < source.count, source[count] & 0xC0 == 0x80 { count -= 1 }
                target.copyMemory(from: UnsafeRawBufferPointer(start: source.baseAddress, count: count))
                target[count] = 0
            }
        }
    }

    static func string(_ bytes: Bytes) -> String { String(decoding: bytes, as: UTF8.self) }
}

import PluginABI
import Glibc

/// Why a call of the ABI failed: what goes into the caller's `dn_error`.
struct Refusal: Error {
    let status: dn_status
    let message: String
    /// Byte of the input that is wrong.
    var offset = UInt64.max

    init(_ status: dn_status, _ message: String, at offset: Int? = nil) {
        self.status = status
        self.message = message
        if let offset { self.offset = UInt64(offset) }
    }

    func write(to out: UnsafeMutablePointer<dn_error>) -> dn_status {
        out.pointee.code = status
        out.pointee.input_offset = offset
        writeText(message, to: &out.pointee.message)
        return status
    }
}

/// Copies a text into a C array of characters, cut to fit and ended by a zero.
func writeText<Field>(_ text: String, to field: inout Field) {
    withUnsafeMutableBytes(of: &field) { bytes in
        var length = 0
        for byte in text.utf8.prefix(bytes.count - 1) {
            bytes[length] = byte
            length += 1
        }
        bytes[length] = 0
    }
}

func systemMessage(_ error: Int32) -> String { strerror(error).map { String(cString: $0) } ?? "error \(error)" }

func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

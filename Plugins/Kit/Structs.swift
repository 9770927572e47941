public import PluginABI

/// A struct of the ABI that starts with its writer's `struct_size`.
///
/// The conforming types are imported C structs whose first field it is.
public protocol SizedStruct {
    var struct_size: UInt32 { get set }
    /// All fields zero.
    init()
}

extension dn_error: SizedStruct {}
extension dn_probe: SizedStruct {}
extension dn_compute_caps: SizedStruct {}
extension dn_image_params: SizedStruct {}
extension dn_image_info: SizedStruct {}
extension dn_engine_params: SizedStruct {}
extension dn_context_params: SizedStruct {}
extension dn_context_info: SizedStruct {}
extension dn_run_params: SizedStruct {}
extension dn_translate_params: SizedStruct {}
extension dn_run_result: SizedStruct {}
extension dn_request_info: SizedStruct {}
extension dn_reactor_params: SizedStruct {}
extension dn_completion: SizedStruct {}

/// Writes `value` into a struct of the caller, which may be shorter or longer than ours: min(theirs, ours) bytes, and the
/// caller's struct_size stays.
@inlinable
public func writeOut<T: SizedStruct>(_ value: T, to out: UnsafeMutablePointer<T>) {
    var value = value
    value.struct_size = out.pointee.struct_size
    let size = min(Int(out.pointee.struct_size), MemoryLayout<T>.size)
    // Safe: the caller vouches for struct_size bytes at `out`, and no more than our own size are read.
    withUnsafeBytes(of: &value) { from in
        UnsafeMutableRawPointer(out).copyMemory(from: from.baseAddress.unsafelyUnwrapped, byteCount: size)
    }
}

/// Reads a struct of the caller over zeros: min(theirs, ours) bytes.
@inlinable
public func readIn<T: SizedStruct>(_ from: UnsafePointer<T>) -> T {
    var value = T()
    let size = min(Int(from.pointee.struct_size), MemoryLayout<T>.size)
    // Safe: the caller vouches for struct_size bytes at `from`, and no more than our own size are written.
    withUnsafeMutableBytes(of: &value) { to in
        to.baseAddress.unsafelyUnwrapped.copyMemory(from: UnsafeRawPointer(from), byteCount: size)
    }
    return value
}

/// Writes `text` as NUL-terminated UTF-8 into a C array of characters, cut between characters when it is too long.
public func writeText<Tuple: BitwiseCopyable>(_ text: String, into field: inout Tuple) {
    withUnsafeMutableBytes(of: &field) { bytes in
        var end = 0
        for scalar in text.unicodeScalars where scalar.value != 0 {
            let encoded = UTF8.encode(scalar)
            guard let encoded, end + encoded.count < bytes.count else { break }
            for unit in encoded {
                bytes[end] = unit
                end += 1
            }
        }
        for index in end..<bytes.count { bytes[index] = 0 }
    }
}

/// Ends the text that is a struct's last field when the caller's struct is too short for all of it.
func endText<T: SizedStruct>(of out: UnsafeMutablePointer<T>, size: UInt32, textOffset: Int?) {
    guard let textOffset, Int(size) > textOffset, Int(size) < MemoryLayout<T>.size else { return }
    // Safe: the byte lies within the struct_size bytes that the caller vouches for.
    UnsafeMutableRawPointer(out).storeBytes(of: 0, toByteOffset: Int(size) - 1, as: UInt8.self)
}

extension String {
    /// The text of a C array of characters, up to its NUL or its end.
    public init<Tuple: BitwiseCopyable>(field: Tuple) {
        self = withUnsafeBytes(of: field) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

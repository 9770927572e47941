public import PluginABI

// Structs of the ABI that start with their writer's `struct_size`. Nothing here is generic over them: the runtime keeps one
// description of an imported C struct for the whole process, by name, so that generic code may get the size that another
// plugin was built with.

/// Reads the caller's struct over zeros: min(theirs, ours) bytes.
/// - Parameter size: ours.
private func read(_ from: UnsafeRawPointer, into value: UnsafeMutableRawPointer, _ size: Int) {
    // SAFETY: the caller vouches for struct_size bytes, and no more than our own size are written.
    value.copyMemory(from: from, byteCount: min(Int(from.load(as: UInt32.self)), size))
}

/// Writes a struct into the caller's: min(theirs, ours) bytes, and the caller's struct_size stays.
/// - Parameter size: ours.
private func write(_ value: UnsafeMutableRawPointer, _ size: Int, to out: UnsafeMutableRawPointer) {
    let given = out.load(as: UInt32.self)
    value.storeBytes(of: given, as: UInt32.self)
    // SAFETY: as in `read`.
    out.copyMemory(from: value, byteCount: min(Int(given), size))
}

func readIn(_ from: UnsafePointer<dn_image_params>) -> dn_image_params {
    var value = dn_image_params()
    read(from, into: &value, MemoryLayout<dn_image_params>.size)
    return value
}
func readIn(_ from: UnsafePointer<dn_engine_params>) -> dn_engine_params {
    var value = dn_engine_params()
    read(from, into: &value, MemoryLayout<dn_engine_params>.size)
    return value
}
func readIn(_ from: UnsafePointer<dn_context_params>) -> dn_context_params {
    var value = dn_context_params()
    read(from, into: &value, MemoryLayout<dn_context_params>.size)
    return value
}
func readIn(_ from: UnsafePointer<dn_run_params>) -> dn_run_params {
    var value = dn_run_params()
    read(from, into: &value, MemoryLayout<dn_run_params>.size)
    return value
}
func readIn(_ from: UnsafePointer<dn_file_range>) -> dn_file_range {
    var value = dn_file_range()
    read(from, into: &value, MemoryLayout<dn_file_range>.size)
    return value
}
public func readIn(_ from: UnsafePointer<dn_translate_params>) -> dn_translate_params {
    var value = dn_translate_params()
    read(from, into: &value, MemoryLayout<dn_translate_params>.size)
    return value
}
func readIn(_ from: UnsafePointer<dn_reactor_params>) -> dn_reactor_params {
    var value = dn_reactor_params()
    read(from, into: &value, MemoryLayout<dn_reactor_params>.size)
    return value
}

func writeOut(_ value: dn_compute_caps, to out: UnsafeMutablePointer<dn_compute_caps>) {
    var value = value
    write(&value, MemoryLayout<dn_compute_caps>.size, to: out)
}
func writeOut(_ value: dn_image_info, to out: UnsafeMutablePointer<dn_image_info>) {
    var value = value
    write(&value, MemoryLayout<dn_image_info>.size, to: out)
}
func writeOut(_ value: dn_context_info, to out: UnsafeMutablePointer<dn_context_info>) {
    var value = value
    write(&value, MemoryLayout<dn_context_info>.size, to: out)
}
func writeOut(_ value: dn_file_range, to out: UnsafeMutablePointer<dn_file_range>) {
    var value = value
    write(&value, MemoryLayout<dn_file_range>.size, to: out)
}
func writeOut(_ value: dn_run_result, to out: UnsafeMutablePointer<dn_run_result>) {
    var value = value
    write(&value, MemoryLayout<dn_run_result>.size, to: out)
}
func writeOut(_ value: dn_request_info, to out: UnsafeMutablePointer<dn_request_info>) {
    var value = value
    write(&value, MemoryLayout<dn_request_info>.size, to: out)
}
func writeOut(_ value: dn_fleet_facts, to out: UnsafeMutablePointer<dn_fleet_facts>) {
    var value = value
    write(&value, MemoryLayout<dn_fleet_facts>.size, to: out)
    endText(of: out, MemoryLayout<dn_fleet_facts>.size, textOffset: MemoryLayout.offset(of: \dn_fleet_facts.engine))
}
func writeOut(_ value: dn_error, to out: UnsafeMutablePointer<dn_error>) {
    var value = value
    write(&value, MemoryLayout<dn_error>.size, to: out)
}
func writeOut(_ value: dn_probe, to out: UnsafeMutablePointer<dn_probe>) {
    var value = value
    write(&value, MemoryLayout<dn_probe>.size, to: out)
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
/// - Parameter size: ours.
func endText(of out: UnsafeMutableRawPointer, _ size: Int, textOffset: Int?) {
    let given = Int(out.load(as: UInt32.self))
    guard let textOffset, given > textOffset, given < size else { return }
    // SAFETY: the byte lies within the struct_size bytes that the caller vouches for.
    out.storeBytes(of: 0, toByteOffset: given - 1, as: UInt8.self)
}

extension String {
    /// The text of a C array of characters, up to its NUL or its end.
    public init<Tuple: BitwiseCopyable>(field: Tuple) {
        self = withUnsafeBytes(of: field) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

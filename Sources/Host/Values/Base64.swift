/// base64 with padding (RFC 4648, 4).
public enum Base64 {
    /// Decodes `source` to `target`, which has room for three bytes in place of each four, and may be where `source` is.
    /// - Parameter isEnd: Padding may end it; false for a part that others follow.
    /// - Returns: how many bytes there are; nil for what is not base64, or not the only way to write the data.
    public static func decode(
        _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer, isEnd: Bool = true
    ) -> Int? {
        guard source.count % 4 == 0 else { return nil }
        guard source.count > 0 else { return 0 }
        let equals = UInt8(ascii: "=")
        let ends = (source[source.count - 2] == equals, source[source.count - 1] == equals)
        let padding = !isEnd || !ends.1 ? 0 : ends.0 ? 2 : 1
        var count = 0
        return digits.withUnsafeBufferPointer { digits in
            for start in stride(from: 0, to: source.count, by: 4) {
                let isLast = start + 4 == source.count
                let pad = isLast ? padding : 0
                var group: UInt32 = 0
                for index in 0..<4 - pad {
                    let digit = digits[Int(source[start + index])]
                    guard digit < 64 else { return nil }
                    group |= UInt32(digit) << (18 - 6 * UInt32(index))
                }
                guard pad == 0 || group & (pad == 1 ? 0xff : 0xffff) == 0 else { return nil }
                // SAFETY: `count` is at most 3/4 of `start`, so that nothing is overwritten that is still to be read.
                for index in 0..<3 - pad {
                    let byte = UInt8(truncatingIfNeeded: group >> (16 - 8 * UInt32(index)))
                    target.storeBytes(of: byte, toByteOffset: count + index, as: UInt8.self)
                }
                count += 3 - pad
            }
            return count
        }
    }

    /// The digits in the order of their values.
    static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Values by character; 255 = none.
    private static let digits: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()
}

internal import CPlatform

/// The kernel's random numbers.
public enum Entropy {
    /// Fills the buffer; at most 256 bytes are uninterruptible, so larger ones are drawn in parts.
    public static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        var rest = buffer[...]
        while !rest.isEmpty {
            let part = UnsafeMutableRawBufferPointer(rebasing: rest.prefix(256))
            if getentropy(part.baseAddress, part.count) == 0 { rest = rest.dropFirst(256) }
        }
    }
}

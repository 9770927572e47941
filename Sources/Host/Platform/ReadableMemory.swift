internal import CPlatform

/// Whether memory that somebody else told of is there: what a plugin says of lengths and addresses is no reason to die.
public enum ReadableMemory {
    /// Whether `count` bytes from `start` can be read now; one system call for each page, about 0.1 us.
    ///
    /// True for no bytes at any address; false for bytes at no address, and for a range that wraps.
    public static func holds(_ start: UnsafeRawPointer?, _ count: Int) -> Bool {
        cp_is_readable(start, UInt64(clamping: count)) != 0
    }

    /// Bytes of the text at `start` before its NUL, at most `most`; nil when it leaves readable memory before.
    public static func textLength(_ start: UnsafePointer<CChar>, most: Int) -> Int? {
        let count = cp_text_length(start, UInt64(clamping: most))
        return count < 0 ? nil : Int(count)
    }
}

internal import CPlatform

/// What malloc(3) keeps.
public enum Heap {
    /// Has blocks of so many bytes and more go back to the kernel when they are freed, whatever was freed before.
    public static func returnBlocks(from bytes: Int32) { cp_return_large_blocks(bytes) }

    /// Returns all whole pages that are free to the kernel. Holds up threads that allocate, one heap after the other, for some
    /// ten microseconds each; to be called from a thread that nobody waits for.
    public static func trim() { cp_trim_heaps() }
}

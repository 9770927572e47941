import Glibc
import PluginABI
import PluginKit
import Synchronization

/// The addresses of all contexts, in one range whose upper halves tell the system call filter that code there is a
/// function's.
///
/// Never given back: threads that once ran an engine keep their filter, and what the host mapped there later could make no
/// system call.
final class Arena: Sendable {
    let range: Range<UInt64>
    /// Bytes from one place to the next.
    let span: UInt64
    private let free: Mutex<[UInt64]>

    /// Room for the largest context, and a page behind it: the kernel sees the address behind a system call instruction.
    static func span(for settings: Settings) -> UInt64 {
        let largest = ContextLayout(limit: settings.contextMax, stackBytes: settings.stackBytes).size
        return roundUp(largest + ContextLayout.page, Representable.bounds(largest + ContextLayout.page).alignment)
    }

    init(_ settings: Settings) throws(PluginError) {
        span = Self.span(for: settings)
        let unit = Settings.arenaUnit
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let reserved = mmap(nil, Int(settings.arenaBytes + unit), PROT_NONE, flags, -1, 0),
            reserved != MAP_FAILED
        else {
            throw PluginError(
                DN_NO_MEMORY, "cannot reserve \(settings.arenaBytes >> 30) GiB of addresses; lower arena_bytes",
                errno: errno)
        }
        // Nothing else may be mapped between here and the next multiple, so the excess stays reserved as well.
        let begin = roundUp(UInt64(UInt(bitPattern: reserved)), unit)
        madvise(reserved, Int(settings.arenaBytes + unit), MADV_DONTFORK)
        range = begin..<(begin + settings.arenaBytes)
        let step = span
        free = Mutex((0..<settings.arenaBytes / step).reversed().map { begin + $0 * step })
    }

    /// A place for a context: addresses without memory, aligned for the bounds of the largest one.
    func take() throws(PluginError) -> UnsafeMutableRawPointer {
        let place = free.withLock { $0.popLast() }
        guard let place, let pointer = UnsafeMutableRawPointer(bitPattern: UInt(place)) else {
            throw PluginError(DN_LIMIT, "no addresses for another context; raise arena_bytes")
        }
        return pointer
    }

    /// Takes a place back, whose memory is given up.
    func give(_ place: UnsafeMutableRawPointer) {
        // Safe: nothing but the slot that gives it up has pointers into it.
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED
        guard mmap(place, Int(span), PROT_NONE, flags, -1, 0) != MAP_FAILED else { return }
        madvise(place, Int(span), MADV_DONTFORK)
        free.withLock { $0.append(UInt64(UInt(bitPattern: place))) }
    }
}

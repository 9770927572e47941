internal import Glibc
internal import Synchronization

/// Where the sandboxes of all engines lie, to ask the kernel how much memory they take: those that run, those that are kept
/// for their outputs, and those that are kept ready.
public final class SandboxMemory: Sendable {
    public static let shared = SandboxMemory()

    /// Addresses that a context once had; a backend uses them again for the next.
    struct Window: Equatable {
        let base: UInt
        var bytes: Int
    }

    /// By engine.
    private let windows = Mutex<[UInt64: [Window]]>([:])

    /// Most contexts of one engine that are looked at: backends without a bound give each context new addresses.
    static let mostPerEngine = 64

    func set(_ list: [Window], of engine: UInt64) { windows.withLock { $0[engine] = list.isEmpty ? nil : list } }

    /// Bytes that the sandboxes take now. Walks page tables: some microseconds for each MiB, so not on an event loop.
    public var residentBytes: Int {
        let all = windows.withLock { Array($0.values.joined()) }
        return all.reduce(0) { $0 + Self.resident($1) }
    }

    /// Bytes of `count` from `base` on that are in memory.
    static func resident(_ window: Window) -> Int {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let begin = window.base & ~UInt(page - 1)
        let end = window.base + UInt(window.bytes)
        let step = 4096
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: step) { pages in
            var count = 0
            var next = begin
            while next < end {
                let length = min(step, Int(end - next + UInt(page) - 1) / page)
                // SAFETY: mincore reads page tables, not memory: addresses that are unmapped meanwhile are an error, and
                // it writes one byte for each of the `length` pages.
                guard mincore(UnsafeMutableRawPointer(bitPattern: next), length * page, pages.baseAddress) == 0 else {
                    return count * page
                }
                for index in 0..<length where pages[index] & 1 != 0 { count += 1 }
                next += UInt(length * page)
            }
            return count * page
        }
    }
}

/// The windows of one engine, kept by its thread.
struct EngineWindows {
    private let engine: UInt64
    private var known: [SandboxMemory.Window] = []

    init(engine: UInt64) { self.engine = engine }

    /// A context lies there.
    mutating func see(_ base: UnsafeMutableRawPointer, _ bytes: Int) {
        let base = UInt(bitPattern: base)
        for index in known.indices where known[index].base == base {
            guard known[index].bytes < bytes else { return }
            known[index].bytes = bytes
            return tell()
        }
        if known.count >= SandboxMemory.mostPerEngine { known.removeFirst() }
        known.append(SandboxMemory.Window(base: base, bytes: bytes))
        tell()
    }

    mutating func end() {
        known = []
        tell()
    }

    private func tell() { SandboxMemory.shared.set(known, of: engine) }
}

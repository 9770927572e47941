import Glibc
import PluginABI
import PluginKit

/// Guest addresses: where things lie in a context.
enum Layout {
    /// The first that is memory.
    static let low: UInt64 = 0x1000
    static let systemData: UInt64 = 0x1000
    /// The host places inputs from here on.
    static let dataBegin: UInt64 = 0x1080
    static let smallestContext: UInt64 = 0x2000
}

/// The memory of one invocation, zero at first. Guest address g is byte g of `base`.
final class Context: ComputeContext {
    let limit: UInt64
    private let base: UnsafeMutableRawPointer
    private(set) var image: Image?

    init(limit: UInt64, most: UInt64) throws(PluginError) {
        guard limit <= most else { throw PluginError(DN_LIMIT, "the memory limit is above context_max_mib") }
        // Fresh pages of the kernel are zero: nothing of an earlier function can be in them.
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | Int32(MAP_NORESERVE)
        let mapped = mmap(nil, Int(limit), PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let mapped, mapped != UnsafeMutableRawPointer(bitPattern: -1) else {
            throw PluginError(DN_NO_MEMORY, "no address space for a context")
        }
        base = mapped
        self.limit = limit
    }

    deinit { munmap(base, Int(limit)) }

    override func load(_ image: ComputeImage) throws(PluginError) {
        guard limit >= Layout.smallestContext else { throw PluginError(DN_LIMIT, "the context is smaller than 8 KiB") }
        // SAFETY: an image of this plugin.
        self.image = unsafeDowncast(image, to: Image.self)
    }

    override var info: dn_context_info {
        var info = dn_context_info()
        info.low = Layout.low
        info.limit = limit
        return info
    }

    /// Where guest address `address` lies; nil unless `length` bytes from there are the function's.
    func pointer(_ address: UInt64, _ length: UInt64) -> UnsafeMutableRawPointer? {
        // Without adding: address + length may wrap.
        guard address >= Layout.low, address <= limit, length <= limit - address else { return nil }
        return base + Int(address)
    }

    override func view(
        _ address: UInt64, _ length: UInt64, writing: Bool
    ) throws(PluginError) -> UnsafeMutableRawPointer {
        guard let bytes = pointer(address, length) else {
            throw PluginError(DN_OUT_OF_RANGE, "the range is not in the context")
        }
        return bytes
    }
}

public import CPluginKit
import Glibc
import PluginABI

/// The bytes with which an image's memory begins. Few are copied into each sandbox. Many are a sealed file in memory that
/// sandboxes map privately: what no function writes exists once for all of them.
public final class ImageContents: Sendable {
    /// Guest addresses and where their contents begin, in the file and in `bytes`.
    public struct Part: Sendable, Equatable {
        public let address: UInt64
        public let offset: Int
        public let count: Int

        public init(address: UInt64, offset: Int, count: Int) {
            self.address = address
            self.offset = offset
            self.count = count
        }

        public var range: Range<UInt64> { address..<address + UInt64(count) }
    }

    /// In the order in which they were given. Whole pages when there is a file.
    public let parts: [Part]
    /// The sealed file; nil when the contents are to be copied.
    public let file: Int32?
    public let byteCount: Int
    // SAFETY of nonisolated(unsafe): for the life of this object, and never written after init.
    private nonisolated(unsafe) let bytes: UnsafeMutableRawPointer

    public static let page: UInt64 = 4096
    /// Contents of so many bytes and more become a file. Copying fewer takes a fraction of a millisecond.
    public static let leastMapped = 1 << 20

    /// - Parameters:
    ///   - ranges: of guest addresses; whole pages where `wholePages`.
    ///   - seal: keeps a file from being written; an errno. Without it, the contents are copied.
    ///   - fill: writes the contents of one of them to memory that reads as zeros.
    public init(
        _ ranges: [Range<UInt64>], wholePages: Bool, seal: (Int32) -> Int32 = dk_seal,
        fill: (Range<UInt64>, UnsafeMutableRawPointer) throws(PluginError) -> Void
    ) throws(PluginError) {
        var offset = 0
        var parts: [Part] = []
        for range in ranges {
            parts.append(
                Part(address: range.lowerBound, offset: offset, count: Int(range.upperBound - range.lowerBound)))
            offset += parts[parts.count - 1].count
        }
        self.parts = parts
        byteCount = offset
        func fillAll(_ memory: UnsafeMutableRawPointer) throws(PluginError) {
            for (part, range) in zip(parts, ranges) { try fill(range, memory + part.offset) }
        }
        if wholePages, offset >= Self.leastMapped, let made = try Self.sealed(offset, seal, fillAll) {
            (file, bytes) = made
        } else {
            (file, bytes) = (nil, try Self.copied(offset, fillAll))
        }
    }

    deinit {
        guard let file else { return bytes.deallocate() }
        munmap(bytes, byteCount)
        close(file)
    }

    private typealias Filling = (UnsafeMutableRawPointer) throws(PluginError) -> Void

    private static func copied(_ size: Int, _ fill: Filling) throws(PluginError) -> UnsafeMutableRawPointer {
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(size, 1), alignment: 64)
        memset(bytes, 0, size)
        do throws(PluginError) { try fill(bytes) } catch {
            bytes.deallocate()
            throw error
        }
        return bytes
    }

    /// A file with the contents, and these as a mapping that cannot be written; nil when the system does not seal files.
    private static func sealed(
        _ size: Int, _ seal: (Int32) -> Int32, _ fill: Filling
    ) throws(PluginError) -> (Int32, UnsafeMutableRawPointer)? {
        let file = dk_memory_file("dandelion-image", UInt64(size))
        guard file >= 0 else { throw PluginError(DN_NO_MEMORY, "no memory file for an image", errno: -file) }
        do throws(PluginError) {
            let writable = try map(file, size, PROT_READ | PROT_WRITE)
            defer { munmap(writable, size) }
            try fill(writable)
        } catch {
            close(file)
            throw error
        }
        guard seal(file) == 0 else {
            close(file)
            return nil
        }
        do throws(PluginError) { return (file, try map(file, size, PROT_READ)) } catch {
            close(file)
            throw error
        }
    }

    private static func map(_ file: Int32, _ size: Int, _ rights: Int32) throws(PluginError) -> UnsafeMutableRawPointer
    {
        guard let base = mmap(nil, size, rights, MAP_SHARED, file, 0), base != MAP_FAILED else {
            throw PluginError(DN_NO_MEMORY, "no addresses for an image of \(size) bytes", errno: errno)
        }
        madvise(base, size, MADV_DONTFORK)
        return base
    }

    /// What `part` begins with.
    public func contents(of part: Part) -> UnsafeRawPointer { UnsafeRawPointer(bytes + part.offset) }
}

extension ImageContents {
    /// Pages of zeros that are kept between two that hold something: each piece costs a mapping in every sandbox.
    private static let widestGap = 64

    /// The pages that hold something, as ranges of guest addresses with narrow gaps between them.
    /// - Parameter isHeld: by page, from the address `base` on.
    public static func ranges(of isHeld: ArraySlice<Bool>, from base: UInt64) -> [Range<UInt64>] {
        var found: [Range<Int>] = []
        for (page, held) in isHeld.enumerated() where held {
            if let last = found.last, page - last.upperBound <= widestGap {
                found[found.count - 1] = last.lowerBound..<page + 1
            } else {
                found.append(page..<page + 1)
            }
        }
        return found.map { base + UInt64($0.lowerBound) * page..<base + UInt64($0.upperBound) * page }
    }
}

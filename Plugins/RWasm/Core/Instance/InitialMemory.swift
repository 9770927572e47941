import PluginABI
package import PluginKit

extension Part {
    /// What active segments put into the module's own memory, as a file that each context maps privately; nil when that is so
    /// little that it is copied, or when some of it lies outside the memory, which instantiating finds out.
    package func initialMemory() throws(PluginError) -> ImageContents? {
        let fills = instantiable.template.memoryFills
        let page = ImageContents.page
        guard fills.reduce(0, { $0 + $1.bytes.count }) >= ImageContents.leastMapped,
            fills.allSatisfy({ $0.offset <= minimumBytes && UInt64($0.bytes.count) <= minimumBytes - $0.offset })
        else { return nil }
        var isHeld = [Bool](repeating: false, count: Int(minimumBytes / page))
        for fill in fills where !fill.bytes.isEmpty {
            for index in fill.offset / page...(fill.offset + UInt64(fill.bytes.count) - 1) / page {
                isHeld[Int(index)] = true
            }
        }
        let ranges = ImageContents.ranges(of: isHeld[...], from: 0)
        let module = self.module.bytes
        return try ImageContents(ranges, wholePages: true) { range, memory in
            // In their order, as instantiating would: a later one may overwrite.
            for fill in fills where !fill.bytes.isEmpty && range.contains(fill.offset) {
                module.withUnsafeBytes { bytes in
                    // SAFETY: a segment's pages are in one range, and its bytes are the module's.
                    guard let from = bytes.baseAddress else { return }
                    (memory + Int(fill.offset - range.lowerBound)).copyMemory(
                        from: from + fill.bytes.lowerBound, byteCount: fill.bytes.count)
                }
            }
        }
    }
}

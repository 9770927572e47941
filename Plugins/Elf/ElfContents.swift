import PluginABI
public import PluginKit

extension ImageContents {
    /// What the segments of an image hold, each checked against its file.
    public convenience init(_ segments: [Segment], of file: UnsafeRawBufferPointer) throws(PluginError) {
        let segments = segments.filter { $0.fileSize > 0 }
        let size = segments.reduce(0) { $0 + $1.fileSize }
        let wholePages = size >= Self.leastMapped
        var ranges: [Range<UInt64>] = []
        for segment in segments {
            let begin = wholePages ? segment.address & ~(Self.page - 1) : segment.address
            let last = segment.address + UInt64(segment.fileSize)
            let end = wholePages ? (last + Self.page - 1) & ~(Self.page - 1) : last
            if wholePages, let last = ranges.last, begin <= last.upperBound {
                ranges[ranges.count - 1] = last.lowerBound..<max(end, last.upperBound)
            } else {
                ranges.append(begin..<end)
            }
        }
        try self.init(ranges, wholePages: wholePages) { (range, memory) throws(PluginError) in
            for segment in segments where range.contains(segment.address) {
                // SAFETY: ElfImage checked that the segment's bytes lie in the file, and the range holds the segment.
                let from = UnsafeRawBufferPointer(
                    rebasing: file[segment.fileOffset..<segment.fileOffset + segment.fileSize])
                guard let start = from.baseAddress else { continue }
                (memory + Int(segment.address - range.lowerBound)).copyMemory(from: start, byteCount: from.count)
            }
        }
    }
}

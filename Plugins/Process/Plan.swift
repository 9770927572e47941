import CProcess
import PluginABI
import PluginElf
import PluginKit

/// How sandboxes take an image's contents. Fixed.
final class Plan: Sendable {
    /// What each maps privately, between what is copied.
    let mapped: [ImageContents.Part]
    /// What is copied into each one's own memory: the pages that the host writes to and a child must see so, the stack, what
    /// runs were seen to write, or all of small contents.
    let copied: [ImageContents.Part]
    /// From the first byte that is mapped to behind the last; what is copied may lie between.
    let span: Range<UInt64>
    /// The same of what functions may write to.
    let writable: Range<UInt64>
    /// What they may not: code and constants.
    private let constant: [Range<UInt64>]

    /// Mappings at most. An interpreter's objects are counted where they lie, so what it writes is many small pieces.
    private static let mostParts = 192
    /// Bytes that each sandbox takes for what runs write.
    private static let mostWritten: UInt64 = 4 << 20

    private init(
        mapped: [ImageContents.Part], copied: [ImageContents.Part], constant: [Range<UInt64>]
    ) {
        self.mapped = mapped.sorted { $0.address < $1.address }
        self.copied = copied
        self.constant = constant
        span = Plan.span(self.mapped)
        writable = Plan.span(
            self.mapped.filter { part in
                !constant.contains { $0.lowerBound <= part.address && part.range.upperBound <= $0.upperBound }
            })
    }

    private static func span(_ parts: [ImageContents.Part]) -> Range<UInt64> {
        (parts.first?.address ?? 0)..<(parts.last?.range.upperBound ?? 0)
    }

    /// Calls `body` with the pieces of a range of addresses that are mapped, in rising order.
    func eachMapped(in range: Range<UInt64>, _ body: (ImageContents.Part) -> Void) {
        var (low, high) = (0, mapped.count)
        while low < high {
            let middle = (low + high) / 2
            if mapped[middle].range.upperBound <= range.lowerBound { low = middle + 1 } else { high = middle }
        }
        for part in mapped[low...] {
            guard part.address < range.upperBound else { return }
            let piece = part.range.clamped(to: range)
            let skipped = Int(piece.lowerBound - part.address)
            body(.init(address: piece.lowerBound, offset: part.offset + skipped, count: piece.count))
        }
    }

    /// - Parameter layout: what is not plain memory.
    static func first(
        _ contents: ImageContents, systemData: UInt64, snapshot: UInt64, end: UInt64, layout: [PageRange]
    ) -> Plan {
        let constant = layout.filter { !$0.rights.contains(.write) }.map { $0.begin..<$0.end }
        let all = Plan(mapped: [], copied: contents.parts, constant: constant)
        guard contents.file != nil else { return all }
        // Pages that the host writes to before each run, which a private mapping would hide from the child.
        var common = [
            systemData..<systemData + UInt64(MemoryLayout<dn_guest_system64>.size), end..<end + 1,
        ]
        if snapshot != 0 { common.append(snapshot..<snapshot + UInt64(MemoryLayout<dn_guest_snapshot>.size)) }
        let isStack = { (part: ImageContents.Part) in part.address >= SlotMemory.stackHigh &- UInt64(DP_STACK_MAX) }
        let (mapped, copied) = split(contents.parts.filter { !isStack($0) }, common)
        guard mapped.count <= mostParts else { return all }
        return Plan(mapped: mapped, copied: copied + contents.parts.filter(isStack), constant: constant)
    }

    /// The same with pages copied that were written: whoever writes to shared memory needs nothing fetched and put back, which
    /// costs a microsecond a page. Nil when that would be too much.
    /// - Parameter written: rising.
    func copying(_ written: [Range<UInt64>]) -> Plan? {
        // The widest gaps stay mapped.
        let most = max(1, Plan.mostParts - mapped.count)
        let gaps = zip(written, written.dropFirst()).map { $1.lowerBound - $0.upperBound }.sorted(by: >)
        let least = gaps.dropFirst(most - 1).first ?? 0
        var ranges: [Range<UInt64>] = []
        for range in written {
            if let last = ranges.last, range.lowerBound - last.upperBound <= least {
                ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
            } else {
                ranges.append(range)
            }
        }
        let (mapped, copied) = Plan.split(mapped, ranges)
        let size = copied.reduce(0) { $0 + UInt64($1.count) }
        guard mapped.count <= Plan.mostParts, size <= Plan.mostWritten else { return nil }
        return Plan(mapped: mapped, copied: self.copied + copied, constant: constant)
    }

    /// Tells what is mapped from what is copied: the pages of `ranges`.
    private static func split(
        _ parts: [ImageContents.Part], _ ranges: [Range<UInt64>]
    ) -> (mapped: [ImageContents.Part], copied: [ImageContents.Part]) {
        var mapped: [ImageContents.Part] = []
        var copied: [ImageContents.Part] = []
        for part in parts {
            var begin = part.address
            func add(to list: inout [ImageContents.Part], until end: UInt64) {
                guard begin < end else { return }
                let offset = part.offset + Int(begin - part.address)
                list.append(.init(address: begin, offset: offset, count: Int(end - begin)))
                begin = end
            }
            for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
                let pages = range.lowerBound & ~(pageSize - 1)..<roundUp(range.upperBound)
                guard pages.overlaps(part.range) else { continue }
                add(to: &mapped, until: pages.lowerBound)
                add(to: &copied, until: min(pages.upperBound, part.range.upperBound))
            }
            add(to: &mapped, until: part.range.upperBound)
        }
        return (mapped, copied)
    }
}

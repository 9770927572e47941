import CKVM
import Glibc
import PluginABI
import PluginElf
import PluginKit

/// Makes an image of what a program has built in a context's memory.
extension Slot {
    private static let page = Int(GuestMap.page)

    /// - Parameter dataBegin: what lies from here on in the context is left out.
    func snapshot(_ dataBegin: UInt64, with recycler: borrowing Recycler) throws(PluginError) -> Image {
        guard let image else { throw PluginError(DN_INVALID, "nothing was loaded into the context") }
        guard dataBegin >= GuestMap.lowest, dataBegin <= limit else {
            throw PluginError(DN_OUT_OF_RANGE, "0x\(hex(dataBegin)) is not in a context of \(limit) bytes")
        }
        let end = GuestMap.pageUp(dataBegin)
        // What lies behind it in its last page must be zero, too.
        memset(context + Int(dataBegin), 0, Int(min(end, limit) - dataBegin))
        let isHeld = held(upTo: GuestMap.stackBytes + end, recycler)
        let stackPages = Int(GuestMap.stackBytes / GuestMap.page)
        // In the order in which they lie in a slot.
        let ranges =
            ImageContents.ranges(of: isHeld[..<stackPages], from: GuestMap.stackLow)
            + ImageContents.ranges(of: isHeld[stackPages...], from: 0)
        let contents = try ImageContents(ranges, wholePages: true) { range, memory in
            // The last page of a context may be cut by its limit.
            let end = range.lowerBound < limit ? min(range.upperBound, limit) : range.upperBound
            guard let bytes = view(range.lowerBound, end - range.lowerBound) else { return }
            // SAFETY: `view` checked the range, and the file has room for each.
            memcpy(memory, bytes, Int(end - range.lowerBound))
        }
        return Image(snapshotOf: image, dataBegin: dataBegin, contents)
    }

    /// By page of the slot's memory, whether something is there but zeros.
    private func held(upTo end: UInt64, _ recycler: borrowing Recycler) -> [Bool] {
        var isHeld = [Bool](repeating: false, count: Int(end / GuestMap.page))
        recycler.resident(memory, 0..<Int(end)) { begin, end in
            for page in begin / Self.page..<end / Self.page where !isZero(page) { isHeld[page] = true }
        }
        // Of a mapped image, pages that nobody has touched are not resident.
        for part in file?.parts ?? [] {
            let range = offsets(of: part)
            for page in range.lowerBound / Self.page..<min(range.upperBound / Self.page, isHeld.count) {
                isHeld[page] = true
            }
        }
        return isHeld
    }

    private func isZero(_ page: Int) -> Bool {
        // SAFETY: a whole page of this slot's memory.
        let words = UnsafeRawBufferPointer(start: memory + page * Self.page, count: Self.page)
        return words.withMemoryRebound(to: UInt64.self) { $0.allSatisfy { $0 == 0 } }
    }
}

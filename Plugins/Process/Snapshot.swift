import CProcess
import Glibc
import PluginABI
import PluginElf
import PluginKit

/// Makes an image of what a program has built in a sandbox's memory.
extension SlotMemory {
    borrowing func snapshot(of image: Image, end: UInt64) throws(PluginError) -> Image {
        guard end >= SlotMemory.contextBegin, end <= limit else {
            throw PluginError(DN_OUT_OF_RANGE, "0x\(hex(end)) is not in a context of \(limit) bytes")
        }
        let last = roundUp(end)
        // What lies behind it in its last page must be zero, too.
        memset(context(end), 0, Int(min(last, roundUp(limit)) &- end))
        let ranges =
            ImageContents.ranges(of: held(from: SlotMemory.contextBegin, to: last)[...], from: SlotMemory.contextBegin)
            + ImageContents.ranges(of: held(from: stackLow, to: SlotMemory.stackHigh)[...], from: stackLow)
        let contents = try ImageContents(ranges, wholePages: true) { range, memory in
            // Safe: whole pages of context or stack, which are mapped here, and the contents have room for each.
            memory.copyMemory(from: place(range.lowerBound), byteCount: Int(range.upperBound - range.lowerBound))
        }
        return Image(snapshotOf: image, end: end, contents)
    }

    /// By page, whether something is there but zeros.
    private borrowing func held(from begin: UInt64, to end: UInt64) -> [Bool] {
        var isHeld = [Bool](repeating: false, count: Int((end &- begin) / pageSize))
        let start = place(begin) - origin
        var position = UInt64(start)
        var data: (begin: UInt64, end: UInt64) = (0, 0)
        let limit = position &+ (end &- begin)
        while dp_next_data(file, position, limit, &data.begin, &data.end) != 0 {
            for page in Int(data.begin &- UInt64(start)) / Int(pageSize)..<Int(roundUp(data.end) &- UInt64(start))
                / Int(pageSize)
            {
                isHeld[page] = !isZero(begin &+ UInt64(page) &* pageSize)
            }
            position = data.end
        }
        for part in parts where part.range.overlaps(begin..<end) {
            for address in stride(from: part.address, to: part.range.upperBound, by: Int(pageSize)) {
                isHeld[Int((address &- begin) / pageSize)] = !isZero(address)
            }
        }
        return isHeld
    }

    private borrowing func isZero(_ address: UInt64) -> Bool {
        // Safe: a whole page of context or stack.
        let words = UnsafeRawBufferPointer(start: place(address), count: Int(pageSize))
        return words.withMemoryRebound(to: UInt64.self) { $0.allSatisfy { $0 == 0 } }
    }
}

import CProcess
import Glibc
import PluginABI
import PluginElf
import PluginKit

/// Large items without copies: parts of others' files that a function sees, and its own memory as a part of a file.
extension SlotMemory {
    /// Most of them; a child receives so many files beside the slot's own and the image's.
    private static let mostInputs = Int(DP_FILES) - 2

    /// Shows a part of a file from now on; the function's process maps it when it starts.
    mutating func show(_ range: dn_file_range, behind dataBegin: UInt64) throws(PluginError) {
        let (end, wrapped) = range.address.addingReportingOverflow(range.len)
        guard !wrapped, range.len > 0, (range.address | range.len | range.offset) & (pageSize - 1) == 0,
            range.address >= max(SlotMemory.contextBegin, dataBegin), end <= limit,
            range.offset <= UInt64(Int64.max) &- range.len
        else {
            throw PluginError(
                DN_OUT_OF_RANGE, "\(range.len) bytes at 0x\(hex(range.address)) are no free pages of the context")
        }
        guard !overlaps(range.address..<end) else {
            throw PluginError(DN_OUT_OF_RANGE, "something is mapped at 0x\(hex(range.address)) already")
        }
        guard inputs.count < Self.mostInputs else {
            throw PluginError(DN_LIMIT, "a function sees at most \(Self.mostInputs) parts of files")
        }
        let input = Input(range: range)
        try lay(input.part, range.file, range.offset, MAP_PRIVATE)
        inputs.append(input)
    }

    private func overlaps(_ range: Range<UInt64>) -> Bool {
        inputs.contains { $0.part.range.overlaps(range) } || parts.contains { $0.range.overlaps(range) }
    }

    /// Where pages of the context lie in a file: the slot's, or that of an input that the function left as it was.
    func export(_ address: UInt64, _ count: UInt64) throws(PluginError) -> dn_file_range {
        _ = try view(address, count)
        if let input = inputs.first(where: { $0.range.address == address && $0.range.len == count }), !input.isTouched {
            return input.range
        }
        let mask = pageSize - 1
        let begin = (address + mask) & ~mask
        let end = (address + count) & ~mask
        guard address <= limit, begin < end, !overlaps(begin..<end) else {
            throw PluginError(DN_UNSUPPORTED, "the memory lies in no file of the slot's")
        }
        var range = dn_file_range()
        range.file = file
        range.offset = offset(begin)
        range.address = begin
        range.len = end - begin
        return range
    }

    /// Copies what the child wrote to inputs into the host's view. False when the child is not there any more.
    /// - Parameter changed: becomes true when that was so much that a copy would have cost less.
    mutating func fetchInputs(
        from child: Int32, pagemap: Pagemap, _ pages: PageList, changed: inout Bool
    ) -> Bool {
        for index in inputs.indices {
            let part = inputs[index].part
            let to = context(part.address)
            guard let own = pages.copyOwn(of: pagemap, at: part.address, part.count, copying: (child, to)) else {
                return false
            }
            if own > 0 { inputs[index].isTouched = true }
            changed = changed || own > part.count / 4
            fetched &+= UInt64(own)
        }
        return true
    }

    /// Takes the inputs out again: nobody runs who could see them, and they may change from now on.
    mutating func hideInputs() throws(PluginError) {
        while let input = inputs.last {
            try layOwn(input.part.range)
            inputs.removeLast()
        }
    }
}

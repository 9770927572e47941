import CPluginKit
import Glibc
import PluginABI
import PluginElf
import PluginKit
import Synchronization

/// Large items without copies: parts of others' files that a context shows, and its own memory as a part of a file.
extension Slot {
    private static let page = Int(GuestMap.page)

    /// Bytes that the slot's file takes.
    private var fileBytes: Int {
        var status = stat()
        return backing >= 0 && fstat(backing, &status) == 0 ? Int(status.st_blocks) * 512 : 0
    }

    /// Gives the file's memory back.
    func emptyFile() throws(PluginError) {
        guard fileBytes > 0 else { return }
        let error = dk_empty(backing, UInt64(Self.bytes - Self.window.upperBound))
        guard error == 0 else {
            throw PluginError(DN_NO_MEMORY, "a context's memory cannot be given back", errno: error, retryable: true)
        }
    }

    /// Shows a part of a file in the place of the context's own memory, privately.
    func show(_ range: dn_file_range) throws(PluginError) {
        let (end, wrapped) = range.address.addingReportingOverflow(range.len)
        guard !wrapped, range.len > 0, (range.address | range.len | range.offset) & (GuestMap.page - 1) == 0,
            range.address >= max(GuestMap.lowest, image?.dataBegin ?? 0), end <= limit,
            range.offset <= UInt64(Int64.max) - range.len
        else {
            throw PluginError(
                DN_OUT_OF_RANGE, "\(range.len) bytes at 0x\(hex(range.address)) are no free pages of the context")
        }
        let begin = Int(GuestMap.stackBytes + range.address)
        let target = begin..<begin + Int(range.len)
        guard !inputs.contains(where: { $0.pages.overlaps(target) }) else {
            throw PluginError(DN_OUT_OF_RANGE, "something is mapped at 0x\(hex(range.address)) already")
        }
        guard image?.changesInputs.load(ordering: .relaxed) != true else {
            throw PluginError(DN_UNSUPPORTED, "the function changes much of what it is given")
        }
        // In pages of 4 KiB a mapping costs the guest more than a copy into large pages does.
        var status = stat()
        guard fstat(range.file, &status) == 0, status.st_blksize >= Int(GuestMap.largePage) else {
            throw PluginError(DN_UNSUPPORTED, "the file has no large pages")
        }
        guard range.offset + range.len <= UInt64(clamping: status.st_size) else {
            throw PluginError(DN_OUT_OF_RANGE, "the file ends before \(range.offset + range.len) bytes")
        }
        let flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE
        // SAFETY: whole pages of this slot's own memory, and nobody runs in it now.
        let mapped = mmap(
            memory + target.lowerBound, target.count, PROT_READ | PROT_WRITE, flags, range.file, off_t(range.offset))
        guard mapped != MAP_FAILED else {
            throw PluginError(DN_LIMIT, "a file cannot be mapped into a context", errno: errno, retryable: true)
        }
        madvise(memory + target.lowerBound, target.count, MADV_DONTFORK)
        inputs.append((target, range))
    }

    /// Where pages of the context lie in its file.
    func filePart(_ address: UInt64, _ count: UInt64) throws(PluginError) -> dn_file_range {
        _ = try view(address, count, writing: false)
        let mask = GuestMap.page - 1
        let border = UInt64(Self.window.upperBound) - GuestMap.stackBytes
        if let shown = shown(address, count) { return shown }
        let begin = max((address + mask) & ~mask, border)
        let end = (address + count) & ~mask
        guard backing >= 0, address <= limit, begin < end else {
            throw PluginError(DN_UNSUPPORTED, "the memory lies in no file")
        }
        let first = Int(GuestMap.stackBytes + begin)
        let pages = first..<first + Int(end - begin)
        let others = inputs.map(\.pages) + (file?.parts ?? []).map(offsets)
        guard !others.contains(where: { $0.overlaps(pages) }) else {
            throw PluginError(DN_UNSUPPORTED, "the memory is mapped from elsewhere")
        }
        var range = dn_file_range()
        range.file = backing
        range.offset = begin - border
        range.address = begin
        range.len = end - begin
        return range
    }

    /// The part of a file that the context shows there, if the function has not written to it.
    private func shown(_ address: UInt64, _ count: UInt64) -> dn_file_range? {
        let begin = Int(GuestMap.stackBytes &+ address)
        guard let input = inputs.first(where: { $0.pages == begin..<begin + Int(count) }),
            engine.instance.pagemap.isUntouched(memory + begin, Int(count))
        else { return nil }
        return input.range
    }

    /// Bytes that the context takes, whatever is mapped there.
    var bytesTaken: UInt64 {
        var count = 0
        let end = min(Int(GuestMap.stackBytes + limit), backing >= 0 ? Self.window.upperBound : Self.bytes)
        engine.recycler.resident(memory, 0..<end) { begin, end in count += end - begin }
        return UInt64(count + fileBytes)
    }
}

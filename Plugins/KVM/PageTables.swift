import PluginElf
import PluginKit

/// Builds a VM's page tables: one root for each layout of protected pages and limit in each slot, never changed
/// afterwards.
///
/// Code and constants of an image have pages of 4 KiB with their own rights, everything else is plain memory in pages of
/// 2 MiB. A gibibyte of nothing but plain memory is described by one table that all roots of its slot share.
/// Layout: Intel SDM volume 3, chapter 4.
struct PageTables {
    private let area: SystemArea
    private var systemDirectory: UInt64 = 0
    private var slots: [SlotTables] = []

    private struct SlotTables {
        /// The second entry of each root: system pages and stack.
        var upper: UInt64
        /// By gibibyte, 0 = not made yet.
        var plain: [UInt64]
    }

    private enum Entry {
        static let present: UInt64 = 1
        static let writable: UInt64 = 2
        static let user: UInt64 = 4
        /// Accessed and dirty, so that no processor has to set them.
        static let used: UInt64 = 0x60
        static let large: UInt64 = 0x80
        static let noExecute: UInt64 = 1 << 63

        static let table = present | writable | user | used
        static let plain = table | noExecute
        static let code = present | user | used
        static let constant = code | noExecute
        static let supervisor = present | writable | used | noExecute
        static let supervisorCode = present | used
    }

    /// Nil when the area cannot hold the tables.
    init?(area: SystemArea, slots count: Int) {
        self.area = area
        guard let directory = area.newTable(), let pages = area.newTable() else { return nil }
        systemDirectory = directory
        area.setEntry(0, of: directory, pages | Entry.table)
        var rights: [(page: UInt64, entry: UInt64)] = [
            (GuestMap.Page.descriptors, Entry.supervisor), (GuestMap.Page.interrupts, Entry.supervisor),
            (GuestMap.Page.task, Entry.supervisor), (GuestMap.Page.task + GuestMap.page, Entry.supervisor),
            (GuestMap.Page.task + 2 * GuestMap.page, Entry.supervisor),
            (GuestMap.Page.stubs, Entry.supervisorCode), (GuestMap.Page.kernelStack, Entry.supervisor),
            (GuestMap.Page.trampoline, Entry.code),
        ]
        for page in stride(from: GuestMap.Page.entry, to: GuestMap.Page.entryEnd, by: Int(GuestMap.page)) {
            rights.append((page, Entry.constant))
        }
        for (page, entry) in rights { area.setEntry(page / GuestMap.page, of: pages, page | entry) }
        for index in 0..<count {
            guard let tables = makeSlot(index) else { return nil }
            slots.append(tables)
        }
    }

    private func makeSlot(_ index: Int) -> SlotTables? {
        guard let upper = area.newTable(), let stack = area.newTable() else { return nil }
        area.setEntry(0, of: upper, systemDirectory | Entry.table)
        area.setEntry(1, of: upper, stack | Entry.table)
        let physical = GuestMap.slotPhysical(index)
        for page in 0..<GuestMap.stackBytes / GuestMap.largePage {
            area.setEntry(page, of: stack, (physical + page * GuestMap.largePage) | Entry.plain | Entry.large)
        }
        return SlotTables(
            upper: upper, plain: Array(repeating: 0, count: Int(GuestMap.contextMax / GuestMap.gibibyte)))
    }

    /// The root for a slot's context of `limit` bytes that holds an image with these protected pages (sorted; all other
    /// pages are plain memory). Nil when the area is full.
    mutating func root(slot: Int, limit: UInt64, protections: [PageRange]) -> UInt64? {
        guard let root = area.newTable(), let lower = area.newTable() else { return nil }
        area.setEntry(0, of: root, lower | Entry.table)
        area.setEntry(1, of: root, slots[slot].upper | Entry.table)
        var begin: UInt64 = 0
        while begin < limit {
            let end = begin + GuestMap.gibibyte
            let isPlain = begin > 0 && end <= limit && !Self.touches(protections, begin, end)
            let found =
                isPlain ? plainGibibyte(slot, begin) : directory(slot, begin, min(end, limit), protections)
            guard let found else { return nil }
            area.setEntry(begin / GuestMap.gibibyte, of: lower, found | Entry.table)
            begin = end
        }
        return root
    }

    private static func touches(_ ranges: [PageRange], _ begin: UInt64, _ end: UInt64) -> Bool {
        ranges.contains { $0.begin < end && begin < $0.end }
    }

    /// The physical address of a context's guest address 0.
    private static func physical(_ slot: Int) -> UInt64 { GuestMap.slotPhysical(slot) + GuestMap.stackBytes }

    private mutating func plainGibibyte(_ slot: Int, _ begin: UInt64) -> UInt64? {
        let index = Int(begin / GuestMap.gibibyte)
        if slots[slot].plain[index] == 0 {
            guard let table = directory(slot, begin, begin + GuestMap.gibibyte, []) else { return nil }
            slots[slot].plain[index] = table
        }
        return slots[slot].plain[index]
    }

    /// Describes [begin, end) of one gibibyte.
    private func directory(_ slot: Int, _ begin: UInt64, _ end: UInt64, _ protections: [PageRange]) -> UInt64? {
        guard let table = area.newTable() else { return nil }
        var at = begin
        while at < end {
            let next = at + GuestMap.largePage
            var entry = (Self.physical(slot) + at) | Entry.plain | Entry.large
            if at < GuestMap.lowest || next > end || Self.touches(protections, at, next) {
                guard let pages = pages(slot, at, min(next, end), protections) else { return nil }
                entry = pages | Entry.table
            }
            area.setEntry(at / GuestMap.largePage, of: table, entry)
            at = next
        }
        return table
    }

    /// Describes [begin, end) of one large page.
    private func pages(_ slot: Int, _ begin: UInt64, _ end: UInt64, _ protections: [PageRange]) -> UInt64? {
        guard let table = area.newTable() else { return nil }
        var rest = protections[...].drop { $0.end <= begin }
        for at in stride(from: max(begin, GuestMap.lowest), to: end, by: Int(GuestMap.page)) {
            rest = rest.drop { $0.end <= at }
            var entry = Entry.plain
            if let range = rest.first, range.begin <= at {
                entry = range.rights.contains(.execute) ? Entry.code : Entry.constant
            }
            area.setEntry(at / GuestMap.page, of: table, (Self.physical(slot) + at) | entry)
        }
        return table
    }
}

import Failure
@testable import GuestLayout
import Items
import PluginABI
import Testing

@Suite struct PlacementTests {
    @Test(arguments: [4, 8])
    func functionsSeeTheirInputs(word: Int) throws {
        let guest = Guest(word: word)
        let placed = try guest.place(
            [set(item("a", "alpha", key: 7), item("", "", key: .max)), set(), set(item("c", "gamma"))],
            inputNames: ["first", "second", "third", "absent"], outputNames: ["out", ""])
        let seen = guest.inputs()
        #expect(seen.map(\.0) == ["first", "second", "third", "absent"])
        #expect(seen[0].1[0] == ("a", 7, "alpha") && seen[0].1[1] == ("", .max, ""))
        #expect(seen[2].1[0] == ("c", 0, "gamma"))
        #expect(seen.map(\.1.count) == [2, 0, 1, 0])
        // Data is 128-byte aligned, tables 8-byte aligned, the heap begins behind all of it.
        let items = guest.system(7)
        #expect((0..<3).allSatisfy { guest.load(items, $0 * 5 + 2) % 128 == 0 })
        #expect([guest.system(4), guest.system(6), items].allSatisfy { $0 % 8 == 0 })
        #expect(guest.system(1) == placed.heapBegin && placed.heapBegin % 16 == 0)
        #expect(placed.heapBegin > placed.entryBlock + 103)
        #expect(guest.system(2) == guest.limit - 128)
        #expect(guest.bytes.loadUnaligned(fromByteOffset: 0x10, as: Int32.self) == -1)
        // Two output sets without items, and the end.
        #expect(guest.system(5) == 2 && guest.system(8) == 0)
        #expect(guest.text(guest.load(guest.system(6)), guest.load(guest.system(6), 1)) == "out")
        #expect((0...2).allSatisfy { guest.load(guest.system(6), $0 * 3 + 2) == 0 })
        #expect(guest.bytes[Int(placed.heapBegin - Guest.low)...].allSatisfy { $0 == 0 })
    }

    @Test func theHeadersStructuresAreWhatIsPlaced() throws {
        #expect(MemoryLayout<dn_guest_system64>.size == 72 && MemoryLayout<dn_guest_system32>.size == 36)
        #expect(MemoryLayout<dn_guest_entry>.size == 104)
        let guest = Guest(word: 8)
        let placed = try guest.place([set(item("id", "data", key: 3))], inputNames: ["in"], outputNames: ["out"])
        let base = UnsafeRawPointer(try #require(guest.bytes.baseAddress))
        func view<T>(_ address: UInt64, as type: T.Type) -> T {
            base.loadUnaligned(fromByteOffset: Int(address - Guest.low), as: type)
        }
        let system = view(placed.systemData, as: dn_guest_system64.self)
        #expect(system.exit_code == -1 && system.padding == 0)
        #expect(system.heap_begin == placed.heapBegin && system.heap_end == guest.limit - 128)
        #expect(system.input_sets_len == 1 && system.output_sets_len == 1 && system.output_items == 0)
        let input = view(system.input_sets, as: dn_guest_set64.self)
        #expect(guest.text(input.ident, input.ident_len) == "in" && input.offset == 0)
        let item = view(system.input_items, as: dn_guest_item64.self)
        #expect(guest.text(item.ident, item.ident_len) == "id" && guest.text(item.data, item.data_len) == "data")
        #expect(item.key == 3)
        let output = view(system.output_sets, as: dn_guest_set64.self)
        #expect(guest.text(output.ident, output.ident_len) == "out")
        let entry = view(placed.entryBlock, as: dn_guest_entry.self)
        #expect(entry.magic == DN_GUEST_ENTRY_MAGIC && entry.struct_size == 104)
        #expect(entry.exit_address == 0x1234 && entry.system_data == placed.systemData)
        #expect(entry.stack_low == Guest.stackLow && entry.stack_high == Guest.stackLow + 0x1000)
        #expect(entry.realtime_ns == 5 && entry.random == (6, 7, 8, 9))
        #expect(entry.report == 0 && entry.counter_hz == 10 && entry.time_ns == 11)
    }

    @Test func the32BitStructuresAreWhatIsPlaced() throws {
        let guest = Guest(word: 4)
        let placed = try guest.place([set(item("id", "data", key: 3))], inputNames: ["in"], outputNames: ["out"])
        let base = UnsafeRawPointer(try #require(guest.bytes.baseAddress))
        func view<T>(_ address: UInt64, as type: T.Type) -> T {
            base.loadUnaligned(fromByteOffset: Int(address - Guest.low), as: type)
        }
        let system = view(placed.systemData, as: dn_guest_system32.self)
        #expect(system.exit_code == -1 && UInt64(system.heap_begin) == placed.heapBegin)
        #expect(system.input_sets_len == 1 && system.output_sets_len == 1 && system.output_items == 0)
        let item = view(UInt64(system.input_items), as: dn_guest_item32.self)
        #expect(guest.text(UInt64(item.data), UInt64(item.data_len)) == "data" && item.key == 3)
        let sentinel = view(UInt64(system.input_sets) + 12, as: dn_guest_set32.self)
        #expect(sentinel.ident == 0 && sentinel.ident_len == 0 && sentinel.offset == 1)
    }

    /// One small case to the byte: one input set "i" with item "n" = "xy", key 5, one output set "o".
    @Test func exactBytes() throws {
        let guest = Guest(word: 4, size: 0x400)
        let placed = try guest.place([set(item("n", "xy", key: 5))], inputNames: ["i"], outputNames: ["o"])
        #expect(placed == Placed(entryBlock: 0x10150, systemData: 0x10010, heapBegin: 0x101c0))
        var expected = [UInt8](repeating: 0, count: 0x400)
        func put(_ words: [UInt32], at offset: Int) {
            for (index, word) in words.enumerated() {
                withUnsafeBytes(of: word) {
                    for (i, byte) in $0.enumerated() { expected[offset + index * 4 + i] = byte }
                }
            }
        }
        put([0xffff_ffff, 0x101c0, 0x10380, 1, 0x10108, 1, 0x10120, 0x10138, 0], at: 0x10)
        expected.replaceSubrange(0x100..<0x105, with: Array("xyino".utf8))
        put([0x10102, 1, 0, 0, 0, 1], at: 0x108)
        put([0x10104, 1, 0, 0, 0, 0], at: 0x120)
        put([0x10103, 1, 0x10100, 2, 5], at: 0x138)
        put([0x3159_4c44, 104, 0x1234, 0, 0x10010, 0, 0x7fff_0000, 0, 0x7fff_1000, 0], at: 0x150)
        put([5, 0, 6, 0, 7, 0, 8, 0, 9, 0, 0, 0, 10, 0, 11, 0], at: 0x178)
        #expect(Array(guest.bytes) == expected)
    }

    @Test func imagesWithoutSystemDataGetOne() throws {
        let guest = Guest(word: 8)
        let placed = try guest.place([], inputNames: [], outputNames: ["o"], frame: guest.frame(system: nil))
        #expect(placed.systemData == placed.entryBlock + 104)
        #expect(placed.heapBegin >= placed.systemData + 72)
        #expect(guest.load(placed.entryBlock, 2) == placed.systemData)
        let outputs = try guest.memory.collect(
            systemData: placed.systemData, pointerBytes: 8, outputCount: 1, limits: GuestLimits(items: 1, bytes: 9))
        #expect(outputs.exitCode == -1 && outputs.sets.map(\.items.count) == [0])
    }

    @Test func aStackInsideTheMemoryEndsTheHeap() throws {
        let guest = Guest(word: 8)
        var frame = guest.frame()
        frame.stackLow = 0x13000
        frame.stackHigh = guest.limit
        _ = try guest.place([], inputNames: [], outputNames: [], frame: frame)
        #expect(guest.system(2) == 0x13000 - 4096 - 128)
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let guest = Guest(word: 8)
        let room = Int(guest.limit - 0x10100)
        func kind(_ bytes: Int, _ frame: GuestFrame? = nil) -> Failure.Kind? {
            do throws(Failure) {
                _ = try guest.memory.place(
                    inputs: [
                        ItemSet(
                            name: .empty, items: [Item(ident: .empty, data: Blob([UInt8](repeating: 1, count: bytes)))])
                    ],
                    inputNames: [Blob("i")], outputNames: [], frame: frame ?? guest.frame())
                return nil
            } catch {
                return error.kind
            }
        }
        #expect(kind(room) == .tooLarge)
        // Behind the data: 1 byte of name, padded to 8, tables of 48, 24 and 40 bytes, the entry block, 128 bytes spare.
        #expect(kind(room - 128 - 104 - 112) == .tooLarge)
        #expect(guest.bytes[0x100...].allSatisfy { $0 == 0 })
        #expect(kind(room - 128 - 104 - 112 - 1) == nil)
        var frame = guest.frame()
        for dataBegin in [guest.limit, .max, .max - 100, 0] {
            frame.dataBegin = dataBegin
            #expect(kind(1, frame) == .tooLarge)
        }
        frame = guest.frame()
        frame.limit = 100
        #expect(kind(1, frame) == .tooLarge)
        frame = guest.frame(system: guest.limit - 71)
        #expect(kind(1, frame) == .invalid)
        frame = guest.frame()
        frame.pointerBytes = 5
        #expect(kind(1, frame) == .internal)
        #expect(throws: Failure.self) { try guest.place([set()], inputNames: [], outputNames: []) }
    }

    /// A storage all of whose bytes lie in a file from an offset on.
    private final class InFile: Storage, @unchecked Sendable {
        let bytes: UnsafeMutableRawBufferPointer
        let offset: Int
        init(_ count: Int, at offset: Int) {
            bytes = .allocate(byteCount: count, alignment: 4096)
            self.offset = offset
            super.init()
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index % 251) }
        }
        deinit { bytes.deallocate() }
        override func filePart(of part: UnsafeRawBufferPointer) -> FilePart? {
            guard let base = bytes.baseAddress, let start = part.baseAddress else { return nil }
            let first = offset + (start - UnsafeRawPointer(base))
            return FilePart(descriptor: 9, of: first..<first + part.count)
        }
        var item: Item {
            let data = Blob(storage: self, start: bytes.baseAddress.map { UnsafeRawPointer($0) }, count: bytes.count)
            return Item(ident: Blob("big"), data: data)
        }
    }

    /// Pages of large items are mapped where a page is a page, the rest is copied, and nothing else lies in their pages.
    @Test(arguments: [0, 128, 4096 + 1152, 3968])
    func pagesOfLargeItemsAreMapped(offset: Int) throws {
        let guest = Guest(word: 8, size: 0x40000)
        let big = InFile(5 * 4096 + 200, at: offset)
        var mapped: [(FilePart, UInt64)] = []
        let placed = try guest.place(
            [set(item("a", "small"), big.item, item("b", "after"))], inputNames: ["in"], outputNames: ["out"],
            mapsFrom: 8192
        ) { part, _, address in
            mapped.append((part, address))
            return true
        }
        try #require(mapped.count == 1)
        let (part, address) = mapped[0]
        #expect(address % 128 == 0 && (address &- UInt64(offset)) % 4096 == 0)
        #expect(part.offset % 4096 == 0 && part.count % 4096 == 0 && part.count >= 4 * 4096)
        #expect(part.lead == part.offset - offset && part.lead + part.count <= big.bytes.count)
        let items = guest.system(7)
        #expect(guest.load(items, 1 * 5 + 2) == address && guest.load(items, 1 * 5 + 3) == UInt64(big.bytes.count))
        // The pages are left alone, the edges are copied.
        let begin = Int(address - Guest.low)
        let pages = begin + part.lead..<begin + part.lead + part.count
        #expect(guest.bytes[pages].allSatisfy { $0 == 0 })
        for index in big.bytes.indices where !pages.contains(begin + index) {
            #expect(guest.bytes[begin + index] == big.bytes[index])
        }
        for other in [0, 2] {
            let at = Int(guest.load(items, other * 5 + 2) - Guest.low)
            let text = guest.text(guest.load(items, other * 5 + 2), 5)
            #expect(!pages.contains(at) && text == ["small", "", "after"][other])
        }
        #expect(placed.entryBlock >= Guest.low + UInt64(pages.upperBound))
    }

    @Test func whatCannotBeMappedIsCopied() throws {
        for (offset, takes) in [(8, true), (0, false)] {
            let guest = Guest(word: 8, size: 0x40000)
            let big = InFile(5 * 4096 + 200, at: offset)
            _ = try guest.place([set(big.item)], inputNames: ["in"], outputNames: [], mapsFrom: 8192) { _, _, _ in takes
            }
            let at = Int(guest.load(guest.system(7), 2) - Guest.low)
            #expect(at % 128 == 0 && big.bytes.indices.allSatisfy { guest.bytes[at + $0] == big.bytes[$0] })
        }
    }
}

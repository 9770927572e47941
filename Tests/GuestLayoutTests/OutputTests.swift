import Failure
import GuestLayout
import Items
import Testing

@Suite struct OutputTests {
    private let inputs = [
        set(item("a", "alpha", key: 7), item("b", "beta", key: 9)), set(),
        set(item("c", String(repeating: "g", count: 300))),
    ]

    /// A guest whose function passed three input sets on.
    private func guest(_ word: Int) throws -> Guest {
        let guest = Guest(word: word)
        _ = try guest.place(inputs, inputNames: ["x", "y", "z"], outputNames: ["one", "two", "three"])
        guest.passInputsOn(3)
        return guest
    }

    @Test(arguments: [4, 8])
    func roundTrip(word: Int) throws {
        let guest = try guest(word)
        let outputs = try guest.collect(3)
        #expect(outputs.exitCode == 0)
        #expect(outputs.sets.map { String(decoding: $0.ident, as: UTF8.self) } == ["one", "two", "three"])
        for (left, passed) in zip(outputs.sets, inputs) {
            #expect(left.items.map { String(decoding: $0.ident, as: UTF8.self) } == passed.items.map(\.ident.text))
            #expect(left.items.map { String(decoding: $0.data, as: UTF8.self) } == passed.items.map(\.data.text))
            #expect(left.items.map(\.key) == passed.items.map(\.key))
        }
    }

    @Test func aFunctionThatDidNothingLeavesEmptySets() throws {
        let guest = Guest(word: 8)
        _ = try guest.place([], inputNames: ["x"], outputNames: ["one", "two"])
        let outputs = try guest.collect(2)
        #expect(outputs.exitCode == -1 && outputs.sets.map(\.items.count) == [0, 0])
        let none = Guest(word: 4)
        _ = try none.place([], inputNames: [], outputNames: [])
        #expect(try none.collect(0).sets.isEmpty)
    }

    @Test(arguments: [4, 8])
    func namesAndDataMayLieOnTheStackOrBeEmptyAnywhere(word: Int) throws {
        let guest = try guest(word)
        guest.stack[0x10] = UInt8(ascii: "s")
        let sets = guest.system(6)
        guest.store(Guest.stackLow + 0x10, sets)
        guest.store(1, sets, 1)
        // An empty name at an address that does not exist: nothing is read there.
        guest.store(0x7000_0000, sets, 3)
        guest.store(0, sets, 4)
        let outputs = try guest.collect(3)
        #expect(String(decoding: outputs.sets[0].ident, as: UTF8.self) == "s")
        #expect(outputs.sets[1].ident.isEmpty)
    }

    @Test func keysKeepTheirLow32Bits() throws {
        let guest = try guest(8)
        guest.store(0x1_0000_0002, guest.system(8), 4)
        #expect(try guest.collect(3).sets[0].items[0].key == 2)
    }

    @Test(arguments: [4, 8])
    func lyingTablesAreRefused(word: Int) throws {
        // (word to overwrite: nil = system data, false = sets, true = items; index; value; what the message names)
        let top: UInt64 = word == 8 ? .max : UInt64(UInt32.max)
        let cases: [(table: Int, index: Int, value: UInt64, message: String)] = [
            (0, 5, 2, "left 2 output sets where 3 are registered"), (0, 5, top, "output sets where 3 are registered"),
            (0, 6, 0, "table of output sets, \(12 * word) bytes at 0x0"), (0, 6, top, "table of output sets"),
            (0, 6, Guest.low + 0x4000 - 8, "table of output sets"), (0, 8, 0, "items of output set 0"),
            (0, 8, top, "items of output set 0"), (0, 8, top - 79, "items of output set 0"),
            (6, 2, 3, "output set 1 begins at item 2"), (6, 5, 3, "output set 2 begins at item 2"),
            (6, 11, 1, "output set 3 begins at item 1"), (6, 11, top, "offsets must rise"),
            (6, 0, 0x20, "name of output set 0, 3 bytes at 0x20"), (6, 1, top, "name of output set 0"),
            (6, 4, 0x10_0000, "name of output set 1"), (8, 0, top, "name of item 0 of output set 0"),
            (8, 1, top, "name of item 0 of output set 0"), (8, 7, 1, "data of item 1 of output set 0, 4 bytes at 0x1"),
            (8, 8, 0x4001, "data of item 1 of output set 0"), (8, 13, top, "data of item 0 of output set 2"),
        ]
        for (table, index, value, message) in cases {
            let guest = try guest(word)
            guest.store(value, table == 0 ? Guest.system : guest.system(table), index)
            let failure = try #require(guest.refusal(3), "\(table) \(index) \(value)")
            #expect(failure.kind == .functionFault && failure.detail.contains(message), "\(failure.detail)")
        }
    }

    @Test func systemDataOutsideTheMemoryIsRefused() throws {
        let guest = try guest(8)
        for address in [0, Guest.low - 1, guest.limit - 71, .max, .max - 71] {
            #expect(throws: Failure.self) {
                try guest.memory.collect(
                    systemData: address, pointerBytes: 8, outputCount: 3, limits: GuestLimits(items: 9, bytes: 9))
            }
        }
    }

    @Test func overlappingItemsCannotMultiplyMemory() throws {
        let guest = Guest(word: 8, size: 0x10000)
        _ = try guest.place([], inputNames: [], outputNames: ["o"])
        // 1000 items that all name the same 32 KiB.
        let items = guest.system(1)
        for index in 0..<1000 {
            guest.store(Guest.low, items, index * 5 + 2)
            guest.store(0x8000, items, index * 5 + 3)
        }
        guest.store(items, Guest.system, 8)
        guest.store(1000, guest.system(6), 5)
        #expect(guest.refusal(1)?.kind == .tooLarge)
        #expect(guest.refusal(1, limits: GuestLimits(items: 999, bytes: .max))?.kind == .tooLarge)
        #expect(
            guest.refusal(1, limits: GuestLimits(items: 1000, bytes: 1000 * 0x8000))
                == .some(.init(.tooLarge, "the function left more than 32768000 bytes of output")))
        #expect(
            try guest.collect(1, limits: GuestLimits(items: 1000, bytes: 1000 * 0x8000 + 1)).sets[0].items.count == 1000
        )
    }

    @Test func memoryRangesDoNotWrap() throws {
        let guest = Guest(word: 8)
        let memory = guest.memory
        #expect(memory.bytes(at: Guest.low, count: 0x4000) == guest.bytes.baseAddress)
        #expect(memory.bytes(at: guest.limit, count: 0) != nil)
        #expect(memory.bytes(at: Guest.stackLow + 1, count: 0xfff) == guest.stack.baseAddress.map { $0 + 1 })
        for (address, count) in [
            (Guest.low - 1, 1), (Guest.low, 0x4001), (guest.limit, 1), (0, 1), (Guest.low, .max), (.max, 2),
            (.max, .max),
            (guest.limit - 1, 2), (Guest.stackLow - 1, 2), (Guest.stackLow + 0xfff, 2), (1 << 63, 1 << 63),
        ] as [(UInt64, UInt64)] {
            #expect(memory.bytes(at: address, count: count) == nil)
        }
    }

    /// Whatever the guest wrote: outputs inside its memory and within the limits, or a failure.
    @Test(arguments: [4, 8])
    func mutatedMemoryNeverLeadsOutside(word: Int) throws {
        var random = Seeded(state: UInt64(word))
        let guest = try guest(word)
        let valid = Array(guest.bytes)
        let limits = GuestLimits(items: 50, bytes: 4096)
        let interesting: [UInt64] = [
            0, 1, 2, 3, 0x7f, 0x80, Guest.low, Guest.low + 0x3fff, guest.limit, Guest.stackLow, Guest.system,
            guest.system(6),
            guest.system(8), .max, .max - 1, 1 << 31, 1 << 32, 1 << 63, UInt64(UInt32.max),
        ]
        // Tables lie in the system data and in what was placed behind the items' data.
        let places = (0x10..<0x58).map { $0 } + (0x380..<0x600).map { $0 }
        var accepted = 0
        for _ in 0..<50_000 {
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let at = (places.randomElement(using: &random) ?? 0) & ~(word - 1)
                let value = Bool.random(using: &random) ? interesting.randomElement(using: &random) ?? 0 : random.next()
                guest.store(value >> UInt64.random(in: 0...8, using: &random), Guest.low + UInt64(at))
            }
            do throws(Failure) {
                for set in try guest.collect(3, limits: limits).sets { check(set, guest, limits) }
                accepted += 1
            } catch {
                #expect(error.kind == .functionFault || error.kind == .tooLarge)
            }
            guest.bytes.copyBytes(from: valid)
        }
        #expect(accepted > 1000 && accepted < 49_000, "\(accepted)")
    }

    private func check(_ set: GuestSet, _ guest: Guest, _ limits: GuestLimits) {
        #expect(set.items.count <= limits.items)
        for bytes in [set.ident] + set.items.map(\.ident) + set.items.map(\.data) {
            guard let start = bytes.baseAddress else {
                #expect(bytes.isEmpty)
                continue
            }
            let isInside = [guest.bytes, guest.stack].contains { range in
                guard let base = range.baseAddress else { return false }
                return start >= UnsafeRawPointer(base) && start + bytes.count <= UnsafeRawPointer(base) + range.count
            }
            #expect(isInside)
        }
    }
}

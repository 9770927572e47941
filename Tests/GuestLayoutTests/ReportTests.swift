import GuestLayout
import PluginABI
import Testing

/// What a function wrote before it died, as it left it in its memory.
@Suite struct ReportTests {
    static let entry = Guest.low + 0x100
    static let report = Guest.low + 0x200
    static let words = Guest.low + 0x240
    static let text = Guest.low + 0x300

    /// Memory with a report of "out" and "error".
    private func guest(_ word: Int) -> Guest {
        let guest = Guest(word: word)
        guest.put(Self.report, at: Self.entry + 80)
        guest.put(UInt64(DN_GUEST_REPORT_MAGIC) | 24 << 32, at: Self.report)
        guest.put(Self.words, at: Self.report + 8)
        guest.put(Self.words + 32, at: Self.report + 16)
        for (address, text) in [(Self.words, "out"), (Self.words + 32, "error")] {
            let place = Self.text + (address - Self.words) * 2
            guest.store(place, address)
            guest.store(UInt64(text.utf8.count), address, 1)
            for (index, byte) in text.utf8.enumerated() { guest.bytes[Int(place - Guest.low) + index] = byte }
        }
        return guest
    }

    private func streams(_ guest: Guest, most: Int = 100) -> [String] {
        let streams = guest.memory.streams(entryBlock: Self.entry, pointerBytes: guest.word, most: most)
        return [streams.output, streams.error].map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [4, 8]) func bothStreams(word: Int) {
        let guest = guest(word)
        #expect(streams(guest) == ["out", "error"] && streams(guest, most: 2) == ["ut", "or"])
        guest.store(0, Self.words, 1)
        guest.put(0, at: Self.report + 16)
        #expect(streams(guest) == ["", ""])
    }

    /// Whatever lies there: nothing outside of the memory, and never more than is asked for.
    @Test(arguments: [4, 8]) func liesCountAsNothing(word: Int) {
        let interesting: [UInt64] = [
            1, 7, Guest.low, guest(word).limit - 1, guest(word).limit, .max, .max - 7, 1 << 31, 1 << 63, 0xffff_ffff,
        ]
        for place in [Self.entry + 80, Self.report, Self.report + 8, Self.report + 16, Self.words, Self.words + 8] {
            for value in interesting {
                let guest = guest(word)
                guest.put(value, at: place)
                #expect(streams(guest).allSatisfy { $0.utf8.count <= 300 })
            }
        }
        let short = guest(word)
        short.put(UInt64(DN_GUEST_REPORT_MAGIC) | 23 << 32, at: Self.report)
        #expect(streams(short) == ["", ""])
        let memory = guest(word).memory
        #expect(memory.streams(entryBlock: .max - 40, pointerBytes: word, most: 9).output.isEmpty)
    }
}

extension Guest {
    /// Stores 64 bits, whatever the word is.
    func put(_ value: UInt64, at address: UInt64) {
        bytes.storeBytes(of: value, toByteOffset: Int(address - Guest.low), as: UInt64.self)
    }
}

import GuestLayout
import PluginABI
import Testing

/// What a function wrote before it died, as it left it in its memory.
@Suite struct ReportTests {
    static let entry = Guest.low + 0x100
    static let report = Guest.low + 0x200
    static let words = Guest.low + 0x240
    static let text = Guest.low + 0x300

    static let failure = Guest.low + 0x280

    /// Memory with a report of "out" and "error", and of a failure.
    private func guest(_ word: Int) -> Guest {
        let guest = Guest(word: word)
        guest.put(Self.report, at: Self.entry + 80)
        guest.put(UInt64(DN_GUEST_REPORT_MAGIC) | 32 << 32, at: Self.report)
        guest.put(Self.words, at: Self.report + 8)
        guest.put(Self.words + 32, at: Self.report + 16)
        guest.put(Self.failure, at: Self.report + 24)
        let pair = UInt64(2 * word)
        let texts = [
            (Self.words, "out"), (Self.words + 32, "error"), (Self.failure, "ValueError"),
            (Self.failure + pair, "bad"), (Self.failure + 2 * pair, "line 3"),
        ]
        for (index, (address, text)) in texts.enumerated() {
            let place = Self.text + UInt64(index) * 64
            guest.store(place, address)
            guest.store(UInt64(text.utf8.count), address, 1)
            for (index, byte) in text.utf8.enumerated() { guest.bytes[Int(place - Guest.low) + index] = byte }
        }
        return guest
    }

    private func streams(_ guest: Guest, most: Int = 100) -> [String] {
        let report = guest.memory.report(entryBlock: Self.entry, pointerBytes: guest.word, most: most)
        return [report.output, report.error].map { String(decoding: $0, as: UTF8.self) }
    }

    private func failure(_ guest: Guest) -> [String]? {
        guest.memory.failure(entryBlock: Self.entry, pointerBytes: guest.word).map {
            [$0.type, $0.message, $0.trace].map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test(arguments: [4, 8]) func bothStreams(word: Int) {
        let guest = guest(word)
        #expect(streams(guest) == ["out", "error"] && streams(guest, most: 2) == ["ut", "or"])
        guest.store(0, Self.words, 1)
        guest.put(0, at: Self.report + 16)
        #expect(streams(guest) == ["", ""])
    }

    @Test(arguments: [4, 8]) func failures(word: Int) {
        let guest = guest(word)
        #expect(failure(guest) == ["ValueError", "bad", "line 3"])
        guest.store(0, Self.failure, 3)
        #expect(failure(guest) == ["ValueError", "", "line 3"])
        // An image that knows of no failures has a shorter report.
        guest.put(UInt64(DN_GUEST_REPORT_MAGIC) | 24 << 32, at: Self.report)
        #expect(failure(guest) == nil && streams(guest) == ["out", "error"])
    }

    /// Of long texts a part is told: of a trace the end.
    @Test func longFailuresAreCut() {
        let guest = guest(8)
        let count = guest.limit - Self.text
        for index in 0..<3 { guest.store(count, Self.failure, 2 * index + 1) }
        for index in 0..<3 { guest.store(Self.text, Self.failure, 2 * index) }
        let told = guest.memory.failure(entryBlock: Self.entry, pointerBytes: 8)
        #expect(told?.type.count == 256 && told?.message.count == min(Int(count), 16 << 10))
        #expect(told?.trace.count == min(Int(count), 64 << 10))
        #expect(told.map { String(decoding: $0.type.prefix(3), as: UTF8.self) } == "out")
    }

    /// Whatever lies there: nothing outside of the memory, and never more than is asked for.
    @Test(arguments: [4, 8]) func liesCountAsNothing(word: Int) {
        let interesting: [UInt64] = [
            1, 7, Guest.low, guest(word).limit - 1, guest(word).limit, .max, .max - 7, 1 << 31, 1 << 63, 0xffff_ffff,
        ]
        for place in [
            Self.entry + 80, Self.report, Self.report + 8, Self.report + 24, Self.words, Self.failure, Self.failure + 8,
        ] {
            for value in interesting {
                let guest = guest(word)
                guest.put(value, at: place)
                #expect(streams(guest).allSatisfy { $0.utf8.count <= 300 })
                _ = failure(guest)
            }
        }
        let short = guest(word)
        short.put(UInt64(DN_GUEST_REPORT_MAGIC) | 23 << 32, at: Self.report)
        #expect(streams(short) == ["", ""])
        let memory = guest(word).memory
        #expect(memory.report(entryBlock: .max - 40, pointerBytes: word, most: 9).output.isEmpty)
    }
}

extension Guest {
    /// Stores 64 bits, whatever the word is.
    func put(_ value: UInt64, at address: UInt64) {
        bytes.storeBytes(of: value, toByteOffset: Int(address - Guest.low), as: UInt64.self)
    }
}

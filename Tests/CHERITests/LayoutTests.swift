import PluginABI
import Testing

@testable import CHERICore

@Suite struct LayoutTests {
    /// The definition of the format (Arm DDI 0606, 2.5.1), by trying every exponent: bounds are a length below 2^14, or
    /// multiples of 2^(E+3) whose distance d has 2^(E+14) <= d < 2^(E+15).
    private func isRepresentable(_ length: UInt64) -> Bool { alignments(length).first != nil }

    private func alignments(_ length: UInt64) -> [UInt64] {
        (length < 1 << 14 ? [1] : [])
            + (0...45).compactMap { exponent in
                let unit: UInt64 = 1 << UInt64(exponent + 3)
                return length >= unit << 11 && length < unit << 12 && length % unit == 0 ? unit : nil
            }
    }

    /// Every length up to the next representable one is tried.
    @Test func isTheNextRepresentableLength() {
        for length in (UInt64(0)..<70_000) {
            var next = length
            while !isRepresentable(next) { next += 1 }
            let bounds = Representable.bounds(length)
            #expect(bounds.length == next && alignments(next) == [bounds.alignment], "\(length)")
        }
    }

    @Test(arguments: 15..<48) func nothingRepresentableLiesBetween(bits: Int) {
        var generator = SystemRandomNumberGenerator()
        for index in 0..<600 {
            let power = UInt64(1) << UInt64(bits)
            let length =
                index < 200 ? power &- 100 &+ UInt64(index) : UInt64.random(in: power..<(power << 1), using: &generator)
            let (next, alignment) = Representable.bounds(length)
            #expect(next >= length && alignments(next) == [alignment], "\(length)")
            // Representable lengths near `length` are multiples of half the unit at least.
            let smaller = alignment / 2
            var between = (length + smaller - 1) / smaller * smaller
            while between < next {
                #expect(!isRepresentable(between), "\(between) lies between \(length) and \(next)")
                between += smaller
            }
        }
    }

    @Test func contextsAreRepresentable() {
        for _ in 0..<5000 {
            let limit = UInt64.random(in: ContextLayout.lowest...(64 << 30))
            let stack = UInt64.random(in: 16...(32 << 10)) * ContextLayout.page
            let layout = ContextLayout(limit: limit, stackBytes: stack)
            #expect(isRepresentable(layout.size) && layout.size % ContextLayout.page == 0)
            #expect(layout.limit <= limit && layout.limit + ContextLayout.page > limit)
            #expect(
                layout.stackLow >= layout.limit + ContextLayout.stackGuard && layout.size - layout.stackLow == stack)
        }
    }

    @Test func placesOfTheArenaAreAlignedForEveryContext() throws {
        var settings = Settings()
        for contextMax in [1 << 20, 256 << 20, 1 << 30, 3 << 30, 64 << 30] as [UInt64] {
            (settings.contextMax, settings.arenaBytes) = (contextMax, max(4 << 30, contextMax * 8))
            let arena = try Arena(settings)
            let places = try (0..<3).map { _ in try arena.take() }
            for limit in [ContextLayout.lowest, 5_000_000, contextMax] where limit <= contextMax {
                let layout = ContextLayout(limit: limit, stackBytes: settings.stackBytes)
                let unit = Representable.bounds(layout.size).alignment
                for place in places { #expect(UInt64(UInt(bitPattern: place)) % unit == 0) }
                #expect(layout.size + ContextLayout.page <= arena.span)
            }
            #expect(
                arena.range.lowerBound % Settings.arenaUnit == 0 && arena.range.upperBound % Settings.arenaUnit == 0)
            places.forEach(arena.give)
        }
    }

    @Test func theArenaSaysWhenItIsFull() throws {
        var settings = Settings()
        settings.arenaBytes = 4 << 30
        let arena = try Arena(settings)
        var places: [UnsafeMutableRawPointer] = []
        let error = #expect(throws: (any Error).self) { while true { places.append(try arena.take()) } }
        #expect(places.count == Int(arena.range.count) / Int(arena.span) && "\(error!)".contains("arena_bytes"))
        arena.give(places[0])
        #expect(try arena.take() == places[0])
    }
}

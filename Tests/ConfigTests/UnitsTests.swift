import Testing

@testable import Config
@testable import Failure

@Suite struct UnitsTests {
    @Test func sizes() {
        #expect(Units.size("0B") == 0)
        #expect(Units.size("64MiB") == 64 << 20)
        #expect(Units.size("64 MiB") == 64 << 20)
        #expect(Units.size("1GiB") == 1 << 30)
        for bad in ["", "64", "MiB", "1.5GiB", "64mib", "64MB", "+1B", "-1B", "16777216TiB", "1KiB ", "6\u{301}4MiB"] {
            #expect(Units.size(bad) == nil, "\(bad)")
        }
    }

    @Test func times() {
        #expect(Units.time("500ms") == 500_000_000)
        #expect(Units.time("1m") == Units.time("60s"))
        #expect(Units.time("1h") == 3_600_000_000_000)
        for bad in ["", "1", "s", "1min", "1 S", "18446744073709551616ns"] { #expect(Units.time(bad) == nil, "\(bad)") }
    }

    @Test func texts() {
        #expect(Units.sizeText(64 << 20) == "64MiB")
        #expect(Units.sizeText(1000) == "1000B")
        #expect(Units.sizeText(0) == "0B")
        #expect(Units.timeText(90_000_000_000) == "90s")
        #expect(Units.timeText(UInt64.max) == "\(UInt64.max)ns")
    }

    @Test func textsReadBack() {
        var random = SplitMix(seed: 3)
        for _ in 0..<500 {
            let value = random.next() >> UInt64.random(in: 0..<64, using: &random)
            #expect(Units.size(Units.sizeText(value)) == value)
            #expect(Units.time(Units.timeText(value)) == value)
        }
    }

    @Test func addresses() {
        #expect(ListenAddress("127.0.0.1:80") == ListenAddress(host: "127.0.0.1", port: 80))
        #expect(ListenAddress("[::1]:0") == ListenAddress(host: "::1", port: 0))
        #expect(ListenAddress("[::1]:0")?.description == "[::1]:0")
        for bad in [
            "", ":80", "a", "a:", "a:b", "a:65536", "a:-1", "a:+1", "::1:80", "[::1:80", "[]:80", "a b:1", "a/b:1",
        ] {
            #expect(ListenAddress(bad) == nil, "\(bad)")
        }
    }

    @Test func nearest() {
        let keys = ["backends", "memory_limit", "timeout"]
        #expect(Nearest.nearest(to: "backendz", among: keys) == "backends")
        #expect(Nearest.nearest(to: "Memory-Limit", among: keys) == "memory_limit")
        #expect(Nearest.nearest(to: "tiemout", among: keys) == "timeout")
        #expect(Nearest.nearest(to: "colour", among: keys) == nil)
        #expect(Nearest.distance(Array("abcd".utf8), Array("acbd".utf8)) == 1)
        #expect(Nearest.distance([], Array("abc".utf8)) == 3)
        #expect(Nearest.distance(Array("kitten".utf8), Array("sitting".utf8)) == 3)
        #expect(Nearest.hint(for: "x", among: []) == "none is listed")
    }
}

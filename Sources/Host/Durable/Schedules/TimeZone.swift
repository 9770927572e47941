internal import Platform

/// The offsets of a time zone, read from the system's database (RFC 8536). Times are seconds since 1970.
struct TimeZone: Sendable {
    /// Beginning with `time`, local time is so many seconds ahead of UTC.
    private var transitions: [(time: Int, offset: Int)] = []
    private var first = 0
    /// What holds after the last of them.
    private var rule: ZoneRule?

    static let utc = TimeZone()

    private init() {}

    /// Nil when the system knows no such zone.
    init?(named name: String) {
        let isName =
            !name.isEmpty && name.utf8.count <= 64 && !name.hasPrefix("/") && !name.contains("..")
            && name.utf8.allSatisfy {
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
                    || "/_+-".utf8.contains($0)
            }
        guard isName else { return nil }
        if name == "UTC" { return }
        guard let bytes = try? WholeFile.read("/usr/share/zoneinfo/\(name)", limit: 1 << 20),
            self.read(bytes)
        else { return nil }
    }

    /// Seconds that local time is ahead of UTC at `time`.
    func offset(at time: Int) -> Int {
        guard let last = transitions.last else { return rule?.offset(at: time) ?? first }
        guard time < last.time else { return rule?.offset(at: time) ?? last.offset }
        var (low, high) = (0, transitions.count)
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle].time <= time { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? first : transitions[low - 1].offset
    }

    /// When clocks show `local`, seconds since 1970 as if they were UTC: the first time of two, and, where clocks are put forward
    /// over it, as much later as they are.
    func time(ofLocal local: Int) -> Int {
        let day = 86_400
        let (before, after) = (offset(at: local - day), offset(at: local + day))
        let early = local - before
        if offset(at: early) == before { return early }
        let late = local - after
        return offset(at: late) == after ? late : early
    }

    // MARK: Reading

    private mutating func read(_ bytes: [UInt8]) -> Bool {
        var reader = ZoneReader(bytes: bytes)
        guard let old = reader.header(), old.version >= 2 else { return false }
        // The first part has times of 32 bits, which the second has, too.
        reader.place += old.size(timeBytes: 4)
        guard let head = reader.header(), reader.place + head.size(timeBytes: 8) <= bytes.count, head.types > 0 else {
            return false
        }
        let times = (0..<head.times).map { reader.number(at: reader.place + $0 * 8, bytes: 8) }
        let kinds = reader.place + head.times * 8
        let types = kinds + head.times
        func offset(_ type: Int) -> Int { reader.number(at: types + type * 6, bytes: 4) }
        for (index, time) in times.enumerated() {
            let type = Int(bytes[kinds + index])
            guard type < head.types else { return false }
            transitions.append((time, offset(type)))
        }
        first = offset(0)
        let footer = bytes[(reader.place + head.size(timeBytes: 8))...].dropFirst().prefix { $0 != 10 }
        rule = ZoneRule(String(decoding: footer, as: UTF8.self))
        return true
    }
}

private struct ZoneReader {
    let bytes: [UInt8]
    var place = 0

    struct Header {
        let version: Int
        let times, types, leaps, characters, standards, universals: Int

        /// Of what follows the header.
        func size(timeBytes: Int) -> Int {
            times * (timeBytes + 1) + types * 6 + characters + leaps * (timeBytes + 4) + standards + universals
        }
    }

    /// The next one; nil where there is none.
    mutating func header() -> Header? {
        guard place >= 0, bytes.count - place >= 44, bytes[place..<place + 4].elementsEqual("TZif".utf8) else {
            return nil
        }
        let counts = (0..<6).map { number(at: place + 20 + $0 * 4, bytes: 4) }
        guard counts.allSatisfy({ 0...100_000 ~= $0 }) else { return nil }
        let version = Int(bytes[place + 4]) - Int(UInt8(ascii: "0"))
        place += 44
        return Header(
            version: version, times: counts[3], types: counts[4], leaps: counts[2], characters: counts[5],
            standards: counts[1], universals: counts[0])
    }

    /// Big-endian, signed.
    func number(at place: Int, bytes count: Int) -> Int {
        let value = bytes[place..<place + count].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let unused = 64 - UInt64(count) * 8
        return Int(Int64(bitPattern: value << unused) >> Int64(unused))
    }
}

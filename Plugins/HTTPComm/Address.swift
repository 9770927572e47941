internal import Glibc

/// An IP address; IPv4 lies in ::ffff:0:0/96, so both spellings of one host are equal.
struct IPAddress: Equatable {
    var bits: UInt128

    static func v4(_ bits: UInt32) -> IPAddress { IPAddress(bits: 0xFFFF_0000_0000 | UInt128(bits)) }

    /// From a socket address about to be connected. `nil` for families other than IP.
    init?(_ address: UnsafePointer<sockaddr>, length: Int) {
        let raw = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET where length >= MemoryLayout<sockaddr_in>.size:
            // SAFETY: the family says which struct it is, and the length covers it.
            self = .v4(UInt32(bigEndian: raw.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr))
        case AF_INET6 where length >= MemoryLayout<sockaddr_in6>.size:
            // SAFETY: as above.
            self.init(raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr)
        default: return nil
        }
    }

    /// From a host as it stands in a URL, brackets removed. IPv4 in every spelling that inet_aton(3) knows, because
    /// resolvers accept them all: parts left out, octal, hexadecimal, one number.
    init?(host: Bytes) {
        guard (1...63).contains(host.count) else { return nil }
        let text = host.map { CChar(bitPattern: $0) } + [0]
        if host.contains(ASCII.colon) {
            var address = in6_addr()
            guard inet_pton(AF_INET6, text, &address) == 1 else { return nil }
            self.init(address)
        } else {
            // Names begin with a letter often enough to be worth the test.
            guard let first = host.first, ASCII.isDigit(first) else { return nil }
            var address = in_addr()
            guard inet_aton(text, &address) != 0 else { return nil }
            self = .v4(UInt32(bigEndian: address.s_addr))
        }
    }

    private init(bits: UInt128) { self.bits = bits }

    private init(_ address: in6_addr) {
        bits = withUnsafeBytes(of: address) { $0.reduce(UInt128(0)) { $0 << 8 | UInt128($1) } }
    }

    /// The IPv4 addresses that a translated or tunnelled IPv6 address leads to, by every way of reading it. Mapped ones
    /// (::ffff:0:0/96) are IPv4 addresses here from the start.
    var embedded: [IPAddress] {
        let last = IPAddress.v4(UInt32(truncatingIfNeeded: bits))
        // ISATAP (RFC 5214 section 6.1): in any prefix, its two bits "universal" and "group" as they like.
        let isISATAP = UInt32(truncatingIfNeeded: bits >> 32) & 0xFCFF_FFFF == 0x5EFE
        return (isISATAP ? [last] : []) + embeddedByPrefix(last)
    }

    private func embeddedByPrefix(_ last: IPAddress) -> [IPAddress] {
        switch bits >> 32 {
        // IPv4-compatible (RFC 4291).
        case 0: return bits > 1 ? [last] : []
        // IPv4-translated (RFC 2765), NAT64 (RFC 6052).
        case 0xFFFF_0000, 0x0064_FF9B_0000_0000_0000_0000: return [last]
        case let prefix where prefix >> 48 == 0x0064_FF9B_0001: return translated(last)
        // Teredo (RFC 4380): the server, and the client with all bits turned over.
        case let prefix where prefix >> 64 == 0x2001_0000:
            return [.v4(UInt32(truncatingIfNeeded: prefix >> 32)), .v4(~UInt32(truncatingIfNeeded: bits))]
        // 6to4 (RFC 3056).
        case let prefix where prefix >> 80 == 0x2002: return [.v4(UInt32(truncatingIfNeeded: prefix >> 48))]
        default: return []
        }
    }

    /// Of a prefix for local translators (RFC 8215): these may use 96, 64, 56 or 48 bits of it, and leave out bits 64 to 71
    /// (RFC 6052 section 2.2). What lies behind the address is 0, else it is not read so.
    private func translated(_ last: IPAddress) -> [IPAddress] {
        let joined = ((bits >> 64) << 56) | (bits & ((1 << 56) - 1))
        let readings = [0, 24, 32, 40] as [UInt128]
        let found = readings.filter { joined & ((1 << $0) - 1) == 0 }.map { UInt32(truncatingIfNeeded: joined >> $0) }
        // A reading of 0 is that of another length's zeros.
        return found.contains { $0 != 0 } ? found.filter { $0 != 0 }.map { .v4($0) } : [last]
    }

    var text: String {
        var storage = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        if bits >> 32 == 0xFFFF {
            var address = in_addr(s_addr: UInt32(truncatingIfNeeded: bits).bigEndian)
            inet_ntop(AF_INET, &address, &storage, socklen_t(storage.count))
        } else {
            var bigEndian = bits.bigEndian
            inet_ntop(AF_INET6, &bigEndian, &storage, socklen_t(storage.count))
        }
        return String(decoding: storage.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// A block of addresses, such as 10.0.0.0/8 or fe80::/10.
struct CIDR {
    let address: IPAddress
    /// Leading bits that count, of 128.
    let prefix: Int
    let text: String

    /// A lone address is a block of one. `nil` when malformed, or when bits behind the prefix are set.
    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let host = Array(parts[0].utf8)
        guard let address = host.withUnsafeBytes({ IPAddress(host: $0) }) else { return nil }
        let isV6 = host.contains(ASCII.colon)
        let width = isV6 ? 128 : 32
        var length = width
        if parts.count == 2 {
            guard let given = Int(parts[1]), (0...width).contains(given) else { return nil }
            length = given
        }
        prefix = isV6 ? length : length + 96
        guard address.bits << UInt128(prefix) == 0 else { return nil }
        self.address = address
        self.text = text
    }

    /// A block of IPv6 addresses never holds an IPv4 address, however short its prefix is.
    func contains(_ other: IPAddress) -> Bool {
        guard prefix >= 96 || other.bits >> 32 != 0xFFFF else { return false }
        return (address.bits ^ other.bits) >> UInt128(128 - prefix) == 0
    }
}

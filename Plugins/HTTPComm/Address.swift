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

    /// The IPv4 address that a translated or tunnelled IPv6 address leads to: NAT64 (RFC 6052), 6to4 (RFC 3056),
    /// IPv4-compatible (RFC 4291).
    var embedded: IPAddress? {
        if bits >> 32 == 0x0064_FF9B_0000_0000_0000_0000 { return .v4(UInt32(truncatingIfNeeded: bits)) }
        if bits >> 112 == 0x2002 { return .v4(UInt32(truncatingIfNeeded: bits >> 80)) }
        if bits >> 32 == 0, bits > 1 { return .v4(UInt32(truncatingIfNeeded: bits)) }
        return nil
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

internal import Glibc

/// Addresses that share a prefix: "127.0.0.1", "10.0.0.0/8", "fd00::/8". IPv4 addresses are the IPv6 addresses that stand for
/// them (::ffff:0:0/96), so that both ways of writing one are the same.
public struct AddressRange: Sendable, Equatable {
    /// An IPv6 address, most significant bits first.
    public struct Address: Sendable, Equatable, CustomStringConvertible {
        public var high: UInt64
        public var low: UInt64

        public init(high: UInt64, low: UInt64) {
            self.high = high
            self.low = low
        }

        /// - Parameter v4: in the machine's order of bytes.
        public init(v4: UInt32) { self.init(high: 0, low: 0xffff_0000_0000 | UInt64(v4)) }

        /// As IPv4 where it is one.
        public var description: String {
            let isV4 = high == 0 && low >> 32 == 0xffff
            let (family, words) = isV4 ? (AF_INET, [low << 32]) : (AF_INET6, [high, low])
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            let length = socklen_t(text.count)
            // SAFETY: the words are as many bytes as an address of the family has, and the text has room for any.
            guard inet_ntop(family, words.map(\.bigEndian), &text, length) != nil else { return "?" }
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    private let first: Address
    /// Bits that count.
    private let length: Int

    /// Nil when `text` has another form, or bits behind the prefix.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let (address, width) = Self.address(String(parts[0])) else { return nil }
        var bits = width
        if parts.count == 2 {
            guard let given = Int(parts[1]), 0...width ~= given, parts[1].allSatisfy(\.isNumber) else { return nil }
            bits = given
        }
        first = address
        length = 128 - width + bits
        guard Self.masked(address, length) == address else { return nil }
    }

    public func contains(_ address: Address) -> Bool { Self.masked(address, length) == first }

    private static let loopback = ["127.0.0.0/8", "::1"].compactMap { AddressRange($0) }

    /// Whether nobody but this machine reaches the address that `text` is; false for a name.
    static func isLoopback(_ text: String) -> Bool { address(text).map { isLoopback($0.0) } ?? false }

    /// Whether nobody but this machine reaches the address.
    public static func isLoopback(_ address: Address) -> Bool { loopback.contains { $0.contains(address) } }

    private static func masked(_ address: Address, _ length: Int) -> Address {
        // Shifts by a word's width or more give zero.
        Address(high: address.high & ~(UInt64.max >> length), low: address.low & ~(UInt64.max >> max(0, length - 64)))
    }

    private static func address(_ text: String) -> (Address, width: Int)? {
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 { return (Address(v4: UInt32(bigEndian: v4.s_addr)), 32) }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        let words = withUnsafeBytes(of: v6) { bytes in
            [0, 8].map { UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self)) }
        }
        return (Address(high: words[0], low: words[1]), 128)
    }
}

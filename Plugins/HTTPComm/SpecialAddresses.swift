/// Blocks of addresses that lead elsewhere than to a host of the Internet.
///
/// All records of the IANA special-purpose address registries for IPv4 (RFC 6890, state of 2021-02) and IPv6 (state of 2025-04,
/// with RFC 9780), the rest of what is not global unicast (RFC 4291: all but 2000::/3, and multicast), and the places
/// where clouds serve credentials. The smallest block that holds an address decides; one of kind `reachable` makes an
/// exception of a larger one, where the registry says "globally reachable".
enum SpecialAddresses {
    enum Kind: String { case loopback, privateNetwork = "private", refused, reachable }

    struct Block {
        let cidr: CIDR
        let kind: Kind
        let name: String
    }

    /// The block that decides about an address; nil for the rest of the Internet.
    static func block(of address: IPAddress) -> Block? { blocks.first { $0.cidr.contains(address) } }

    /// The smallest first.
    private static let blocks: [Block] =
        table
        .compactMap { text, kind, name in CIDR(text).map { Block(cidr: $0, kind: kind, name: name) } }
        .sorted { $0.cidr.prefix > $1.cidr.prefix }

    private static let table: [(String, Kind, String)] = [
        // Clouds.
        ("169.254.169.254", .refused, "a cloud metadata service"),
        ("100.100.100.200", .refused, "a cloud metadata service"),
        ("168.63.129.16", .refused, "a cloud metadata service"),
        ("192.0.0.192", .refused, "a cloud metadata service"),
        ("fd00:ec2::254", .refused, "a cloud metadata service"),
        ("fd20:ce::254", .refused, "a cloud metadata service"),

        // IPv4. Linux connects the unspecified address to the machine itself.
        ("0.0.0.0/8", .loopback, "this host"),
        ("10.0.0.0/8", .privateNetwork, "private"),
        ("100.64.0.0/10", .privateNetwork, "shared by a provider's customers"),
        ("127.0.0.0/8", .loopback, "loopback"),
        ("169.254.0.0/16", .refused, "link-local"),
        ("172.16.0.0/12", .privateNetwork, "private"),
        ("192.0.0.0/24", .privateNetwork, "for IETF protocols"),
        ("192.0.0.0/29", .privateNetwork, "for IPv4 behind IPv6"),
        ("192.0.0.8", .refused, "the IPv4 dummy address"),
        ("192.0.0.9", .reachable, "Port Control Protocol anycast"),
        ("192.0.0.10", .reachable, "TURN anycast"),
        ("192.0.0.170/31", .refused, "NAT64/DNS64 discovery"),
        ("192.0.2.0/24", .refused, "for documentation"),
        ("192.31.196.0/24", .reachable, "AS112"),
        ("192.52.193.0/24", .reachable, "AMT"),
        ("192.88.99.0/24", .refused, "a relay to 6to4 (withdrawn)"),
        ("192.168.0.0/16", .privateNetwork, "private"),
        ("192.175.48.0/24", .reachable, "AS112"),
        ("198.18.0.0/15", .privateNetwork, "for benchmarks"),
        ("198.51.100.0/24", .refused, "for documentation"),
        ("203.0.113.0/24", .refused, "for documentation"),
        ("224.0.0.0/4", .refused, "multicast"),
        ("240.0.0.0/4", .refused, "reserved"),
        ("255.255.255.255", .refused, "the broadcast address"),

        // IPv6. Translated and tunnelled addresses are judged by the IPv4 address in them besides (IPAddress.embedded).
        ("::", .loopback, "this host"),
        ("::1", .loopback, "loopback"),
        ("::/3", .refused, "no global unicast address"),
        ("64:ff9b::/96", .reachable, "translated to IPv4"),
        ("64:ff9b:1::/48", .privateNetwork, "translated to IPv4 by a local translator"),
        ("100::/64", .refused, "discarded"),
        ("100:0:0:1::/64", .refused, "the IPv6 dummy prefix"),
        ("2001::/23", .refused, "for IETF protocols"),
        ("2001::/32", .privateNetwork, "a Teredo tunnel"),
        ("2001:1::1", .reachable, "Port Control Protocol anycast"),
        ("2001:1::2", .reachable, "TURN anycast"),
        ("2001:1::3", .reachable, "DNS-SD registration anycast"),
        ("2001:2::/48", .refused, "for benchmarks"),
        ("2001:3::/32", .reachable, "AMT"),
        ("2001:4:112::/48", .reachable, "AS112"),
        ("2001:10::/28", .refused, "ORCHID (withdrawn)"),
        ("2001:20::/28", .reachable, "ORCHIDv2"),
        ("2001:30::/28", .reachable, "drone remote identification"),
        ("2001:db8::/32", .refused, "for documentation"),
        ("2002::/16", .reachable, "a 6to4 tunnel"),
        ("2620:4f:8000::/48", .reachable, "AS112"),
        ("3fff::/20", .refused, "for documentation"),
        ("4000::/2", .refused, "no global unicast address"),
        ("5f00::/16", .refused, "a segment routing identifier"),
        ("8000::/1", .refused, "no global unicast address"),
        ("fc00::/7", .privateNetwork, "private"),
        ("fe80::/10", .refused, "link-local"),
        ("fec0::/10", .privateNetwork, "private"),
        ("ff00::/8", .refused, "multicast"),
    ]
}

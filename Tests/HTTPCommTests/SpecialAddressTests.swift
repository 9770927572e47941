import CommHarness
import PluginABI
import Testing

/// The IANA special-purpose registries, record by record, and every block's edges; against a copy of the registries that is
/// the test's own.
struct SpecialAddressTests {
    /// A block and whether the registry says "globally reachable"; N/A counts as no, except for 6to4, which is judged by the
    /// IPv4 address in it.
    private static let ipv4: [(String, Int, Bool)] = [
        ("0.0.0.0", 8, false), ("10.0.0.0", 8, false), ("100.64.0.0", 10, false), ("127.0.0.0", 8, false),
        ("169.254.0.0", 16, false), ("172.16.0.0", 12, false), ("192.0.0.0", 24, false), ("192.0.0.0", 29, false),
        ("192.0.0.8", 32, false), ("192.0.0.9", 32, true), ("192.0.0.10", 32, true), ("192.0.0.170", 32, false),
        ("192.0.0.171", 32, false), ("192.0.2.0", 24, false), ("192.31.196.0", 24, true), ("192.52.193.0", 24, true),
        ("192.88.99.0", 24, false), ("192.168.0.0", 16, false), ("192.175.48.0", 24, true), ("198.18.0.0", 15, false),
        ("198.51.100.0", 24, false), ("203.0.113.0", 24, false), ("224.0.0.0", 4, false), ("240.0.0.0", 4, false),
        ("255.255.255.255", 32, false), ("168.63.129.16", 32, false),
    ]

    /// High and low half of the first address.
    private static let ipv6: [(UInt64, UInt64, Int, Bool)] = [
        (0, 0, 128, false), (0, 1, 128, false), (0, 0, 3, false), (0x64_FF9B_0001_0000, 0, 48, false),
        (0x100_0000_0000_0000, 0, 64, false), (0x100_0000_0000_0001, 0, 64, false),
        (0x2001_0000_0000_0000, 0, 23, false), (0x2001_0000_0000_0000, 0, 32, false),
        (0x2001_0001_0000_0000, 1, 128, true), (0x2001_0001_0000_0000, 2, 128, true),
        (0x2001_0001_0000_0000, 3, 128, true), (0x2001_0002_0000_0000, 0, 48, false),
        (0x2001_0003_0000_0000, 0, 32, true), (0x2001_0004_0112_0000, 0, 48, true),
        (0x2001_0010_0000_0000, 0, 28, false), (0x2001_0020_0000_0000, 0, 28, true),
        (0x2001_0030_0000_0000, 0, 28, true), (0x2001_0DB8_0000_0000, 0, 32, false),
        (0x2620_004F_8000_0000, 0, 48, true), (0x3FFF_0000_0000_0000, 0, 20, false),
        (0x4000_0000_0000_0000, 0, 2, false), (0x5F00_0000_0000_0000, 0, 16, false),
        (0x8000_0000_0000_0000, 0, 1, false), (0xFC00_0000_0000_0000, 0, 7, false),
        (0xFE80_0000_0000_0000, 0, 10, false), (0xFEC0_0000_0000_0000, 0, 10, false),
        (0xFF00_0000_0000_0000, 0, 8, false), (0xFD00_0EC2_0000_0000, 0x254, 128, false),
        (0xFD20_00CE_0000_0000, 0x254, 128, false),
    ]

    private struct Block {
        let first: UInt128
        let prefix: Int
        let isReachable: Bool
        let width: Int

        var last: UInt128 { prefix == width ? first : first | ((UInt128(1) << UInt128(width - prefix)) - 1) }
        func holds(_ address: UInt128) -> Bool { address >= first && address <= last }
    }

    private static let blocks4 = ipv4.map { text, prefix, isReachable in
        let first = text.split(separator: ".").reduce(UInt128(0)) { $0 << 8 | (UInt128($1) ?? 0) }
        return Block(first: first, prefix: prefix, isReachable: isReachable, width: 32)
    }
    private static let blocks6 = ipv6.map { high, low, prefix, isReachable in
        Block(first: UInt128(high) << 64 | UInt128(low), prefix: prefix, isReachable: isReachable, width: 128)
    }

    /// First and last address of each block, their neighbours, and one in the middle.
    private static func edges(_ blocks: [Block], most: UInt128) -> [UInt128] {
        let all = blocks.flatMap { block -> [UInt128] in
            [
                block.first, block.last, block.first + (block.last - block.first) / 2,
                block.first == 0 ? 0 : block.first - 1, block.last >= most ? most : block.last + 1,
            ]
        }
        return Set(all).sorted()
    }

    private static func isReachable(_ address: UInt128, _ blocks: [Block]) -> Bool {
        blocks.filter { $0.holds(address) }.max { $0.prefix < $1.prefix }?.isReachable ?? true
    }

    private static func text4(_ address: UInt128) -> String {
        [24, 16, 8, 0].map { "\(address >> $0 & 0xFF)" }.joined(separator: ".")
    }

    private static func text6(_ address: UInt128) -> String {
        let groups = stride(from: 112, through: 0, by: -16).map { shift in
            String(UInt16(truncatingIfNeeded: address >> UInt128(shift)), radix: 16)
        }
        return "[" + groups.joined(separator: ":") + "]"
    }

    private func check(_ host: String, _ expected: Bool, _ plugin: Plugin) {
        let refused = plugin.refusal("GET http://\(host)/ HTTP/1.1")
        #expect(refused == nil || refused?.status == DN_PERMISSION, "\(host): \(refused as Any)")
        #expect((refused == nil) == expected, "\(host): \(refused?.message ?? "allowed")")
    }

    @Test func edgesOfIPv4Blocks() throws {
        let plugin = try Plugin()
        let edges = Self.edges(Self.blocks4, most: 0xFFFF_FFFF)
        #expect(edges.count > 90)
        for address in edges { check(Self.text4(address), Self.isReachable(address, Self.blocks4), plugin) }
    }

    @Test func edgesOfIPv6Blocks() throws {
        let plugin = try Plugin()
        let edges = Self.edges(Self.blocks6, most: .max)
        #expect(edges.count > 90)
        // 2002::/16 and 64:ff9b::/96 lie beside some edges; their own are below.
        for address in edges where address >> 112 != 0x2002 {
            check(Self.text6(address), Self.isReachable(address, Self.blocks6), plugin)
        }
    }

    /// Every edge of IPv4 in every dress: judged by the address in it.
    @Test func embeddedAddresses() throws {
        let plugin = try Plugin()
        for address in Self.edges(Self.blocks4, most: 0xFFFF_FFFF) {
            let expected = Self.isReachable(address, Self.blocks4)
            let mapped = UInt128(0xFFFF) << 32
            let nat64 = UInt128(0x64_FF9B) << 96
            let isatap = UInt128(0x2606_4700) << 96 | UInt128(0x5EFE) << 32
            for prefix in [mapped, nat64, isatap, isatap | UInt128(0x0200) << 48, isatap | UInt128(0x0100) << 48] {
                check(Self.text6(prefix | address), expected, plugin)
            }
            check(Self.text6(UInt128(0x2002) << 112 | address << 80 | 1), expected, plugin)
            // No dress that is refused itself.
            let compatible: UInt128 = 0
            let translated = UInt128(0xFFFF) << 48
            let local = UInt128(0x64_FF9B_0001) << 80
            let teredo = UInt128(0x2001_0000) << 96
            for prefix in [compatible, translated, local, teredo, UInt128(0xFE80) << 112 | UInt128(0x5EFE) << 32] {
                check(Self.text6(prefix | address), false, plugin)
            }
        }
    }

    @Test(arguments: [
        "[::ffff:0:127.0.0.1]", "[::5efe:10.0.0.1]", "[2606:4700::200:5efe:127.0.0.1]", "[fe80::5efe:8.8.8.8]",
        "[64:ff9b::169.254.169.254]", "[2002:a9fe:a9fe::1]", "[2002:7f00:1::5efe:8.8.8.8]",
        "[2002:808:808::5efe:127.0.0.1]",
    ])
    func refusedDresses(_ host: String) throws { check(host, false, try Plugin()) }

    /// What the operator opens leads to no IPv4 address that is closed.
    @Test func openedBlocksAreStillJudgedByTheAddressInThem() throws {
        let wide = try Plugin(["allow_cidrs": .list(["::/0"])])
        for host in [
            "[64:ff9b::7f00:1]", "[::ffff:0:10.0.0.1]", "[::7f00:1]", "[2606:4700::5efe:127.0.0.1]", "[2002:a00:1::1]",
            "[64:ff9b:1::7f00:1]", "[64:ff9b:1:7f00:0:100::]", "[64:ff9b:1:7f:0:0:100:0]", "[64:ff9b:1:0:7f:0:100:0]",
            "[2001:0:7f00:1::]", "[2001:0:808:808::80ff:fffe]",
        ] {
            check(host, false, wide)
        }
        for host in [
            "[64:ff9b::808:808]", "[64:ff9b:1::808:808]", "[2001:0:808:808::f7f7:f7f7]", "[2001:db8::1]", "[5f00::1]",
            "[64:ff9b:1:808:8:800::]",
        ] {
            check(host, true, wide)
        }
        let inside = try Plugin(["allow_private": .flag(true)])
        check("[64:ff9b:1::a00:1]", true, inside)
        check("[64:ff9b:1::a9fe:a9fe]", false, inside)
        check("[64:ff9b:1:7f00:0:100::]", false, inside)
    }
}

import CommHarness
import PluginABI
import Testing

/// Where requests may go, judged from the URL alone.
struct PolicyTests {
    private func isAllowed(_ host: String, _ plugin: Plugin, scheme: String = "http") -> Bool {
        guard let refused = plugin.refusal("GET \(scheme)://\(host)/ HTTP/1.1") else { return true }
        #expect(refused.status == DN_PERMISSION, "\(host): \(refused)")
        return false
    }

    @Test(arguments: [
        "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "127.0.0.1.", "017700000001",
        "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "0.0.0.0", "0", "[::]", "[::7f00:1]",
        "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "[fd12::1]",
        "[::ffff:10.0.0.1]", "169.254.169.254", "0xa9fea9fe", "2852039166", "[::ffff:169.254.169.254]", "[fe80::1]",
        "[fd00:ec2::254]", "100.100.100.200", "168.63.129.16", "224.0.0.1", "255.255.255.255", "[ff02::1]", "240.0.0.1",
    ])
    func refusedByDefault(_ host: String) throws { #expect(!isAllowed(host, try Plugin())) }

    @Test(arguments: [
        "example.org", "8.8.8.8", "[2606:4700::1111]", "172.32.0.1", "192.169.0.1", "100.128.0.1", "11.0.0.1",
        "128.0.0.1", "169.253.0.1", "169.255.0.1", "10.example.org", "[64:ff9b::808:808]",
    ])
    func allowedByDefault(_ host: String) throws { #expect(isAllowed(host, try Plugin())) }

    @Test func loopbackAndPrivateAreSwitches() throws {
        let local = try Plugin(["allow_loopback": .flag(true)])
        for host in ["127.0.0.1", "127.8.8.8", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
            #expect(isAllowed(host, local))
        }
        for host in ["10.0.0.1", "169.254.169.254", "[fe80::1]"] { #expect(!isAllowed(host, local)) }
        let inside = try Plugin(["allow_private": .flag(true)])
        for host in ["10.0.0.1", "192.168.0.1", "[fd12::1]", "100.64.0.1"] { #expect(isAllowed(host, inside)) }
        for host in ["127.0.0.1", "169.254.1.1", "[fd00:ec2::254]", "100.100.100.200"] {
            #expect(!isAllowed(host, inside))
        }
    }

    @Test func smallestBlockDecides() throws {
        let plugin = try Plugin([
            "allow_cidrs": .list(["10.1.0.0/16", "169.254.169.254", "fe80::/64"]),
            "deny_cidrs": .list(["10.1.2.0/24", "8.8.8.8", "2606::/16", "fe80::/64"]),
        ])
        for host in ["10.1.1.1", "169.254.169.254", "[::ffff:10.1.1.1]", "8.8.4.4"] { #expect(isAllowed(host, plugin)) }
        for host in [
            "10.1.2.3", "10.2.0.1", "169.254.0.1", "8.8.8.8", "[2606:4700::1]", "[fe80::1]", "[64:ff9b::808:808]",
        ] {
            #expect(!isAllowed(host, plugin), "\(host)")
        }
        let exclusive = try Plugin(["allow_cidrs": .list(["1.1.1.0/24"]), "deny_cidrs": .list(["0.0.0.0/0", "::/0"])])
        #expect(isAllowed("1.1.1.1", exclusive))
        for host in ["1.1.2.1", "[2606::1]"] { #expect(!isAllowed(host, exclusive)) }
        // A block of IPv6 says nothing about IPv4.
        #expect(!isAllowed("127.0.0.1", try Plugin(["allow_cidrs": .list(["::/0"])])))
    }

    @Test func hostPatterns() throws {
        let plugin = try Plugin([
            "allow_hosts": .list(["example.org", "*.example.org", "8.8.8.8"]),
            "deny_hosts": .list(["Bad.Example.Org."]),
        ])
        for host in ["example.org", "EXAMPLE.ORG.", "a.example.org", "a.b.example.org:81", "8.8.8.8"] {
            #expect(isAllowed(host, plugin), "\(host)")
        }
        for host in [
            "bad.example.org", "bad.example.org.", "example.com", "xexample.org", "example.org.evil.com", "8.8.4.4",
        ] {
            #expect(!isAllowed(host, plugin), "\(host)")
        }
        let suffix = try Plugin(["deny_hosts": .list(["*.internal"])])
        #expect(isAllowed("internal", suffix))
        #expect(!isAllowed("metadata.google.internal", suffix))
    }

    @Test func schemes() throws {
        let plugin = try Plugin(["schemes": .list(["https"])])
        #expect(isAllowed("example.org", plugin, scheme: "https"))
        #expect(!isAllowed("example.org", plugin))
    }

    @Test func messagesNameTheRule() throws {
        let plugin = try Plugin(["deny_hosts": .list(["*.bad"]), "deny_cidrs": .list(["9.0.0.0/8"])])
        func message(_ host: String) -> String { plugin.refusal("GET http://\(host)/ HTTP/1.1")?.message ?? "" }
        #expect(message("x.bad") == "host x.bad is refused by deny_hosts (*.bad)")
        #expect(message("9.1.2.3") == "address 9.1.2.3 is refused by deny_cidrs (9.0.0.0/8)")
        #expect(message("0x7f.1") == "address 127.0.0.1 is loopback (127.0.0.0/8), refused without allow_loopback")
        #expect(message("169.254.1.1").contains("link-local (169.254.0.0/16), refused unless allow_cidrs names it"))
    }

    @Test(arguments: [
        ("allow_cidrs", Setting.list(["10.0.0.1/8"]), "no address block"),
        ("allow_cidrs", .list(["10.0.0.0/33"]), "no address block"),
        ("deny_cidrs", .list(["fe80::/129"]), "no address block"),
        ("deny_cidrs", .text("10.0.0.0/8"), "must be an array"),
        ("allow_hosts", .list(["a*.org"]), "neither a host name"),
        ("allow_hosts", .list(["*."]), "neither a host name"),
        ("schemes", .list(["ftp"]), "not one of http, https"),
        ("max_redirects", .number(-1), "not from 0 to 100"),
        ("timeout_ms", .text("1"), "must be an integer"),
        ("ca_file", .text("/nonexistent"), "No such file"),
    ])
    func badConfiguration(_ key: String, _ value: Setting, _ words: String) throws {
        let refused = #expect(throws: Refused.self) { try Plugin([key: value]) }
        #expect(refused?.status == DN_BAD_CONFIG)
        #expect(
            refused?.message.hasPrefix("\(key): ") == true && refused?.message.contains(words) == true,
            "\(refused as Any)")
        let report = try Plugin.probe([key: value])
        #expect(report.availability == DN_NOT_AVAILABLE && report.reason == DN_REASON_BAD_CONFIG)
    }

    @Test func probeFindsLibcurl() throws {
        let report = try Plugin.probe([:])
        #expect(report.availability != DN_NOT_AVAILABLE)
        #expect(!text(report.message).isEmpty)
    }
}

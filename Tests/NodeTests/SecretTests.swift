import Foundation
import PluginHarness
import Testing

/// A node full of marked secrets: they reach the servers that they are for, and nothing else.
@Suite(.serialized) struct NodeSecretTests {
    private static let config = """
        [node]
        cores = 2
        log = "trace"
        [access]
        tenants_from = ["127.0.0.1"]
        [audit]
        path = "AUDIT"
        [access_log]
        path = "ACCESS"
        [plugins.process]
        path = "libDandelionProcess.so"
        [plugins.http]
        path = "libDandelionHTTPComm.so"
        [plugins.http.config]
        allow_loopback = true
        [functions.HTTP]
        plugin = "http"
        protocol = "http"
        [functions.Posting]
        plugin = "http"
        protocol = "http"
        [functions.Posting.egress]
        methods = ["POST"]
        [classes.default]
        backends = ["process"]
        [tenants.bounded.egress]
        hosts = ["127.0.0.1"]
        ports = [PORT]
        """
    private static let marker = "MARKED-7e5b1c"

    private static func areBoth(_ head: String?) -> Bool {
        head?.contains(marker + "-one") == true && head?.contains(marker + "-two") == true
    }

    private func fetch(_ node: RunningNode, _ url: String, tenant: String, function: String = "HTTP", more: String = "")
        -> RunningNode.Reply
    {
        node.request(
            "POST", "/v1/invoke/\(function)", Array("GET \(url) HTTP/1.1\nX-Key:mine\n\(more)\n".utf8),
            headers: ["Dandelion-Tenant: \(tenant)", "Accept: application/json"])
    }

    @Test func secretsReachTheirServersAndNothingElse() throws {
        let (server, other) = (try HeadServer(), try HeadServer())
        let logs = "\(FileManager.default.temporaryDirectory.path)/secret-logs-\(UUID())"
        try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: logs) }
        let config = Self.config.replacing("AUDIT", with: logs + "/audit").replacing("ACCESS", with: logs + "/access")
            .replacing("PORT", with: "\(server.port)")
        let node = try RunningNode(config: config)
        for name in ["one", "two"] {
            _ = try node.command(
                [
                    "secret", "set", name, "--tenant", "alice", "--host", "127.0.0.1:\(server.port)", "--plain",
                    "--header",
                    name == "one" ? "X-Key: {}" : "Authorization: Bearer {}",
                ], input: "\(Self.marker)-\(name)\n")
        }
        let list = try node.command(["secret", "list"])
        #expect(list.contains("alice") && list.contains("X-Key: {}") && !list.contains(Self.marker))
        let url = "http://127.0.0.1:\(server.port)"
        // The node sees them in its folder.
        for _ in 0..<200 where !Self.areBoth(server.heads.last) {
            #expect(fetch(node, url + "/a", tenant: "alice").status == 200)
        }
        let first = try #require(server.heads.last)
        #expect(
            first.contains("X-Key: \(Self.marker)-one\r\n")
                && first.contains("Authorization: Bearer \(Self.marker)-two\r\n"))
        #expect(!first.contains("mine"))
        // Not for another tenant, nor another port, nor what a redirect leads to.
        let others: [(String, String)] = [
            (url + "/b", "bob"), ("http://127.0.0.1:\(other.port)/", "alice"),
            ("http://localhost:\(server.port)/", "alice"),
            (url + "/go/127.0.0.1:\(other.port)", "alice"),
        ]
        let before = server.heads.count
        for (place, tenant) in others { #expect(fetch(node, place, tenant: tenant).status == 200) }
        let later = server.heads[before...].filter { !$0.contains("/go/") } + other.heads
        #expect(later.count == 4 && later.allSatisfy { !$0.contains(Self.marker) })
        // Neither bounded tenants nor bounded functions get further, by redirects neither.
        let seen = other.heads.count
        for (place, tenant, function) in [
            ("http://127.0.0.1:\(other.port)/", "bounded", "HTTP"),
            ("http://localhost:\(server.port)/", "bounded", "HTTP"),
            (url + "/go/127.0.0.1:\(other.port)", "bounded", "HTTP"),
            ("http://[::ffff:127.0.0.1]:\(server.port)/", "bounded", "HTTP"),
            ("http://data.of.mine.example/", "bounded", "HTTP"), (url + "/", "alice", "Posting"),
        ] {
            let reply = fetch(node, place, tenant: tenant, function: function)
            #expect(
                reply.status == 403 && reply.text.contains("config allows"), "\(place): \(reply.status) \(reply.text)")
        }
        #expect(fetch(node, url + "/c", tenant: "bounded").status == 200)
        #expect(other.heads.count == seen)
        // Functions run meanwhile; then everything is searched.
        #expect(try node.register("hello", class: "default").status == 201)
        for _ in 0..<5 { #expect(node.request("POST", "/v1/invoke/hello", [1]).status == 200) }
        let replies = ["/metrics", "/stats", "/v1/functions", "/v1/plugins"].map { node.request("GET", $0).text }
        let failed = fetch(node, "http://127.0.0.1:1/", tenant: "alice").text
        for text in replies + [failed] { #expect(!text.contains(Self.marker)) }
        try #require(searchChildren(of: node) > 0)
        #expect(node.stop() == 0)
        for folder in [node.state, logs] {
            let files = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
            for file in files {
                guard let content = FileManager.default.contents(atPath: "\(folder)/\(file)") else { continue }
                #expect(content.range(of: Data(Self.marker.utf8)) == nil, "\(file)")
            }
        }
        let audit = try String(contentsOfFile: logs + "/audit", encoding: .utf8)
        #expect(audit.contains(#""action":"secret","tenant":"alice","target":"one","result":"set""#))
    }

    /// Searches the memory, command lines and environments of all processes below the node.
    /// - Returns: bytes that were searched.
    private func searchChildren(of node: RunningNode) -> Int {
        var searched = 0
        for child in node.descendants {
            for name in ["cmdline", "environ"] {
                let text = FileManager.default.contents(atPath: "/proc/\(child)/\(name)") ?? Data()
                #expect(text.range(of: Data(Self.marker.utf8)) == nil)
            }
            let memory = open("/proc/\(child)/mem", O_RDONLY)
            guard memory >= 0, let maps = try? String(contentsOfFile: "/proc/\(child)/maps", encoding: .utf8) else {
                continue
            }
            defer { close(memory) }
            for line in maps.split(separator: "\n") where line.contains(" r") {
                let range = line.prefix { $0 != " " }.split(separator: "-").compactMap { Int($0, radix: 16) }
                guard range.count == 2, range[1] - range[0] <= 256 << 20 else { continue }
                var bytes = [UInt8](repeating: 0, count: 1 << 20)
                for start in stride(from: range[0], to: range[1], by: bytes.count - Self.marker.utf8.count) {
                    let count = pread(memory, &bytes, min(bytes.count, range[1] - start), off_t(start))
                    guard count > 0 else { break }
                    searched += count
                    #expect(Data(bytes[..<count]).range(of: Data(Self.marker.utf8)) == nil, "\(line)")
                }
            }
        }
        return searched
    }
}

import Foundation
import Testing

/// A protocol that only the public headers know becomes a function by configuration alone.
@Suite(
    .serialized,
    .enabled(
        if: FileManager.default.isExecutableFile(atPath: "/usr/bin/memcached"),
        "memcached is not installed: apt-get install memcached"))
struct ThirdPartyProtocolTests {
    @Test func aCompositionCallsMemcached() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-memcached-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let make = try Process.run(
            URL(fileURLWithPath: "/usr/bin/make"),
            arguments: [
                "-s", "-C", RunningNode.root.appending(path: "Examples/plugins/memcached").path, "BUILD=\(folder)",
            ])
        make.waitUntilExit()
        try #require(make.terminationStatus == 0)
        let socket = 20000 + Int(getpid()) % 10000
        let server = Process()
        server.executableURL = URL(fileURLWithPath: "/usr/bin/memcached")
        server.arguments = ["-u", "nobody", "-l", "127.0.0.1", "-p", "\(socket)", "-U", "0"]
        // Not the test program's: whoever reads that waits until the last holder is gone.
        server.standardOutput = FileHandle.nullDevice
        server.standardError = FileHandle.nullDevice
        try server.run()
        defer {
            kill(server.processIdentifier, SIGKILL)
            server.waitUntilExit()
        }
        let name = "127.0.0.1:\(socket)"
        let node = try RunningNode(
            config: """
                [plugins.cache]
                path = "\(folder)/libDandelionMemcached.so"
                [plugins.cache.config]
                servers = ["\(name)"]
                [functions.Memcached]
                plugin = "cache"
                protocol = "memcached"
                """)
        let composition = """
            function Memcached(requests) => (headers, values);
            composition Remember(what) => (stored, found) {
                Memcached(requests = all what) => (stored = headers, found = values);
            }
            """
        #expect(node.request("PUT", "/v1/compositions/Remember", Array(composition.utf8)).status == 201)
        var stored = RunningNode.Reply()
        for _ in 0..<100 {
            stored = node.request("POST", "/v1/invoke/Remember", Array("set \(name) k\nvalue".utf8))
            if stored.status == 200 { break }
            usleep(20_000)
        }
        #expect(stored.text.contains("STORED"), "\(stored.head) \(stored.text)")
        let found = node.request("POST", "/v1/invoke/Remember", Array("get \(name) k".utf8))
        #expect(found.text.contains("HIT flags=0"), "\(found.text)")
        let refused = node.request("POST", "/v1/invoke/Remember", Array("get 10.0.0.1:1 k".utf8))
        #expect(refused.status == 403, "\(refused.head) \(refused.text)")
        #expect(refused.text.contains("not one that the operator allows"))
    }
}

import Foundation
import Testing

/// What the operator lets tenants' requests do holds for communication plugins of others, too: nothing else gets out by them.
@Suite(.serialized) struct PluginEgressTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-egress-\(UUID())").path

    /// Builds an example plugin; the path of its file.
    private func build(_ name: String, _ file: String) throws -> String {
        let source = RunningNode.root.appending(path: "Examples/plugins/\(name)").path
        let scratch = RunningNode.root.appending(path: ".build-redis").path
        let isSwift = FileManager.default.fileExists(atPath: source + "/Package.swift")
        let build = Process()
        build.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        build.arguments =
            isSwift
            ? ["swift", "build", "-c", "release", "--package-path", source, "--scratch-path", scratch]
            : ["make", "-s", "-C", source, "BUILD=\(folder)"]
        build.standardOutput = FileHandle.nullDevice
        build.standardError = FileHandle.nullDevice
        try build.run()
        build.waitUntilExit()
        let path = isSwift ? "\(scratch)/release/\(file)" : "\(folder)/\(file)"
        try #require(build.terminationStatus == 0 && FileManager.default.fileExists(atPath: path))
        return path
    }

    /// A communication function, and requests of its protocol to a server.
    private struct Way: Sendable {
        let function: String
        let read: @Sendable (_ server: String) -> String
        let write: @Sendable (_ server: String) -> String
    }

    private static let ways = [
        Way(function: "Memcached", read: { "get \($0) k" }, write: { "set \($0) k\nvalue" }),
        Way(function: "Redis", read: { "\($0) GET k" }, write: { "\($0) SET k v" }),
    ]

    private func config(_ near: UInt16, _ far: UInt16) throws -> String {
        let (memcached, redis, s3) = (
            try build("memcached", "libDandelionMemcached.so"), try build("redis", "libDandelionRedis.so"),
            try build("s3", "libDandelionS3.so")
        )
        let servers = "servers = [\"127.0.0.1:\(near)\", \"127.0.0.1:\(far)\"]"
        func objects(_ name: String, _ port: UInt16) -> String {
            """
            [plugins.s3_\(name)]
            path = "\(s3)"
            config = { endpoint = "http://127.0.0.1:\(port)", access_key = "a", secret_key = "b", buckets = ["*"] }
            [functions.S3_\(name)]
            plugin = "s3_\(name)"
            protocol = "s3"
            """
        }
        return """
            [node]
            cores = 1
            [access]
            tenants_from = ["127.0.0.1"]
            [plugins.memcached]
            path = "\(memcached)"
            config = { \(servers) }
            [functions.Memcached]
            plugin = "memcached"
            protocol = "memcached"
            [plugins.redis]
            path = "\(redis)"
            config = { \(servers) }
            [functions.Redis]
            plugin = "redis"
            protocol = "redis"
            \(objects("near", near))
            \(objects("far", far))
            [tenants.bounded.egress]
            hosts = ["127.0.0.1"]
            ports = [\(near)]
            methods = ["get", "GET"]
            """
    }

    @Test func nothingElseGetsOut() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (near, far) = (try HeadServer(), try HeadServer())
        let node = try RunningNode(config: try config(near.port, far.port))
        func ask(_ function: String, _ request: String, _ tenant: String) -> RunningNode.Reply {
            node.request(
                "POST", "/v1/invoke/\(function)", Array(request.utf8),
                headers: ["Dandelion-Tenant: \(tenant)", "Accept: application/json"])
        }
        /// The request is refused for the reason, and neither server hears of it.
        func expectRefused(_ function: String, _ request: String, _ reason: String = "that the config allows") {
            let before = (near.connections, far.connections)
            let reply = ask(function, request, "bounded")
            #expect(
                reply.status == 403 && reply.text.contains(reason),
                "\(function) \(request): \(reply.status) \(reply.text) \(node.log)")
            #expect((near.connections, far.connections) == before, "\(function) \(request)")
        }
        for way in Self.ways {
            for (server, port) in [(near, near.port), (far, far.port)] {
                let before = server.connections
                _ = ask(way.function, way.read("127.0.0.1:\(port)"), "free")
                #expect(server.connections > before, "\(way.function) \(node.log)")
            }
            let before = near.connections
            #expect(ask(way.function, way.read("127.0.0.1:\(near.port)"), "bounded").status != 403)
            #expect(near.connections > before)
            expectRefused(way.function, way.read("127.0.0.1:\(far.port)"))
            expectRefused(way.function, way.write("127.0.0.1:\(near.port)"))
            // Names that carry data, and other spellings: not even the plugin knows them.
            for host in ["data.of.mine.example", "localhost", "[::ffff:127.0.0.1]", "127.1", "0x7f000001"] {
                expectRefused(way.function, way.read("\(host):\(near.port)"), "not one that the operator allows")
            }
        }
        #expect(ask("S3_far", "GET bucket/k", "free").status == 200)
        #expect(ask("S3_near", "GET bucket/k", "bounded").status == 200)
        expectRefused("S3_far", "GET bucket/k")
        expectRefused("S3_near", "PUT bucket/k\n\nvalue")
        expectRefused("S3_near", "DELETE bucket/k")
        // What a server says of another one is an answer, and no way there.
        let seen = far.connections
        let moved = ask("S3_near", "GET bucket/go/127.0.0.1:\(far.port)", "bounded")
        #expect(moved.status == 200 && moved.text.contains("302"), "\(moved.status) \(moved.text)")
        #expect(far.connections == seen)
        #expect(node.stop() == 0)
    }
}

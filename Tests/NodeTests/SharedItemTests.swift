import Foundation
import PluginHarness
import Testing

/// Large items, which go from body to function to function without copies: nobody sees anything but the item, and nobody
/// sees what another does to it.
@Suite(.serialized) struct SharedItemTests {
    static let classes = access("/dev/kvm", R_OK | W_OK) == 0 ? ["process", "kvm"] : ["process"]

    private enum Deed: UInt64 { case make, sum, spoil, watch, handOn, change, scan, fault, loop }

    /// Several pages beyond a multiple of a large page.
    private static let large = (6 << 20) + 3 * 4096 + 1160

    private func start(_ runClass: String) throws -> RunningNode {
        let node = try RunningNode(
            config: try String(contentsOf: RunningNode.root.appending(path: "Config/dandelion.toml"), encoding: .utf8))
        let image = try GuestCompiler.image("shared")
        for (name, inputs) in [("maker", "args"), ("user", "args,data")] {
            let path =
                "/v1/functions/\(name)?class=\(runClass)&inputs=\(inputs)&outputs=out&memory=128MiB&timeout=2s"
            let reply = node.request("PUT", path, image)
            #expect(reply.status == 201, "\(reply.text)")
        }
        return node
    }

    /// A composition: `maker` makes an item, and each of these lines uses it as `item`.
    private func compose(_ node: RunningNode, _ name: String, inputs: [String], outputs: [String], _ lines: String) {
        let text = """
            function maker(args) => (out); function user(args, data) => (out);
            composition \(name)(\(inputs.joined(separator: ", "))) => (\(outputs.joined(separator: ", "))) { \(lines) }
            """
        let reply = node.request("PUT", "/v1/compositions/\(name)", Array(text.utf8))
        #expect(reply.status == 201, "\(reply.text)")
    }

    /// The outputs' numbers by set.
    private func invoke(_ node: RunningNode, _ name: String, _ sets: [(String, [UInt8])]) -> [String: [UInt64]] {
        let items = sets.map { name, bytes in
            "{\"name\":\"\(name)\",\"items\":[{\"ident\":\"i\",\"data\":\"\(Data(bytes).base64EncodedString())\"}]}"
        }
        let body = Array("{\"sets\":[\(items.joined(separator: ","))]}".utf8)
        let reply = node.request(
            "POST", "/v1/invoke/\(name)", body, headers: ["Content-Type: application/json", "Accept: application/json"])
        guard let object = try? JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any],
            let found = object["sets"] as? [[String: Any]]
        else {
            Issue.record("\(name): \(reply.status) \(reply.text.prefix(500))")
            return [:]
        }
        var numbers: [String: [UInt64]] = [:]
        for set in found {
            guard let name = set["name"] as? String else { continue }
            for item in set["items"] as? [[String: Any]] ?? [] {
                let text = item["text"] as? String
                let bytes =
                    text.map { Array($0.utf8) } ?? Array(Data(base64Encoded: item["data"] as? String ?? "") ?? Data())
                numbers[name, default: []] += PluginHarness.numbers(in: bytes)
            }
        }
        return numbers
    }

    private func order(_ deed: Deed, _ more: UInt64...) -> [UInt8] { words([deed.rawValue] + more) }

    /// What `sum` finds in an item whose words rise from `seed`.
    private func sum(of bytes: Int, seed: UInt64) -> UInt64 {
        stride(from: 0, to: bytes / 8, by: 512).reduce(0) { $0 &+ seed &+ UInt64($1) }
    }

    /// Consumers that write and consumers that read at the same time, and exactly the item's bytes for each.
    @Test(arguments: classes) func consumersDoNotSeeEachOther(runClass: String) throws {
        let node = try start(runClass)
        let users = 20
        let names = (0..<users).map { "r\($0)" }
        compose(
            node, "Many", inputs: ["a", "w", "s", "u"], outputs: names,
            "maker(args = all a) => (item = out); "
                + names.enumerated().map { index, name in
                    "user(args = all \(["w", "s", "u"][index % 3]), data = all item) => (\(name) = out);"
                }.joined(separator: " "))
        for (seed, shift) in [(1, 0), (1 << 40, 128), (7, 1152)] as [(UInt64, UInt64)] {
            let found = invoke(
                node, "Many",
                [
                    ("a", order(.make, UInt64(Self.large), seed, shift)), ("w", order(.watch, 20)),
                    ("s", order(.spoil)), ("u", order(.sum)),
                ])
            let total = sum(of: Self.large, seed: seed)
            for (index, name) in names.enumerated() {
                let numbers = found[name] ?? []
                switch index % 3 {
                case 0: #expect(numbers.prefix(2) == [total, 0], "\(name) watched \(numbers)")
                case 1: #expect(numbers.first == .max, "\(name) spoilt \(numbers)")
                default: #expect(numbers.prefix(4) == [total, UInt64(Self.large), 0, 0], "\(name) saw \(numbers)")
                }
            }
        }
        #expect(node.stop() == 0)
    }

    /// Bodies too: what the function changes in place, and what it hands on as it was.
    @Test(arguments: classes) func bodiesAreTheFunctionsOwn(runClass: String) throws {
        let node = try start(runClass)
        let bytes = (0..<Self.large / 8).flatMap { words([UInt64($0)]) }
        for (name, deed, step) in [("some", Deed.change, 512), ("all", .change, 1), ("same", .handOn, 1)] {
            let flags = ["-DDEED=\(deed.rawValue)", "-DARG=\(step)"]
            #expect(
                try node.register("shared", as: name, class: runClass, memory: "64MiB", flags: flags).status == 201)
            let wanted =
                deed == .handOn
                ? bytes : (0..<Self.large / 8).flatMap { words([UInt64($0) + ($0 % step == 0 ? 1 : 0)]) }
            for round in 0..<3 {
                let answer = node.request("POST", "/v1/invoke/\(name)", bytes)
                #expect(answer.body == wanted, "\(name), round \(round): \(answer.status), \(answer.body.count) bytes")
            }
        }
        #expect(node.stop() == 0)
    }

    /// A chain of functions that change what they were given: each sees the one before, and the first item stays.
    @Test(arguments: classes) func chainsChangeTheirOwn(runClass: String) throws {
        let node = try start(runClass)
        compose(
            node, "Chain", inputs: ["a", "c", "h", "u"], outputs: ["first", "last", "handed"],
            """
            maker(args = all a) => (item = out);
            user(args = all c, data = all item) => (one = out);
            user(args = all h, data = all one) => (two = out);
            user(args = all c, data = all two) => (three = out);
            user(args = all u, data = all item) => (first = out);
            user(args = all u, data = all two) => (handed = out);
            user(args = all u, data = all three) => (last = out);
            """)
        for round in 0..<5 as Range<UInt64> {
            let found = invoke(
                node, "Chain",
                [
                    ("a", order(.make, UInt64(Self.large), round, 128 * round)), ("c", order(.change, 512)),
                    ("h", order(.handOn, 1)), ("u", order(.sum)),
                ])
            let total = sum(of: Self.large, seed: round)
            let steps = UInt64((Self.large / 8 + 511) / 512)
            #expect(found["first"]?.prefix(3) == [total, UInt64(Self.large), 0])
            #expect(found["handed"]?.prefix(3) == [total + steps, UInt64(Self.large), 0])
            #expect(found["last"]?.prefix(3) == [total + 2 * steps, UInt64(Self.large), 0])
        }
        #expect(node.stop() == 0)
    }

    /// Nothing of an item is left for the next function, of whatever tenant, also after a fault and a deadline.
    @Test(arguments: classes) func nothingIsLeft(runClass: String) throws {
        let node = try start(runClass)
        for (name, deed) in [("scan", Deed.scan), ("fault", .fault), ("loop", .loop), ("sum", .sum)] {
            let flags = ["-DDEED=\(deed.rawValue)", "-DARG=0"]
            let timeout = deed == .loop ? "100ms" : "10s"
            let reply = try node.register(
                "shared", as: name, class: runClass, memory: "64MiB", timeout: timeout, flags: flags)
            #expect(reply.status == 201, "\(reply.text)")
        }
        let bytes = [UInt8](repeating: 0x5a, count: Self.large)
        for round in 0..<24 {
            let name = ["sum", "fault", "loop"][round % 3]
            let used = node.request("POST", "/v1/invoke/\(name)", bytes, headers: ["Dandelion-Tenant: one"])
            #expect(used.status == [200, 422, 504][round % 3], "\(name): \(used.status) \(used.text.prefix(300))")
            for _ in 0..<3 {
                let scanned = node.request("POST", "/v1/invoke/scan", [1], headers: ["Dandelion-Tenant: two"])
                #expect(PluginHarness.numbers(in: scanned.body).first == 0, "after \(name): \(scanned.status)")
            }
        }
        #expect(node.stop() == 0)
    }

    /// A function that hands its input on a thousand times gives a thousand items, or a clear error where they would be
    /// more than it may leave.
    @Test(arguments: classes) func handedOnAThousandTimes(runClass: String) throws {
        let node = try start(runClass)
        compose(
            node, "Often", inputs: ["a", "h", "u"], outputs: ["r"],
            """
            maker(args = all a) => (item = out);
            user(args = all h, data = all item) => (many = out);
            user(args = all u, data = all many) => (r = out);
            """)
        let few = invoke(
            node, "Often", [("a", order(.make, 2 << 20, 3, 0)), ("h", order(.handOn, 40)), ("u", order(.sum))])
        #expect(few["r"]?.prefix(2) == [40 &* sum(of: 2 << 20, seed: 3), 40 << 21])
        let flags = ["-DDEED=\(Deed.handOn.rawValue)", "-DARG=1000"]
        #expect(try node.register("shared", as: "often", class: runClass, memory: "64MiB", flags: flags).status == 201)
        let reply = node.request("POST", "/v1/invoke/often", [UInt8](repeating: 1, count: 2 << 20))
        #expect((400..<500).contains(reply.status) && reply.text.contains("more than"), "\(reply.status) \(reply.text)")
        #expect(node.request("GET", "/").status == 200)
        #expect(node.stop() == 0)
    }
}

import Foundation
import PluginHarness
import Testing

/// Whatever tables a function leaves, each backend's way to the caller ends in an answer: what it left, or what is wrong with it.
@Suite(.serialized) struct OddOutputTests {
    private static let many = ProcessInfo.processInfo.environment["DANDELION_LONG_TESTS"] == nil ? 1500 : 50_000

    @Test(arguments: ["process", "kvm"]) func everyAnswerIsOne(backend: String) throws {
        let product = backend == "kvm" ? "KVM" : "Process"
        let node = try RunningNode(
            config: """
                [plugins.\(backend)]
                path = "libDandelion\(product).so"
                [classes.\(backend)]
                backends = ["\(backend)"]
                """)
        let registered = try node.register("odd_output", class: backend)
        guard registered.status == 201 else {
            #expect(registered.text.contains("no available backend"), "\(registered.text)")
            return print("no \(backend): \(registered.text)")
        }
        #expect(try node.register("hello", class: backend).status == 201)
        var statuses: [Int: Int] = [:]
        for number in 0..<UInt64(Self.many) {
            let seed = withUnsafeBytes(of: number.littleEndian) { [UInt8]($0) }
            let reply = node.request("POST", "/v1/invoke/odd_output", seed)
            statuses[reply.status, default: 0] += 1
            #expect(
                [200, 422, 413, 507, 429].contains(reply.status),
                "number \(number): \(reply.status) \(reply.text.prefix(400))")
            guard node.isRunning else { break }
        }
        // Some of both kinds, or the guest has lost its point.
        #expect(statuses[200, default: 0] > Self.many / 50, "\(statuses)")
        #expect(statuses[422, default: 0] > Self.many / 4, "\(statuses)")
        #expect(node.request("POST", "/v1/invoke/hello", [1]).status == 200)
        #expect(node.stop() == 0)
    }
}

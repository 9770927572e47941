import Foundation
import Testing

@Suite(.serialized) struct ServingTests {
    @Test func whatIsRegisteredSurvivesKill9() throws {
        var node = try RunningNode()
        #expect(try node.register("hello", class: "process").status == 201)
        #expect(node.request("POST", "/v1/invoke/hello", [1]).text == "hello, world")
        let kept = FileManager.default.temporaryDirectory.appending(path: "dandelion-kept-\(UUID())").path
        try FileManager.default.copyItem(atPath: node.state, toPath: kept)
        _ = node.stop(SIGKILL)
        node = try RunningNode(state: kept)
        #expect(node.request("POST", "/v1/invoke/hello", [1]).text == "hello, world")
        #expect(try node.register("hello", class: "process").text.contains("\"version\":2,"))
        #expect(node.stop() == 0)
    }

    @Test func everyClassAndEngineTypeOfTheShippedConfigIsKnown() throws {
        let node = try RunningNode()
        for name in ["process", "Process", "default"] {
            #expect(try node.register("hello", as: "h-\(name)", class: name).status == 201, "\(name)")
        }
        let reply = try node.register("hello", as: "x", class: "nonsense")
        #expect(reply.status == 400)
        #expect(reply.text.contains("no class 'nonsense'"))
    }

    @Test func worksWithOneCPU() throws {
        let node = try RunningNode(cpus: "0")
        _ = try node.register("hello", class: "process")
        for _ in 0..<50 { #expect(node.request("POST", "/v1/invoke/hello", [1]).status == 200) }
    }

    @Test func faultyPluginsAreReportedAndTheOthersServe() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-bad-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try "plain text".write(toFile: folder + "/text.so", atomically: true, encoding: .utf8)
        let config = """
            [plugins.process]
            path = "libDandelionProcess.so"
            [plugins.text]
            path = "\(folder)/text.so"
            [plugins.gone]
            path = "/nonexistent/plugin.so"
            [classes.process]
            backends = ["gone", "text", "process"]
            [classes.broken]
            backends = ["text"]
            """
        let node = try RunningNode(config: config)
        #expect(node.log.contains("plugin text is unavailable"))
        #expect(node.log.contains("plugin gone is unavailable"))
        #expect(try node.register("hello", class: "process").status == 201)
        #expect(node.request("POST", "/v1/invoke/hello", [1]).status == 200)
        let refused = try node.register("hello", as: "b", class: "broken")
        #expect(refused.status == 503, "\(refused.text)")
        #expect(refused.text.contains("text"))
    }

    @Test func aLongFunctionDelaysNoOther() throws {
        let node = try RunningNode(cpus: "0")
        _ = try node.register("loop", class: "process", timeout: "1500ms")
        _ = try node.register("hello", class: "process")
        _ = node.request("POST", "/v1/invoke/hello", [1])
        let looping = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            let reply = node.request("POST", "/v1/invoke/loop", [1])
            #expect(reply.status == 504)
            looping.signal()
        }
        usleep(200_000)
        var worst = 0.0
        for _ in 0..<20 {
            let begun = Date()
            #expect(node.request("GET", "/healthz").status == 200)
            worst = max(worst, Date().timeIntervalSince(begun))
        }
        #expect(worst < 0.5, "a request waited \(worst) s for another's function")
        looping.wait()
        #expect(node.request("POST", "/v1/invoke/hello", [1]).text == "hello, world")
    }
}

import Foundation
import Synchronization
import TestSupport
import Testing
import Values

@testable import Frontend

/// Versions of a name, and aliases that point to them.
@Suite(.serialized) struct VersionTests {
    /// A function that takes nothing and gives the text that was bound when it was registered, so that each version tells itself.
    private static func put(_ client: Client, _ name: String, _ text: String, _ query: String = "") -> Client.Response?
    {
        let body =
            ["image": "E", "v": text].map { part, data in
                "--b\r\nContent-Disposition: form-data; name=\"\(part)\"\r\n\r\n\(data)\r\n"
            }.joined() + "--b--\r\n"
        let type = "Content-Type: multipart/form-data; boundary=b\r\n"
        return client.send("PUT", "/v1/functions/\(name)?inputs=v&outputs=x\(query)", body, type)
    }

    private static func said(_ client: Client, _ name: String) -> String {
        guard let reply = client.send("POST", "/v1/invoke/\(name)", "") else { return "nothing" }
        return reply.status == 200 ? reply.text : "\(reply.status)"
    }

    private static func history(_ client: Client, _ path: String) -> [String] {
        let reply = try? JSONReader.read(client.send("GET", "/v1/\(path)", "")?.text ?? "")
        return (reply?["history"]?.elements ?? []).compactMap { $0["version"]?.json }
    }

    private func with(
        keptVersions: Int = 5, state: String? = nil, _ body: (Client) throws -> Void
    ) throws {
        let server = try TestServer(state: state, keptVersions: keptVersions)
        defer { server.stop() }
        try body(try server.connect())
    }

    @Test func aNameAgainIsAVersion() throws {
        try with { client in
            for text in ["one", "two", "three"] { #expect(Self.put(client, "f", text)?.status == 201) }
            #expect(
                ["f", "f@1", "f@2", "f@3", "f@4", "f@0", "f@03"].map { Self.said(client, $0) }
                    == ["three", "one", "two", "three", "404", "404", "404"])
            #expect(Self.history(client, "functions/f") == ["1", "2", "3"])
            // Lists have names, and each once.
            #expect(client.send("GET", "/v1/functions", "")?.text.contains("\"version\":3") == true)
            // The newest is what the name means, any other can go.
            #expect(client.send("DELETE", "/v1/functions/f@3", "")?.status == 409)
            #expect(client.send("DELETE", "/v1/functions/f@2", "")?.status == 204)
            #expect(client.send("DELETE", "/v1/functions/f@2", "")?.status == 404)
            #expect(Self.history(client, "functions/f") == ["1", "3"])
            #expect(client.send("DELETE", "/v1/functions/f", "")?.status == 204)
            #expect(["f", "f@1", "f@3"].map { Self.said(client, $0) } == ["404", "404", "404"])
            #expect(Self.put(client, "f", "again")?.text.contains("\"version\":1,") == true)
        }
    }

    @Test func replacingKeepsTheNumber() throws {
        try with { client in
            #expect(Self.put(client, "f", "one", "&replace=true")?.status == 201)
            #expect(Self.put(client, "f", "two")?.status == 201)
            #expect(Self.put(client, "f", "new", "&replace=true")?.status == 200)
            #expect(["f", "f@1", "f@2"].map { Self.said(client, $0) } == ["new", "one", "new"])
            // What an alias promises stays.
            #expect(client.send("PUT", "/v1/aliases/f@prod?to=2", "")?.status == 200)
            let refused = try #require(Self.put(client, "f", "newer", "&replace=true"))
            #expect(refused.status == 409 && refused.text.contains("alias 'prod'"), "\(refused.text)")
            #expect(Self.said(client, "f@prod") == "new")
        }
    }

    /// Of many at once each has a number of its own.
    @Test func manyAtOnceHaveANumberEach() throws {
        let server = try TestServer(keptVersions: 100)
        defer { server.stop() }
        let port = server.port
        let wrong = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 8) { index in
            guard let client = try? Client(port: port), let reply = Self.put(client, "f", "\(index)") else { return }
            let version = (try? JSONReader.read(reply.text))?["version"]?.json ?? ""
            let said = Self.said(client, "f@\(version)")
            if said != "\(index)" { wrong.withLock { $0.append("\(reply.status) \(version): \(said)") } }
        }
        #expect(wrong.withLock { $0 } == [])
        let client = try server.connect()
        #expect(Self.history(client, "functions/f") == (1...8).map(String.init))
    }

    @Test func anAliasIsSwitchedAndTakenBack() throws {
        try with { client in
            for text in ["one", "two", "three"] { #expect(Self.put(client, "f", text)?.status == 201) }
            func point(_ to: String, _ alias: String = "f@prod") -> Int? {
                client.send("PUT", "/v1/aliases/\(alias)?to=\(to)", "")?.status
            }
            #expect(Self.said(client, "f@prod") == "404" && point("previous") == 404)
            #expect(point("1") == 200 && point("previous") == 409)
            #expect(Self.said(client, "f@prod") == "one")
            #expect(point("2") == 200 && Self.said(client, "f@prod") == "two")
            // The same again is no change, and does not lose the way back.
            #expect(point("2") == 200 && point("previous") == 200 && Self.said(client, "f@prod") == "one")
            #expect(point("previous") == 200 && Self.said(client, "f@prod") == "two")
            for (to, status) in [
                ("4", 404), ("0", 400), ("1:0", 400), ("1:1,1:2", 400), ("1,", 400), ("x", 400), ("1:2:3", 400),
                ("", 400), ("1:1000001", 400), ((1...17).map(String.init).joined(separator: ","), 400),
            ] { #expect(point(to) == status, "\(to)") }
            #expect(point("1", "f") == 400 && point("1", "f@3") == 400 && point("1", "f@a-b") == 400)
            #expect(point("1", "none@prod") == 404)
            #expect(client.send("PUT", "/v1/aliases/f@prod", "")?.status == 400)
            #expect(Self.said(client, "f@prod") == "two")
            let all = try JSONReader.read(try #require(client.send("GET", "/v1/aliases", "")).text)
            #expect(all["aliases"]?.elements.map { $0["name"]?.text } == ["f@prod"])
            #expect(client.send("DELETE", "/v1/aliases/f@prod", "")?.status == 204)
            #expect(client.send("GET", "/v1/aliases/f@prod", "")?.status == 404 && Self.said(client, "f@prod") == "404")
        }
    }

    @Test func weightsAreShares() throws {
        try with { client in
            for text in ["one", "two"] { #expect(Self.put(client, "f", text)?.status == 201) }
            #expect(client.send("PUT", "/v1/aliases/f@canary?to=1:3,2:1", "")?.status == 200)
            let said = (0..<400).map { _ in Self.said(client, "f@canary") }
            let second = said.count { $0 == "two" }
            #expect(said.allSatisfy { $0 == "one" || $0 == "two" })
            // Six standard deviations of 8.7 each way.
            #expect((48...152).contains(second), "\(second)")
            // One cannot be called as the other.
            #expect(client.send("PUT", "/v1/functions/f?inputs=other&outputs=x", "E")?.status == 201)
            #expect(client.send("PUT", "/v1/aliases/f@canary?to=1:3,3:1", "")?.status == 409)
        }
    }

    @Test func compositionsBindToWhatTheyName() throws {
        try with { client in
            for text in ["one", "two"] { #expect(Self.put(client, "f", text)?.status == 201) }
            #expect(client.send("PUT", "/v1/aliases/f@prod?to=1", "")?.status == 200)
            for (name, callee) in [("Newest", "f"), ("First", "f@1"), ("Prod", "f@prod")] {
                let text = "function \(callee)(v) => (x); composition \(name)() => (y) { \(callee)() => (y = x); }"
                #expect(client.send("PUT", "/v1/compositions/\(name)", text)?.status == 201, "\(name)")
            }
            func all() -> [String] { ["Newest", "First", "Prod"].map { Self.said(client, $0) } }
            #expect(all() == ["two", "one", "one"])
            #expect(client.send("PUT", "/v1/aliases/f@prod?to=2", "")?.status == 200)
            #expect(Self.put(client, "f", "three")?.status == 201)
            #expect(all() == ["three", "one", "two"])
            // What they call stays, with its sets.
            for path in ["functions/f", "functions/f@1", "aliases/f@prod"] {
                #expect(client.send("DELETE", "/v1/\(path)", "")?.status == 409, "\(path)")
            }
            let other = "/v1/functions/f?inputs=other&outputs=x"
            #expect(client.send("PUT", other, "E")?.status == 409)
            #expect(client.send("DELETE", "/v1/compositions/Newest", "")?.status == 204)
            #expect(client.send("PUT", other, "E")?.status == 201)
            #expect(client.send("PUT", "/v1/aliases/f@prod?to=4", "")?.status == 409)
            #expect(Array(all().dropFirst()) == ["one", "two"])
            // Only what is called can be a version; what is declared or made cannot.
            for text in ["composition C@1() => () {}", "function f@1(v@2) => (x); composition C() => () {}"] {
                let refused = try #require(client.send("PUT", "/v1/compositions/C", text))
                #expect(refused.status == 400 && refused.text.contains("line 1, column 1"), "\(refused.text)")
            }
        }
    }

    @Test func compositionsHaveVersionsToo() throws {
        try with { client in
            for text in ["one", "two"] { #expect(Self.put(client, "f", text)?.status == 201) }
            func compose(_ callee: String, _ name: String = "C") -> Int? {
                let text = "function \(callee)(v) => (x); composition \(name)() => (y) { \(callee)() => (y = x); }"
                return client.send("PUT", "/v1/compositions/\(name)", text)?.status
            }
            #expect(compose("f@1") == 201 && compose("f@2") == 201)
            #expect(["C", "C@1", "C@2"].map { Self.said(client, $0) } == ["two", "one", "two"])
            #expect(client.send("PUT", "/v1/aliases/C@prod?to=1", "")?.status == 200)
            #expect(Self.said(client, "C@prod") == "one")
            // The name of one kind cannot be another's version, on either side.
            #expect(compose("f@1", "f") == 409 && Self.put(client, "C", "no")?.status == 409)
            // A circle by way of what calls the name.
            let around = "function C() => (y); composition D() => (y) { C() => (y = y); }"
            #expect(client.send("PUT", "/v1/compositions/D", around)?.status == 201)
            let circle = "function D() => (y); composition C() => (y) { D() => (y = y); }"
            #expect(client.send("PUT", "/v1/compositions/C", circle)?.status == 400)
            // An old version holds what it calls.
            #expect(client.send("DELETE", "/v1/functions/f@1", "")?.text.contains("C@1") == true)
            #expect(client.send("DELETE", "/v1/compositions/C@1", "")?.status == 409)
            #expect(client.send("DELETE", "/v1/aliases/C@prod", "")?.status == 204)
            #expect(client.send("DELETE", "/v1/compositions/C@1", "")?.status == 204)
            #expect(client.send("DELETE", "/v1/functions/f@1", "")?.status == 204)
            #expect(Self.said(client, "D") == "two")
        }
    }

    @Test func oldVersionsGoUnlessSomethingHasThem() throws {
        try with(keptVersions: 2) { client in
            #expect(Self.put(client, "f", "1")?.status == 201)
            #expect(client.send("PUT", "/v1/aliases/f@prod?to=1", "")?.status == 200)
            #expect(Self.put(client, "f", "2")?.status == 201)
            let text = "function f@2(v) => (x); composition C() => (y) { f@2() => (y = x); }"
            #expect(client.send("PUT", "/v1/compositions/C", text)?.status == 201)
            for number in 3...7 { #expect(Self.put(client, "f", "\(number)")?.status == 201) }
            #expect(Self.history(client, "functions/f") == ["1", "2", "5", "6", "7"])
            // Where an alias can go back to, too; what nothing has goes with the next one.
            #expect(client.send("PUT", "/v1/aliases/f@prod?to=5", "")?.status == 200)
            for number in 8...9 { #expect(Self.put(client, "f", "\(number)")?.status == 201) }
            #expect(Self.history(client, "functions/f") == ["1", "2", "5", "7", "8", "9"])
            #expect(client.send("PUT", "/v1/aliases/f@prod?to=9", "")?.status == 200)
            #expect(client.send("DELETE", "/v1/compositions/C", "")?.status == 204)
            #expect(Self.put(client, "f", "10")?.status == 201)
            #expect(Self.history(client, "functions/f") == ["5", "8", "9", "10"])
            #expect(["f@prod", "f@5", "f@7", "f"].map { Self.said(client, $0) } == ["9", "5", "404", "10"])
        }
    }

    /// No request fails or hears of a third version while an alias is switched all the time, and the one that follows a switch has it.
    @Test func switchingLosesNothing() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.connect()
        let port = server.port
        for text in ["one", "two"] { #expect(Self.put(client, "f", text)?.status == 201) }
        #expect(client.send("PUT", "/v1/aliases/f@prod?to=1", "")?.status == 200)
        let isOver = Atomic(false)
        let wrong = Mutex<[String]>([])
        let served = Atomic(0)
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            defer { done.signal() }
            guard let other = try? Client(port: port) else { return }
            while !isOver.load(ordering: .relaxed) {
                let said = Self.said(other, "f@prod")
                served.add(1, ordering: .relaxed)
                if said != "one" && said != "two" { wrong.withLock { $0.append(said) } }
            }
        }
        for round in 0..<60 {
            #expect(client.send("PUT", "/v1/aliases/f@prod?to=\(round % 2 + 1)", "")?.status == 200)
            #expect(Self.said(client, "f@prod") == (round % 2 == 0 ? "one" : "two"))
        }
        isOver.store(true, ordering: .relaxed)
        done.wait()
        #expect(wrong.withLock { $0 } == [] && served.load(ordering: .relaxed) > 50)
    }

    @Test func aRestartKeepsThem() throws {
        let state = "\(Temporary.folder)/versions-\(UUID())"
        defer { Temporary.remove(state) }
        try with(state: state) { client in
            for text in ["one", "two", "three"] { #expect(Self.put(client, "f", text)?.status == 201) }
            for callee in ["f@1", "f@prod"] {
                #expect(client.send("PUT", "/v1/aliases/f@prod?to=\(callee == "f@1" ? 1 : 2)", "")?.status == 200)
                let text = "function \(callee)(v) => (x); composition C() => (y) { \(callee)() => (y = x); }"
                #expect(client.send("PUT", "/v1/compositions/C", text)?.status == 201)
            }
            #expect(client.send("PUT", "/v1/aliases/C@old?to=1", "")?.status == 200)
            #expect(client.send("DELETE", "/v1/functions/f@1", "")?.status == 409)
        }
        for _ in 0..<2 {
            try with(state: state) { client in
                #expect(
                    ["f", "f@1", "f@2", "f@prod", "C", "C@1", "C@old"].map { Self.said(client, $0) }
                        == ["three", "one", "two", "two", "two", "one", "one"])
                #expect(client.send("DELETE", "/v1/functions/f@1", "")?.status == 409)
                #expect(client.send("PUT", "/v1/aliases/f@prod?to=previous", "")?.status == 200)
                #expect(Self.said(client, "f@prod") == "one")
                #expect(client.send("PUT", "/v1/aliases/f@prod?to=previous", "")?.status == 200)
            }
        }
        try with(state: state) { client in
            #expect(client.send("DELETE", "/v1/compositions/C", "")?.status == 204)
            #expect(client.send("DELETE", "/v1/functions/f", "")?.status == 204)
        }
        try with(state: state) { client in
            #expect(["f", "f@1", "f@prod", "C@1"].map { Self.said(client, $0) } == ["404", "404", "404", "404"])
            #expect(client.send("GET", "/v1/aliases", "")?.text == #"{"aliases":[]}"#)
        }
    }

    /// Names were free until there were versions: one with an '@' goes on meaning what it is.
    @Test func namesWithTheSignStay() throws {
        try with { client in
            #expect(Self.put(client, "f@2", "itself")?.status == 201)
            #expect(Self.put(client, "f", "one")?.status == 201)
            #expect(Self.put(client, "f", "two")?.status == 409)
            #expect(Self.said(client, "f@2") == "itself")
            #expect(client.send("DELETE", "/v1/functions/f@2", "")?.status == 204)
            #expect(Self.put(client, "f", "two")?.status == 201)
            #expect(
                Self.put(client, "f@5", "never")?.status == 409 && Self.put(client, "f@prod", "never")?.status == 409)
            #expect(Self.said(client, "f@2") == "two")
        }
    }

    @Test func versionsAreTheTenants() throws {
        let rig = try TenantRig(publishers: ["shared": "alice"])
        let (alice, bob) = (try rig.client("alice"), try rig.client("bob"))
        for name in ["own", "shared"] {
            for _ in 0..<2 {
                #expect(alice.status("PUT", "/v1/functions/\(name)?inputs=a&outputs=x", "E") == 201)
            }
            #expect(alice.status("PUT", "/v1/aliases/\(name)@prod?to=1") == 200)
        }
        for end in ["@1", "@prod"] {
            #expect(bob.status("POST", "/v1/invoke/own\(end)", "x") == 404)
            #expect(bob.status("POST", "/v1/invoke/shared\(end)", "x") == 200)
        }
        for name in ["own", "shared"] {
            #expect(bob.status("PUT", "/v1/aliases/\(name)@prod?to=2") == 404)
            #expect(bob.status("DELETE", "/v1/aliases/\(name)@prod") == 404)
            #expect(bob.status("DELETE", "/v1/functions/\(name)@1") == 404)
        }
        #expect(bob.status("PUT", "/v1/functions/shared?inputs=a&outputs=x", "E") == 409)
        #expect(try bob.names("aliases") == [])
    }
}

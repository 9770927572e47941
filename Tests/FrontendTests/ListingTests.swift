import Config
import Testing

@testable import Frontend
import Values

@Suite struct ListingTests {
    private func names(_ page: ParsedValue, _ key: String) -> [String] {
        (page[key]?.elements ?? []).compactMap { $0["name"]?.text }
    }

    @Test func listsComeInPages() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.connect()
        let all = (0..<25).map { "f\($0 < 10 ? "0" : "")\($0)" }
        for name in all.shuffled() {
            #expect(client.send("PUT", "/v1/functions/\(name)?inputs=a&outputs=x", "E")?.status == 201)
        }
        let text = all.map {
            "function \($0)(a) => (x);\ncomposition c\($0)(p) => (y) { \($0)(a = all p) => (y = x); }"
        }.joined(separator: "\n")
        #expect(client.send("PUT", "/v1/compositions/cf00", text)?.status == 201)
        for (collection, prefix) in [("functions", ""), ("compositions", "c")] {
            var seen: [String] = []
            var after: String?
            var pages = 0
            repeat {
                let query = after.map { "&after=\($0)" } ?? ""
                let reply = try #require(client.send("GET", "/v1/\(collection)?limit=10\(query)", ""))
                let page = try JSONReader.read(reply.text)
                #expect((page["communication"] != nil) == (collection == "functions" && after == nil))
                seen += names(page, collection)
                after = page["next"]?.text
                pages += 1
            } while after != nil
            #expect(seen == all.map { prefix + $0 })
            #expect(pages == 3)
        }
        #expect(client.send("DELETE", "/v1/functions/f03", "")?.status == 409)
        #expect(client.send("DELETE", "/v1/compositions/cf03", "")?.status == 204)
        #expect(client.send("DELETE", "/v1/functions/f03", "")?.status == 204)
        let page = try JSONReader.read(try #require(client.send("GET", "/v1/functions?after=f02&limit=1", "")).text)
        #expect(names(page, "functions") == ["f04"])
        for query in ["limit=0", "limit=1001", "limit=x", "from=a", "limit=1&limit=2"] {
            #expect(client.send("GET", "/v1/functions?\(query)", "")?.status == 400)
        }
    }

    @Test func pagesOfLongEntriesAreShorter() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.connect()
        let long = (0..<60).map { "\($0)" + String(repeating: "n", count: 250) }.joined(separator: ",")
        for index in 0..<100 {
            let target = "/v1/functions/\(1000 + index)?inputs=\(long)&outputs=\(long)"
            #expect(client.send("PUT", target, "E")?.status == 201)
        }
        let reply = try #require(client.send("GET", "/v1/functions", ""))
        #expect(reply.body.count < ListingPage.longest + 100_000)
        let page = try JSONReader.read(reply.text)
        #expect(names(page, "functions").last == page["next"]?.text)
    }
}

import Foundation
import Testing

/// The console in a real browser, where there is one.
@Suite struct BrowserTests {
    /// What a person sees: the node's figures, what ran and why something failed, in a page that breaks its own policy nowhere.
    @Test(.enabled(if: Browser.path != nil, "no Chromium here: apt-get install chromium"))
    func theConsoleShowsTheNode() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-browser-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let node = try RunningNode(
            config: """
                [plugins.process]
                path = "libDandelionProcess.so"
                [plugins.missing]
                path = "/nowhere/libmissing.so"
                [classes.process]
                backends = ["process"]
                """)
        defer { _ = node.stop() }
        #expect(try node.register("hello", class: "process").status == 201)
        let text =
            "function hello(in) => (out); composition Two(first) => (last) { hello(in = each first) => (last = out); }"
        #expect(node.request("PUT", "/v1/compositions/Two", Array(text.utf8)).status == 201)
        for _ in 0..<3 { #expect(node.request("POST", "/v1/invoke/Two", [1]).status == 200) }
        let failed = node.request("POST", "/v1/invoke/hello?class=none", [1])
        #expect(failed.status >= 400)

        let (page, said) = try Browser.look(at: "http://127.0.0.1:\(node.port)/console", folder)
        #expect(
            page.contains("127.0.0.1:\(node.port), version ") && page.contains(", ready</p>"), "\(page.prefix(2000))")
        #expect(page.contains(#"<form id="access" hidden="">"#))
        #expect(page.contains("<dt>Requests/s</dt>") && page.contains("<option value=\"Two\">"))
        let recent = try #require(
            page.split(separator: "<table id=\"recent\">").last?.split(separator: "</table>").first)
        #expect(recent.contains("<td>Two</td>") && recent.contains("<rect class=\"run\""), "\(recent)")
        #expect(recent.contains("class 'none'"), "\(recent)")
        #expect(page.contains("<button>Draw Two</button>"))
        #expect(page.contains("<td>missing</td><td class=\"bad\">"))
        #expect(!said.contains("Content Security Policy") && !said.contains("Uncaught"), "\(said)")
    }
}

import Foundation
import Testing

/// A real browser on the machine of a node, and a page of somebody else in it: nothing that the page tries reaches the node.
@Suite(.serialized) struct ForeignPageTests {
    /// Everything that a page can send without asking first, and what it can ask for; in the end it tells what it was given.
    private static func page(_ node: String) -> String {
        """
        <!doctype html><title>Foreign</title><p id="seen"></p>
        <img src="\(node)/v1/invoke/hello?from=img"><script src="\(node)/metrics"></script>
        <link rel="stylesheet" href="\(node)/console"><iframe src="\(node)/console" name="frame"></iframe>
        <form id="f" method="post" action="\(node)/v1/invoke/hello?from=form" target="frame" enctype="text/plain">
        <input name="a" value="b"></form>
        <script>
        const seen = [];
        async function attempt(name, path, options) {
            try {
                // A browser may hold back what goes to its own machine and say nothing.
                const late = new Promise((_, fail) => setTimeout(fail, 200));
                const reply = await Promise.race([fetch("\(node)" + path, options), late]);
                seen.push(name + ":" + reply.type + ":" + (await reply.text()).length);
            } catch (error) { seen.push(name + ":blocked"); }
        }
        async function all() {
            const text = "composition evil(x) => (x) { }";
            for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
                const headers = { "Content-Type": type };
                await attempt("simple-" + type, "/v1/invoke/hello", { method: "POST", body: "1", headers });
                await attempt("opaque-" + type, "/v1/invoke/hello", { method: "POST", body: "1", headers, mode: "no-cors" });
                await attempt("register-" + type, "/register/composition", { method: "POST", body: text, headers, mode: "no-cors" });
            }
            await attempt("put", "/v1/compositions/evil", { method: "PUT", body: text });
            await attempt("delete", "/v1/functions/hello", { method: "DELETE" });
            await attempt("get", "/v1/functions", {});
            await attempt("opaque-get", "/v1/functions", { mode: "no-cors" });
            await attempt("json", "/v1/invoke/hello", { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } });
            navigator.sendBeacon("\(node)/v1/invoke/hello?from=beacon", "1");
            document.getElementById("f").submit();
            const socket = new WebSocket("\(node)/v1/invoke/hello".replace("http", "ws"));
            await new Promise(done => { socket.onerror = socket.onopen = done; setTimeout(done, 200); });
            seen.push("socket:" + (socket.readyState === 1 ? "open" : "blocked"));
            document.getElementById("seen").textContent = seen.join(" ") + " END";
        }
        all();
        </script>
        """
    }

    @Test(.enabled(if: Browser.path != nil, "no Chromium here: apt-get install chromium"))
    func aForeignPageDoesNothing() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-foreign-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let node = try RunningNode(
            config: """
                [access_log]
                path = "\(folder)/access"
                [plugins.process]
                path = "libDandelionProcess.so"
                [classes.process]
                backends = ["process"]
                """)
        #expect(try node.register("hello", class: "process").status == 201)
        // The page lies with a server of its own: another port is another origin, and a name of its own another site.
        let address = "http://127.0.0.1:\(node.port)"
        let site = try HeadServer(page: Self.page(address))
        for host in ["localhost", "evil.example"] {
            let (text, said) = try Browser.look(
                at: "http://\(host):\(site.port)/", folder, rules: "MAP evil.example 127.0.0.1")
            let seen = text.components(separatedBy: "id=\"seen\">").last?.components(separatedBy: "</p>").first ?? ""
            #expect(seen.hasSuffix(" END"), "\(host): \(text.prefix(400)) \(said.suffix(400))")
            for attempt in seen.split(separator: " ") where attempt != "END" {
                // An opaque answer tells the page nothing, not even its status.
                #expect(attempt.hasSuffix(":blocked") || attempt.hasSuffix(":opaque:0"), "\(host): \(attempt)")
            }
        }
        #expect(node.request("GET", "/v1/compositions/evil").status == 404)
        #expect(node.request("GET", "/v1/functions/hello").status == 200)
        let metrics = node.request("GET", "/metrics").text
        let ran = metrics.split(separator: "\n").first { $0.hasPrefix("dandelion_tenant_invocations_total") } ?? ""
        #expect(ran.isEmpty || ran.hasSuffix(" 0"), "\(ran)")
        #expect(node.stop() == 0)
        // They did come to the node, from a browser, and were turned away: also those whose answers the browser keeps to itself.
        let log = try String(contentsOfFile: folder + "/access", encoding: .utf8).split(separator: "\n")
        let came = log.filter { $0.contains("Chrome") }
        #expect(came.count { $0.contains("\"POST\"") } >= 10 && came.count { $0.contains("\"GET\"") } >= 4, "\(log)")
        let admitted = came.filter { !$0.contains("\"status\":403") }
        #expect(admitted.isEmpty)
    }
}

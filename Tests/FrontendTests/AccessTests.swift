import Config
import Glibc
import Platform
import Testing

@testable import Frontend

/// Who may speak to the node, as its clients see it.
@Suite(.serialized) struct AccessTests {
    private func with(_ access: AccessSettings = AccessSettings(), _ body: (Client) throws -> Void) throws {
        let server = try TestServer(allowsLocalPath: false, access: access)
        defer { server.stop() }
        let client = try server.connect()
        #expect(client.send("PUT", "/v1/functions/E?inputs=a&outputs=x", "E", "User-Agent: curl/8\r\n")?.status == 201)
        try body(client)
    }

    @Test(arguments: [
        "a", "a:80", "a:", "A.b-c_d~e:65535", "127.0.0.1:8080", "[::1]", "[::1]:8080", "[fe80::1]", "[v1.a:b]:1", "%41",
        "a;b", "",
    ])
    func hostsThatAreOne(_ host: String) { #expect(host.withBytes(Authority.isValid), "\(host)") }

    @Test(arguments: [
        "a b", "a/b", "a,b", "a, b", "u@a", "http://a", "a:b", "a:65536", "a:1:2", ":80", "[::1", "::1", "[::1]x", "[]",
        "[1.2.3.4]", "[fe80::1%25eth0]", "[vx.a]", "%4", "%zz", "a\"b", "a<b", "a\\b", "a#b", "a?b", "é", "a:+1",
    ])
    func hostsThatAreNone(_ host: String) { #expect(!host.withBytes(Authority.isValid), "\(host)") }

    @Test(arguments: [
        "Origin: http://evil.example\r\n", "Origin: null\r\n", "Origin: http://a:81\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n", "Sec-Fetch-Site: else\r\n", "Origin: http://a\r\n",
        "Origin: http://evil.example\r\nSec-Fetch-Site: same-origin\r\n",
    ])
    func pagesOfOtherSitesAreRefused(_ fields: String) throws {
        try with { client in
            for (method, path) in [
                ("GET", "/metrics"), ("POST", "/v1/invoke/E"), ("PUT", "/v1/functions/F"),
                ("DELETE", "/v1/functions/E"),
                ("POST", "/register/function"), ("POST", "/hot/x"), ("GET", "/hot/x"), ("POST", "/v1/plugins/p/reload"),
                ("OPTIONS", "/v1/functions/E"), ("POST", "/nothing"),
            ] {
                #expect(client.send(method, path, "x", fields)?.status == 403, "\(method) \(path)")
            }
            #expect(client.send("GET", "/v1/functions/E", "")?.status == 200)
        }
    }

    @Test func pagesOfOtherSitesAreRefusedBeforeTheirBodies() throws {
        try with { client in
            client.send("POST /v1/invoke/E HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nContent-Length: 1000000\r\n\r\n")
            #expect(client.response()?.status == 403)
        }
    }

    @Test func theNodesOwnPagesAreNotForeign() throws {
        try with { client in
            for host in ["127.0.0.1:8080", "localhost", "[::1]:80"] {
                client.send(
                    "POST /v1/invoke/E HTTP/1.1\r\nHost: \(host)\r\nOrigin: http://\(host)\r\nContent-Length: 0\r\n\r\n"
                )
                #expect(client.response()?.status == 200)
            }
            for site in ["none", "same-origin"] {
                #expect(client.send("GET", "/healthz", "", "Sec-Fetch-Site: \(site)\r\n")?.status == 200)
            }
        }
    }

    private static let browser = "User-Agent: Mozilla/5.0 (X11)\r\n"

    @Test(arguments: [
        browser, browser + "Content-Type: multipart/form-data; boundary=b\r\n",
        browser + "Content-Type: Application/X-WWW-Form-Urlencoded ; a=b\r\n",
        "Content-Type: text/plain;charset=UTF-8\r\n",
        browser + "Content-Type: text/plain\r\n", browser + "Content-Type: \r\n", browser + "Dandelion-Tenant: a\r\n",
    ])
    func whatAFormCanSendIsRefused(_ fields: String) throws {
        try with { client in
            for path in ["/v1/invoke/E", "/register/function", "/hot/x", "/v1/plugins/p/reload"] {
                #expect(client.send("POST", path, "x", fields)?.status == 403, "\(path)")
            }
            #expect(client.send("POST", "/v1/invoke/E", "x", fields + "Dandelion-Client: test\r\n")?.status != 403)
        }
    }

    @Test(arguments: [
        "", "User-Agent: curl/7.88.1\r\nContent-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: application/octet-stream\r\n", browser + "Content-Type: application/octet-stream\r\n",
        "User-Agent: python-requests/2\r\n",
    ])
    func whatProgramsSendIsTaken(_ fields: String) throws {
        try with { client in
            #expect(client.send("POST", "/v1/invoke/E", "x", fields)?.text == "x")
        }
    }

    @Test func allowedPagesMaySendAndRead() throws {
        let origin = "https://app.example"
        try with(AccessSettings(origins: [origin])) { client in
            let fields = "Origin: \(origin)\r\nSec-Fetch-Site: cross-site\r\n" + Self.browser
            let reply = client.send("POST", "/v1/invoke/E", "x", fields)
            #expect(reply?.text == "x")
            #expect(reply?.head.contains("access-control-allow-origin: \(origin)") == true)
            #expect(reply?.head.contains("vary: Origin") == true)
            let preflight = client.send(
                "OPTIONS", "/v1/functions/E", "", fields + "Access-Control-Request-Method: DELETE\r\n")
            #expect(preflight?.status == 204)
            #expect(preflight?.head.contains("access-control-allow-methods: GET, HEAD, POST, PUT, DELETE") == true)
            let other = client.send("POST", "/v1/invoke/E", "x", "Origin: https://app.example.evil\r\n")
            #expect(other?.status == 403)
            #expect(other?.head.contains("access-control-allow-origin") == false)
        }
    }

    @Test func onlyConfiguredHostsAreServed() throws {
        try with(AccessSettings(hosts: ["node.example", "a"])) { client in
            for (host, status) in [
                ("node.example:80", 200), ("Node.Example", 200), ("10.1.2.3", 200), ("[::1]:80", 200),
                ("localhost:80", 200),
                ("evil.example", 421), ("node.example.evil", 421), ("", 421), ("127.0.0.1.evil", 421),
            ] {
                client.send("GET /healthz HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                #expect(client.response()?.status == status, "\(host)")
            }
            client.send("GET http://evil.example/healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.response()?.status == 421)
        }
    }

    @Test func aTenantIsNamedOnce() throws {
        try with { client in
            let one = "Dandelion-Tenant: a\r\n"
            #expect(client.send("POST", "/v1/invoke/E", "x", one)?.status == 200)
            #expect(client.send("POST", "/v1/invoke/E", "x", one + "dandelion-tenant: b\r\n")?.status == 400)
            #expect(client.send("POST", "/v1/invoke/E", "x", "Dandelion-Tenant: a, b\r\n")?.status == 400)
            #expect(
                client.send("POST", "/v1/invoke/E", "x", "Content-Type: a/b\r\nContent-Type: c/d\r\n")?.status == 400)
        }
    }

    @Test func tenantsAreTakenFromKnownPeersOnly() throws {
        for (range, status) in [("127.0.0.0/8", 200), ("10.0.0.0/8", 403), ("::1", 403), ("::ffff:127.0.0.1", 200)] {
            let ranges = [try #require(AddressRange(range))]
            try with(AccessSettings(tenantsFrom: ranges)) { client in
                let field = "Dandelion-Tenant: a\r\n"
                // Among its own names.
                let made = client.send("PUT", "/v1/functions/E?inputs=a&outputs=x", "E", field)
                #expect(made?.status == (status == 200 ? 201 : status))
                #expect(client.send("POST", "/v1/invoke/E", "x", field)?.status == status, "\(range)")
                #expect(client.send("POST", "/v1/invoke/E", "x")?.status == 200)
            }
        }
    }

    @Test func localPathsTellNothing() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = try server.connect()
        var template = Array("/tmp/frontend-image-XXXXXX".utf8CString)
        let image = mkstemp(&template)
        defer {
            close(image)
            unlink(template)
        }
        write(image, "E", 1)
        let path = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        #expect(client.send("PUT", "/v1/functions/L?path=\(path)", "")?.status == 201)
        var replies: Set<String> = []
        for path in ["/nonexistent", "/etc", "/dev/zero", "/proc/self/exe", "/proc/self/mem", ""] {
            let reply = client.send("PUT", "/v1/functions/M?path=\(path)", "")
            #expect(reply?.status == 400)
            replies.insert(reply?.text.split(separator: "\"instance\"").first.map(String.init) ?? "")
        }
        #expect(replies.count == 1, "\(replies)")
        // Nor when it would be another version.
        let again = client.send("PUT", "/v1/functions/L?path=/nonexistent", "")
        #expect(again?.status == 400)
    }

    @Test func pathsOfTheMachineAreHidden() {
        for (text, told) in [
            ("state: cannot write /var/lib/x/y: No space", "state: cannot write [path]: No space"),
            ("'/tmp/a b'", "'[path] b'"), ("plugin /usr/lib/x.so: has (/etc/y)", "plugin [path]: has ([path])"),
            ("GET http://a/etc/passwd", "GET http://a/etc/passwd"), ("a/b /nowhere/x", "a/b /nowhere/x"), ("/", "/"),
            ("and/or", "and/or"), ("", ""),
        ] {
            #expect(ServerPaths.hidden(in: text) == told)
        }
    }
}

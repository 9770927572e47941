import CommHarness
import Glibc
import PluginABI
import TestSupport
import Testing

private func write(_ text: String, to path: String) {
    guard let file = fopen(path, "w") else { return }
    fputs(text, file)
    fclose(file)
}

/// An nginx with TLS (HTTP/2 by ALPN), TLS without HTTP/2, and HTTP/2 without TLS, and an authority that signed its name.
private final class Nginx {
    let folder: String
    let tls: UInt16
    let tls1: UInt16
    let clear: UInt16
    let plain: UInt16
    private var pid: pid_t = 0

    static let isInstalled = run(["nginx", "-v"]) == 0 && run(["openssl", "version"]) == 0

    init() throws {
        var template = Array("\(Temporary.folder)/httpcomm-XXXXXX".utf8CString)
        mkdtemp(&template)
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let ports = (0..<4).map { _ in Origin() }.map { origin in
            origin.stop()
            return origin.port
        }
        (tls, tls1, clear, plain) = (ports[0], ports[1], ports[2], ports[3])
        try makeCertificates()
        write(configuration, to: "\(folder)/nginx.conf")
        pid = try #require(start(["nginx", "-p", folder, "-c", "\(folder)/nginx.conf", "-e", "\(folder)/error.log"]))
        for _ in 0..<200 where !isListening(clear) { usleep(20_000) }
        try #require(isListening(clear), "nginx does not listen; see \(folder)/error.log")
    }

    deinit {
        kill(pid, SIGTERM)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        _ = run(["rm", "-rf", folder])
    }

    private func makeCertificates() throws {
        let authority = ["-keyout", "\(folder)/ca.key", "-out", "\(folder)/ca.pem", "-subj", "/CN=Test authority"]
        let key = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        ]
        try #require(run(key + authority) == 0)
        let server = [
            "-CA", "\(folder)/ca.pem", "-CAkey", "\(folder)/ca.key", "-keyout", "\(folder)/server.key", "-out",
            "\(folder)/server.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        ]
        try #require(run(key + server) == 0)
    }

    private var configuration: String {
        // Relayed, so that a body is read before it is answered: libcurl 7.88 may take an answer that comes before the
        // body was sent, on a connection with other requests, for a broken one.
        let location = """
            location /drop { return 444; }
            location /session { return 200 $ssl_session_reused; }
            location / { proxy_set_header Front "$server_protocol $request_method"; proxy_pass http://127.0.0.1:\(plain); }

            """
        let relayed = "location /drop { return 444; } location / { return 200 $http_front; }"
        let certificate =
            "ssl_certificate \(folder)/server.pem; ssl_certificate_key \(folder)/server.key;\n"
            + "ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:all:1m;\n"
        return """
            daemon off; worker_processes 1; pid \(folder)/pid; error_log \(folder)/error.log;
            events {}
            http {
              access_log off; client_max_body_size 0; client_body_temp_path \(folder); proxy_temp_path \(folder); fastcgi_temp_path \(folder);
              uwsgi_temp_path \(folder); scgi_temp_path \(folder); default_type text/plain;
              server { listen 127.0.0.1:\(tls) ssl http2; \(certificate) \(location) }
              server { listen 127.0.0.1:\(tls1) ssl; \(certificate) \(location) }
              server { listen 127.0.0.1:\(clear) http2; \(location) }
              server { listen 127.0.0.1:\(plain); \(relayed) }
            }
            """
    }
}

/// TLS and HTTP/2, against nginx.
struct TLSTests {
    private static var reason: Comment { "nginx or openssl is not installed: TLS and HTTP/2 are not tested" }

    @Test(.enabled(if: Nginx.isInstalled, reason))
    func certificatesAndVersions() throws {
        let nginx = try Nginx()
        let trusting = try Client(["allow_loopback": .flag(true), "ca_file": .text("\(nginx.folder)/ca.pem")])
        let http2 = try trusting.perform("GET https://localhost:\(nginx.tls)/ HTTP/2.0")
        #expect(http2.outcome == DN_COMM_OK, "\(http2.message)")
        #expect(http2.text(0).hasPrefix("HTTP/2.0 200 OK\nserver:nginx") && http2.text(1) == "HTTP/2.0 GET")
        #expect(try trusting.perform("PUT https://localhost:\(nginx.tls)/ HTTP/1.1\n\nbody").text(1) == "HTTP/2.0 PUT")
        #expect(try trusting.perform("GET https://localhost:\(nginx.tls1)/ HTTP/1.1").text(1) == "HTTP/1.1 GET")
        #expect(try trusting.perform("GET https://localhost:\(nginx.tls1)/ HTTP/2.0").text(1) == "HTTP/1.1 GET")

        let stranger = try Client(local).perform("POST https://localhost:\(nginx.tls)/ HTTP/1.1\n\nbody")
        #expect(stranger.outcome == DN_COMM_TLS && stranger.effect == DN_EFFECT_NOT_SENT, "\(stranger.message)")
        let wrongName = try trusting.perform("GET https://127.0.0.1:\(nginx.tls)/ HTTP/1.1")
        #expect(wrongName.outcome == DN_COMM_TLS, "\(wrongName.message)")
        let origin = Origin()
        let noTLS = try trusting.perform("GET https://127.0.0.1:\(origin.port)/ HTTP/1.1", timeout: 2_000_000_000)
        #expect(noTLS.outcome == DN_COMM_TLS || noTLS.outcome == DN_COMM_DEADLINE, "\(noTLS.message)")
        #expect(noTLS.effect == DN_EFFECT_NOT_SENT)
        origin.stop()
    }

    /// Handles are new for each request, and connections here too; sessions go from one to the next all the same.
    @Test(.enabled(if: Nginx.isInstalled, reason))
    func sessionsAreResumed() throws {
        let nginx = try Nginx()
        let client = try Client(["allow_loopback": .flag(true), "ca_file": .text("\(nginx.folder)/ca.pem")])
        // HTTP/1.0 has a connection for each request.
        let reused = try (0..<4).map { _ in
            try client.perform("GET https://localhost:\(nginx.tls1)/session HTTP/1.0").text(1)
        }
        #expect(reused == [".", "r", "r", "r"])
        // Another client begins anew.
        let other = try Client(["allow_loopback": .flag(true), "ca_file": .text("\(nginx.folder)/ca.pem")])
        #expect(try other.perform("GET https://localhost:\(nginx.tls1)/session HTTP/1.0").text(1) == ".")
    }

    /// What a server sends behind its answer, in the same record or later, is not the next answer.
    @Test(.enabled(if: Nginx.isInstalled, reason), arguments: [0, 30])
    func strayBytesBehindAnAnswer(delay: Int) throws {
        let nginx = try Nginx()
        let server = try TalkativeServer(nginx.folder, delay: delay)
        let client = try Client(["allow_loopback": .flag(true), "ca_file": .text("\(nginx.folder)/ca.pem")])
        for method in ["GET", "POST", "GET"] {
            let answer = try client.perform("\(method) https://localhost:\(server.port)/ HTTP/1.1")
            #expect(answer.outcome == DN_COMM_OK && answer.text(1) == "answer", "\(answer.message) \(answer.text(1))")
            usleep(100_000)
        }
    }

    @Test(.enabled(if: Nginx.isInstalled, reason))
    func manyOnOneConnection() throws {
        let nginx = try Nginx()
        let client = try Client(["allow_loopback": .flag(true), "ca_file": .text("\(nginx.folder)/ca.pem")])
        let base = "https://localhost:\(nginx.tls)"
        for _ in 0..<100 { try client.submit("POST \(base)/ HTTP/2.0\nKey:Value\n\nsome body") }
        let before = openDescriptors()
        let answers = try client.answers(100)
        let wrong = answers.filter { $0.text(1) != "HTTP/2.0 POST" || $0.effect != DN_EFFECT_DONE }
        #expect(wrong.isEmpty, "\(wrong.count): \(wrong[0].outcome) \(wrong[0].message) \(wrong[0].text(0))")
        // Other tests open descriptors meanwhile, but not a hundred.
        #expect(openDescriptors() - before < 50)
        for version in ["1.0", "1.1", "2.0", "1.0", "3.0"] {
            let answer = try client.perform("GET \(base)/ HTTP/\(version)")
            #expect(
                answer.text(1) == (version == "1.0" ? "HTTP/1.0 GET" : "HTTP/2.0 GET"), "\(version) \(answer.message)")
        }
        let token = try client.submit("GET \(base)/ HTTP/2.0")
        client.cancel(token)
        #expect(try client.answers(1)[0].token == token)
        #expect(try client.perform("HEAD \(base)/ HTTP/2.0").outcome == DN_COMM_OK)
    }

    /// Writing to a connection that the server has closed must not raise SIGPIPE, which would end the node.
    @Test(.enabled(if: Nginx.isInstalled, reason))
    func serverThatHangsUpDuringAnUpload() throws {
        let nginx = try Nginx()
        let client = try Client(["allow_loopback": .flag(true), "ca_file": .text("\(nginx.folder)/ca.pem")])
        let body = [UInt8](repeating: 0x78, count: 16 << 20)
        for (scheme, port) in [("https", nginx.tls1), ("https", nginx.tls), ("http", nginx.plain)] {
            try client.submit(Array("POST \(scheme)://localhost:\(port)/drop HTTP/1.1\n\n".utf8) + body)
            let answer = try client.answers(1)[0]
            #expect(answer.outcome == DN_COMM_RESET || answer.outcome == DN_COMM_PROTOCOL, "\(answer.message)")
            #expect(answer.effect == DN_EFFECT_MAY_HAVE_HAPPENED)
        }
    }

    @Test(.enabled(if: Nginx.isInstalled, reason))
    func clearTextHTTP2() throws {
        let nginx = try Nginx()
        let client = try Client(local)
        let base = "http://127.0.0.1:\(nginx.clear)"
        let answer = try client.perform("GET \(base)/ HTTP/2.0", signature: 1)
        #expect(answer.text(0).hasPrefix("HTTP/2.0 200 OK\nserver:nginx") && answer.text(1) == "HTTP/2.0 GET")
        let tokens = try (0..<100).map { _ in try client.submit("POST \(base)/ HTTP/2.0\nKey:Value\n\nsome body") }
        let answers = try client.answers(100)
        #expect(Set(answers.map(\.token)) == Set(tokens))
        #expect(answers.allSatisfy { $0.text(1) == "HTTP/2.0 POST" && $0.effect == DN_EFFECT_DONE })
        let head = try client.perform("HEAD \(base)/ HTTP/2.0")
        #expect(head.outcome == DN_COMM_OK && head.outputs[1].isEmpty, "\(head.message)")
    }
}

import Foundation
import PluginHarness

/// One way to make a node take memory, repeated until it is told to stop.
struct Attack: Sendable {
    let name: String
    let once: @Sendable (RunningNode) -> Void

    /// Bodies that a decoder makes many small items of.
    static let json = Attack(name: "json") { node in
        var body = Array(#"{"sets":[{"name":"in","items":["#.utf8)
        let item = Array(#"{"text":""},"#.utf8)
        while body.count < 50 << 20 { body += item }
        body += Array(#"{"text":""}]}]}"#.utf8)
        _ = node.request("POST", "/v1/invoke/hello", body, headers: ["Content-Type: application/json"])
    }

    /// The same with one long text, all of it escapes.
    static let escapes = Attack(name: "escapes") { node in
        var body = Array(#"{"sets":[{"name":"in","items":[{"text":""#.utf8)
        let escape = Array(#"\u00e9"#.utf8)
        while body.count < 40 << 20 { body += escape }
        body += Array(#""}]}]}"#.utf8)
        _ = node.request("POST", "/v1/invoke/hello", body, headers: ["Content-Type: application/json"])
    }

    /// Bodies that have all but arrived.
    static let bodies = Attack(name: "bodies") { node in
        let descriptor = node.connect()
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let count = 60 << 20
        let head = "POST /v1/invoke/hello HTTP/1.1\r\nHost: node\r\nContent-Length: \(count)\r\n\r\n"
        let bytes = Array(head.utf8) + [UInt8](repeating: 1, count: count - 1)
        _ = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        usleep(300_000)
    }

    /// Functions that are bound to much, under ever new names.
    static let bound = Attack(name: "bound") { node in
        guard let image = try? GuestCompiler.image("hello") else { return }
        let name = "b\(UInt64.random(in: 0 ... .max))"
        func part(_ name: String) -> [UInt8] {
            Array("--frontier\r\nContent-Disposition: form-data; name=\"\(name)\"; filename=\"x\"\r\n\r\n".utf8)
        }
        let bytes = [UInt8](repeating: 7, count: 24 << 20)
        let body = part("image") + image + [13, 10] + part("cfg") + bytes + Array("\r\n--frontier--\r\n".utf8)
        let reply = node.request(
            "PUT", "/v1/functions/\(name)?class=process&inputs=in,cfg&outputs=out", body,
            headers: ["Content-Type: multipart/form-data; boundary=frontier"])
        // Most stay; some make room for the next.
        if reply.status == 201, Bool.random() { _ = node.request("DELETE", "/v1/functions/\(name)") }
    }

    /// Many items in a form.
    static let parts = Attack(name: "parts") { node in
        let part = Array("--f\r\nContent-Disposition: form-data; name=\"in\"\r\n\r\n\r\n".utf8)
        var body: [UInt8] = []
        for _ in 0..<90_000 { body += part }
        body += Array("--f--\r\n".utf8)
        _ = node.request(
            "POST", "/v1/invoke/hello", body, headers: ["Content-Type: multipart/form-data; boundary=f"])
    }

    /// Outputs that no answer may send.
    static let windows = Attack(name: "windows") { node in
        let descriptor = node.connect()
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        // The preface, and SETTINGS with INITIAL_WINDOW_SIZE 0.
        var bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]
        for stream in 0..<60 { bytes += frames(of: UInt32(1 + 2 * stream)) }
        _ = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        usleep(1_500_000)
    }

    /// HEADERS with the fields as literals without indexing, then DATA: an invocation of `big` for 3 MiB.
    private static func frames(of stream: UInt32) -> [UInt8] {
        let fields = [(":method", "POST"), (":path", "/v1/invoke/big"), (":scheme", "http"), (":authority", "node")]
        let block = fields.flatMap { name, value in
            [UInt8(0), UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        func frame(_ type: UInt8, _ flags: UInt8, _ payload: [UInt8]) -> [UInt8] {
            let length = payload.count
            let id = (0..<4).reversed().map { UInt8(truncatingIfNeeded: stream >> UInt32($0 * 8)) }
            return [UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags] + id + payload
        }
        return frame(1, 4, block) + frame(0, 1, words([3 << 20]))
    }

    /// Answers of 30 MiB to one request with many items.
    static func communication(port: UInt16) -> Attack {
        Attack(name: "communication") { node in
            let item = "{\"text\":\"GET http://127.0.0.1:\(port)/ HTTP/1.1\\n\\n\"}"
            let items = Array(repeating: item, count: 60).joined(separator: ",")
            _ = node.request(
                "POST", "/v1/invoke/HTTP", Array("{\"sets\":[{\"name\":\"requests\",\"items\":[\(items)]}]}".utf8),
                headers: ["Content-Type: application/json", "Accept: application/bson"])
        }
    }

    /// Registrations whose documents hold millions of names.
    static let documents = Attack(name: "documents") { node in
        // BSON: {output_sets: ["", "", ...]}, each element eight bytes.
        let element: [UInt8] = [2, 0, 1, 0, 0, 0, 0]
        var array: [UInt8] = []
        array.reserveCapacity(50 << 20)
        while array.count < 48 << 20 { array += element }
        func document(_ bytes: [UInt8]) -> [UInt8] {
            let count = UInt32(bytes.count + 5)
            return (0..<4).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) } + bytes + [0]
        }
        _ = node.request(
            "POST", "/register/function", document([4] + Array("output_sets".utf8) + [0] + document(array)),
            headers: ["Content-Type: application/bson"])
    }

    /// Heads and frames that never end, on many connections.
    static let silent = Attack(name: "silent") { node in
        var clients: [Int32] = []
        for index in 0..<200 {
            let client = node.connect()
            guard client >= 0 else { break }
            clients.append(client)
            var bytes = Array("GET / HTTP/1.1\r\nHost: node\r\nX: ".utf8) + [UInt8](repeating: 120, count: 15_000)
            if index % 2 == 1 {
                // A stream whose body stays out.
                bytes =
                    Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
                    + frames(of: 1).prefix(100)
            }
            _ = bytes.withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        }
        usleep(700_000)
        for client in clients { close(client) }
    }

    /// Instances that take far more than their modules.
    static let tables = Attack(name: "tables") { node in _ = node.request("POST", "/v1/invoke/tables", [1]) }

    /// Modules that would become gigabytes of code, or keep a compiler busy, under ever new names.
    static let modules = Attack(name: "modules") { node in
        for module in [
            SyntheticModule.blocks(20_000), SyntheticModule.jumps(200_000, seed: Int.random(in: 0..<1 << 30)),
        ] {
            let path = "/v1/functions/m\(UInt64.random(in: 0 ... .max))?class=rwasm&inputs=in&outputs=out"
            // Nobody waits for the compiler: the connection ends, the work goes on until it is found unwanted.
            let client = node.connect()
            guard client >= 0 else { return }
            let head = "PUT \(path) HTTP/1.1\r\nHost: node\r\nContent-Length: \(module.count)\r\n\r\n"
            let bytes = Array(head.utf8) + module
            _ = bytes.withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            usleep(500_000)
            close(client)
        }
    }

    /// Compositions of megabytes.
    static let texts = Attack(name: "texts") { node in
        var text = "function hello(in) => (out);\n"
        for call in 0..<20_000 { text += "composition c\(call)(a) => (b) { hello(in = all a) => (b = out); }\n" }
        _ = node.request("PUT", "/v1/compositions/c0", Array(text.utf8))
    }
}

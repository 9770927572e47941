internal import CVersion
internal import Failure
internal import Transport

/// A request to a node.
struct NodeRequest {
    var method: String
    /// Path and query, percent-encoded.
    var target: String
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []

    /// - Parameter parameters: the query; those without a value are left out.
    init(_ method: String, _ path: [String], _ parameters: KeyValuePairs<String, String?> = [:]) {
        self.method = method
        target = path.map { "/" + $0.percentEncoded }.joined()
        let query = parameters.compactMap { name, value in value.map { "\(name)=\($0.percentEncoded)" } }
        if !query.isEmpty { target += "?" + query.joined(separator: "&") }
    }
}

/// Why there is no reply.
struct NodeUnreachable: Error, CustomStringConvertible {
    var description: String
}

/// A blocking HTTP/1.1 client: one connection for each request.
struct NodeClient {
    let address: NodeAddress
    let tls: TLSClient.Settings

    func send(_ request: NodeRequest) throws(NodeUnreachable) -> HTTPReply {
        let wire: ClientWire
        do throws(Failure) { wire = try connect() } catch {
            throw NodeUnreachable(description: "\(address.place): \(error.detail)")
        }
        // A node may answer before it has read everything, when it refuses the body.
        let sendError = wire.write(head(of: request) + request.body)
        var reader = HTTPReplyReader { wire.read() }
        do throws(HTTPReplyReader.Malformed) {
            return try reader.reply()
        } catch {
            throw NodeUnreachable(description: "\(address.place): \(sendError ?? error.reason)")
        }
    }

    private func connect() throws(Failure) -> ClientWire {
        if let path = address.path { return try ClientWire(path: path) }
        return try ClientWire(host: address.host, port: address.port, address.isSecure ? tls : nil)
    }

    private func head(of request: NodeRequest) -> [UInt8] {
        var head = "\(request.method) \(request.target) HTTP/1.1\r\nHost: \(address.authority)\r\nConnection: close\r\n"
        head += "User-Agent: dandelion/\(String(cString: dandelion_version()))\r\n"
        for field in request.fields { head += "\(field.name): \(field.value)\r\n" }
        if !request.body.isEmpty || request.method != "GET" { head += "Content-Length: \(request.body.count)\r\n" }
        return Array((head + "\r\n").utf8)
    }
}

extension String {
    /// The text as one segment of a path or one value of a query (RFC 3986: only unreserved characters stay).
    var percentEncoded: String {
        let digits = Array("0123456789ABCDEF")
        return utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                String(UnicodeScalar(byte))
            default: "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }.joined()
    }
}

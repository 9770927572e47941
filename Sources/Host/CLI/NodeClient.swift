internal import CVersion
internal import Glibc

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

    func send(_ request: NodeRequest) throws(NodeUnreachable) -> NodeReply {
        let socket = try connect()
        defer { close(socket) }
        // A node may answer before it has read everything, when it refuses the body.
        let sendError = write(head(of: request) + request.body, to: socket)
        var reader = NodeReplyReader { Self.read(from: socket) }
        do throws(NodeReplyReader.Malformed) {
            return try reader.reply()
        } catch {
            throw NodeUnreachable(description: "\(address.authority): \(sendError ?? error.reason)")
        }
    }

    private func head(of request: NodeRequest) -> [UInt8] {
        var head = "\(request.method) \(request.target) HTTP/1.1\r\nHost: \(address.authority)\r\nConnection: close\r\n"
        head += "User-Agent: dandelion/\(String(cString: dandelion_version()))\r\n"
        for field in request.fields { head += "\(field.name): \(field.value)\r\n" }
        if !request.body.isEmpty || request.method != "GET" { head += "Content-Length: \(request.body.count)\r\n" }
        return Array((head + "\r\n").utf8)
    }

    private func connect() throws(NodeUnreachable) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(address.host, address.port, &hints, &found)
        guard status == 0 else {
            throw NodeUnreachable(description: "\(address.authority): \(String(cString: gai_strerror(status)))")
        }
        defer { freeaddrinfo(found) }
        var reason = "no address"
        var next = found
        while let candidate = next?.pointee {
            let descriptor = socket(candidate.ai_family, candidate.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
            if descriptor >= 0, Glibc.connect(descriptor, candidate.ai_addr, candidate.ai_addrlen) == 0 {
                return descriptor
            }
            reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            next = candidate.ai_next
        }
        throw NodeUnreachable(description: "\(address.authority): \(reason)")
    }

    /// What went wrong, nil when everything was sent.
    private func write(_ bytes: [UInt8], to socket: Int32) -> String? {
        bytes.withUnsafeBytes { all in
            var rest = all[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(rebasing: rest)
                // SAFETY: part has part.count readable bytes.
                let count = Glibc.send(socket, part.baseAddress, part.count, Int32(MSG_NOSIGNAL))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return String(cString: strerror(errno)) }
                rest = rest.dropFirst(count)
            }
            return nil
        }
    }

    /// The next bytes; none at the end and after an error, which ends a connection just so.
    private static func read(from socket: Int32) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            // SAFETY: buffer has buffer.count writable bytes.
            let count = recv(socket, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            return Array(buffer[..<max(0, count)])
        }
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

/// Builds a multipart/form-data body (RFC 7578): a part is an item of the set that it names.
struct Multipart {
    private var parts: [(head: String, data: [UInt8])] = []

    mutating func add(set: String, ident: String, key: UInt32, data: [UInt8]) {
        var head =
            "Content-Disposition: form-data; name=\"\(Self.quoted(set))\"; filename=\"\(Self.quoted(ident))\"\r\n"
        if key != 0 { head += "Dandelion-Key: \(key)\r\n" }
        parts.append((head, data))
    }

    /// The body, and the type that names its boundary. The boundary occurs in none of the parts.
    func body() -> (type: String, bytes: [UInt8]) {
        var number = 0
        var boundary = "dandelion-0"
        while parts.contains(where: { $0.data.firstRange(of: Array(boundary.utf8)) != nil }) {
            number += 1
            boundary = "dandelion-\(number)"
        }
        var bytes: [UInt8] = []
        for part in parts {
            bytes += Array("--\(boundary)\r\n\(part.head)\r\n".utf8)
            bytes += part.data
            bytes += Array("\r\n".utf8)
        }
        bytes += Array("--\(boundary)--\r\n".utf8)
        return ("multipart/form-data; boundary=\(boundary)", bytes)
    }

    /// As browsers do it (WHATWG HTML, multipart/form-data encoding algorithm).
    private static func quoted(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"": "%22"
            case "\r": "%0D"
            case "\n": "%0A"
            default: String(scalar)
            }
        }.joined()
    }
}

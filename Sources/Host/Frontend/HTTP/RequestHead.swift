/// Request methods that routes tell apart.
enum Method: UInt8 {
    case get, head, post, put, delete, options, other

    init(_ name: Bytes) {
        switch name.count {
        case 3: self = name.equals("GET") ? .get : name.equals("PUT") ? .put : .other
        case 4: self = name.equals("POST") ? .post : name.equals("HEAD") ? .head : .other
        case 6: self = name.equals("DELETE") ? .delete : .other
        case 7: self = name.equals("OPTIONS") ? .options : .other
        default: self = .other
        }
    }
}

/// Head of a request: a view of bytes that somebody else keeps, in place while the request is being handled. A connection has one
/// for all its requests of HTTP/1.1, a stream of HTTP/2 has its own; on the connection's loop.
final class RequestHead {
    /// A field line; name and value are offsets from `base`.
    struct Field {
        var name: Range<UInt32>
        var value: Range<UInt32>
    }

    /// Where the offsets count from.
    var base: UnsafeRawPointer?
    var method = Method.other
    var target: Range<UInt32> = 0..<0
    var path: Range<UInt32> = 0..<0
    /// Without the question mark.
    var query: Range<UInt32> = 0..<0
    /// The host and port that it is for; may be empty.
    var authority: Range<UInt32> = 0..<0
    var fields: [Field] = []
    /// What it is called; `.none` while it arrives.
    var id = RequestID.none
    /// Value of the field traceparent; empty = there is none, or more than one.
    var traceParent: Range<UInt32> = 0..<0
    /// Nil where the listener asks nobody.
    var caller: Caller?

    var isHTTP10 = false
    /// The connection can carry another request after this one.
    var keepsAlive = true
    /// Nil: not given.
    var contentLength: Int?
    var isChunked = false
    var expectsContinue = false

    /// Forgets the request but keeps the memory of `fields`.
    func reset() {
        base = nil
        method = .other
        (target, path, query, authority, traceParent) = (0..<0, 0..<0, 0..<0, 0..<0, 0..<0)
        fields.removeAll(keepingCapacity: true)
        id = .none
        caller = nil
        (isHTTP10, keepsAlive, isChunked, expectsContinue) = (false, true, false, false)
        contentLength = nil
    }

    func bytes(_ range: Range<UInt32>) -> Bytes {
        guard let base else { return Bytes(start: nil, count: 0) }
        // SAFETY: whoever made the range checked it against the memory at base, which outlives the request.
        return Bytes(start: base + Int(range.lowerBound), count: range.count)
    }

    var pathBytes: Bytes { bytes(path) }
    var queryBytes: Bytes { bytes(query) }

    /// Value of the first field of that name, which is given in lower case.
    func value(_ lowerName: StaticString) -> Bytes? {
        for field in fields where bytes(field.name).equalsIgnoringCase(lowerName) { return bytes(field.value) }
        return nil
    }

    /// Splits a request target, at `range`, into authority, path and query. Takes origin-form, absolute-form and `*`.
    /// - Returns: false if it is none of them.
    func split(target range: Range<UInt32>) -> Bool {
        target = range
        let text = bytes(range)
        var start = 0
        if text.first != ASCII.slash {
            guard text.hasPrefix("http://") || text.hasPrefix("https://") else {
                path = range
                return text.equals("*")
            }
            start = text[4] == ASCII.colon ? 7 : 8
            let authority = start
            while start < text.count, text[start] != ASCII.slash, text[start] != ASCII.question { start += 1 }
            guard start > authority, Authority.isValid(text.part(authority..<start)) else { return false }
            self.authority = range.lowerBound + UInt32(authority)..<range.lowerBound + UInt32(start)
        }
        let mark = text.firstIndex(of: ASCII.question, from: start)
        let low = range.lowerBound
        path = low + UInt32(start)..<low + UInt32(mark ?? text.count)
        query = mark.map { low + UInt32($0) + 1..<range.upperBound } ?? 0..<0
        return true
    }
}

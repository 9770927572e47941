/// What a hop sends of the request: all of it at first, less after redirects (Fetch standard, HTTP-redirect fetch).
struct HopRules {
    /// The request's method was replaced by GET.
    private(set) var isGet = false
    private(set) var isHead = false
    private(set) var sendsBody = false
    private(set) var isIdempotent = false
    private var sendsContent = true
    private var sendsSensitive = true

    init() {}

    init(_ head: RequestHead, _ item: Bytes) {
        let method = item.part(head.method)
        isHead = ASCII.isEqual(method, "HEAD")
        isIdempotent = head.isIdempotent(item)
        // These say how long their body is even when it is empty (RFC 9110 section 8.6).
        sendsBody =
            !head.body.isEmpty || ASCII.isEqual(method, "POST") || ASCII.isEqual(method, "PUT")
            || ASCII.isEqual(method, "PATCH")
        isGet = ASCII.isEqual(method, "GET")
    }

    /// 301, 302 and 303 turn everything but GET and HEAD into a GET without body; credentials stay with their host.
    mutating func follow(_ status: Int32, toSameOrigin: Bool) {
        if !toSameOrigin { sendsSensitive = false }
        guard status <= 303 else { return }
        sendsBody = false
        sendsContent = false
        guard !isHead else { return }
        isGet = true
        isIdempotent = true
    }

    /// Appends the headers of this hop. False when there is no memory.
    func fill(
        _ headers: inout HeaderList, _ head: RequestHead, _ item: Bytes, _ trace: borrowing TraceFields,
        _ secrets: SecretFields
    ) -> Bool {
        // A server that waits for the body must not make us wait for its leave.
        guard headers.append("Expect:") else { return false }
        var hasType = false
        var lines = LineReader(item, fields: head.fields)
        // Validated before: neither a line nor a field can be refused here.
        while let line = try? lines.next(), let field = try? HeaderField(item, line) {
            guard isSent(field.kind), field.kind != .trace || !trace.isGiven else { continue }
            let name = item.part(field.name)
            guard !secrets.have(name) else { continue }
            hasType = hasType || ASCII.matches(name, "content-type")
            guard headers.append(line: item.part(line), name: name, isEmpty: field.trimmedValue.isEmpty) else {
                return false
            }
        }
        guard trace.fill(&headers), secrets.fill(&headers) else { return false }
        // libcurl would name a type of its own.
        return !sendsBody || hasType || headers.append("Content-Type:")
    }

    private func isSent(_ kind: HeaderField.Kind) -> Bool {
        switch kind {
        case .endToEnd, .trace: true
        case .sensitive: sendsSensitive
        case .content: sendsContent
        case .owned, .host, .transferEncoding: false
        }
    }
}

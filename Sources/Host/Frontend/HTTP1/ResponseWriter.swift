internal import Dispatcher
internal import Items

/// Writes responses of HTTP/1.1 (RFC 9112, 4 and 6).
enum ResponseWriter {
    static let continuation: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

    /// - Parameters:
    ///   - head: Of the request; decides about the body (HEAD) and the connection.
    ///   - closes: The connection ends after this response.
    static func write(
        _ response: borrowing Response, to head: RequestHead, closes: Bool, date: DateField, output: OutputBuffer
    ) {
        let hasContent = response.status != .noContent
        output.write(atMost: mostBytes(of: response, head)) { text in
            text.put("HTTP/1.1 ")
            text.put(decimal: UInt64(response.status.rawValue))
            text.put(ASCII.space)
            text.put(response.status.reason)
            text.put("\r\ndate: ")
            text.put(date.value)
            // 204 has no content and must not say so by a length (RFC 9110, 8.6).
            if hasContent {
                text.put("\r\ncontent-length: ")
                text.put(decimal: UInt64(response.content.count))
            }
            if let type = response.contentType {
                text.put("\r\ncontent-type: ")
                text.put(type)
            }
            if closes {
                text.put("\r\nconnection: close")
            } else if head.isHTTP10 {
                text.put("\r\nconnection: keep-alive")
            }
            text.put(idOf: head)
            for field in response.fields {
                text.put("\r\n")
                text.put(field.name)
                text.put(": ")
                text.put(field.value)
            }
            if let timeline = response.timeline {
                text.put("\r\nserver-timing: ")
                timeline.write(to: &text)
            }
            text.put("\r\n\r\n")
        }
        if head.method != .head, hasContent { response.content.write(to: output) }
    }

    /// Bytes of a head, and more.
    private static func mostBytes(of response: borrowing Response, _ head: RequestHead) -> Int {
        var most = fixedBytes + RequestID.longest + InvocationTimeline.longestText
        most += response.contentType?.utf8CodeUnitCount ?? 0
        for field in response.fields { most += 4 + field.name.utf8CodeUnitCount + field.value.utf8.count }
        return most
    }

    /// Of names, status and its reason, date, length and line ends: about half of it.
    private static let fixedBytes = 512
}

extension ByteWriter {
    fileprivate mutating func put(idOf head: RequestHead) {
        guard !head.id.isNone else { return }
        put("\r\nx-request-id: ")
        if head.id.given.isEmpty { put(head.id) } else { put(head.bytes(head.id.given)) }
    }
}

/// Writes responses of HTTP/1.1 (RFC 9112, 4 and 6).
enum ResponseWriter {
    static let continuation: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

    /// - Parameters:
    ///   - head: Of the request; decides about the body (HEAD) and the connection.
    ///   - closes: The connection ends after this response.
    static func write(
        _ response: Response, to head: borrowing RequestHead, closes: Bool, date: DateField, output: OutputBuffer
    ) {
        output.append("HTTP/1.1 ")
        output.append(decimal: Int(response.status.rawValue))
        output.append(ASCII.space)
        output.append(response.status.reason)
        output.append("\r\ndate: ")
        output.append(date.value)
        // 204 has no content and must not say so by a length (RFC 9110, 8.6).
        if response.status != .noContent {
            output.append("\r\ncontent-length: ")
            output.append(decimal: response.content.count)
        }
        if let type = response.contentType {
            output.append("\r\ncontent-type: ")
            output.append(type)
        }
        if closes {
            output.append("\r\nconnection: close")
        } else if head.isHTTP10 {
            output.append("\r\nconnection: keep-alive")
        }
        output.append(idOf: head)
        for field in response.fields {
            output.append("\r\n")
            output.append(field.name)
            output.append(": ")
            output.append(field.value)
        }
        output.append("\r\n\r\n")
        if head.method != .head, response.status != .noContent { response.content.write(to: output) }
    }
}

extension OutputBuffer {
    fileprivate func append(idOf head: borrowing RequestHead) {
        guard !head.id.isNone else { return }
        append("\r\nx-request-id: ")
        if head.id.given.isEmpty {
            // SAFETY: extend gives room for as many bytes as an id has digits.
            head.id.write(to: extend(by: RequestID.digits))
        } else {
            append(head.bytes(head.id.given))
        }
    }
}

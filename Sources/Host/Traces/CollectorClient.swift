internal import CVersion
internal import Config
internal import Failure
internal import Transport
internal import Values

/// Posts batches to a collector (OTLP/HTTP), a connection for each.
struct CollectorClient {
    enum Answer {
        /// But for so many spans.
        case taken(rejected: Int)
        case refused(String)
        /// Worth another try, after so many seconds if the collector says so.
        case away(String, seconds: UInt64)
    }

    private let collector: Collector
    /// Bytes.
    private static let longestAnswer = 1 << 20
    private static let patience = 10

    init(_ collector: Collector) { self.collector = collector }

    func post(_ body: [UInt8]) -> Answer {
        let wire: ClientWire
        do throws(Failure) {
            wire = try ClientWire(
                host: collector.host, port: collector.port,
                collector.isSecure ? TLSClient.Settings(authorities: collector.authorities) : nil,
                seconds: Self.patience)
        } catch { return .away(error.detail, seconds: 0) }
        let sendError = wire.write(head(count: body.count) + body)
        var reader = HTTPReplyReader(longest: Self.longestAnswer) { wire.read() }
        do throws(HTTPReplyReader.Malformed) {
            return judge(try reader.reply())
        } catch { return .away(sendError ?? error.reason, seconds: 0) }
    }

    private func head(count: Int) -> [UInt8] {
        var head = "POST \(collector.path) HTTP/1.1\r\nHost: \(collector.authority)\r\nConnection: close\r\n"
        head += "User-Agent: dandelion/\(String(cString: dandelion_version()))\r\nContent-Type: application/json\r\n"
        for field in collector.fields { head += "\(field.name): \(field.value)\r\n" }
        return Array("\(head)Content-Length: \(count)\r\n\r\n".utf8)
    }

    private func judge(_ reply: HTTPReply) -> Answer {
        switch reply.status {
        case 200...299:
            let partial = (try? JSONReader.read(bytes: reply.body))?["partialSuccess"]?["rejectedSpans"]
            return .taken(rejected: partial.flatMap { Int($0.text ?? $0.json) } ?? 0)
        case 429, 502, 503, 504:
            let seconds = reply["retry-after"].flatMap { UInt64($0) } ?? 0
            return .away("\(reply.status) \(reply.reason)", seconds: min(seconds, 300))
        default: return .refused("\(reply.status) \(reply.reason)")
        }
    }
}

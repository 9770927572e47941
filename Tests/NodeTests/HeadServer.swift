import Foundation
import Synchronization

/// A server that keeps the head of every request, and answers it with 200 and a page or, where its path has /go/, with a redirect to
/// what follows.
final class HeadServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let seen = Mutex<[String]>([])
    var heads: [String] { seen.withLock { $0 } }
    private let accepted = Atomic(0)
    /// Connections so far.
    var connections: Int { accepted.load(ordering: .relaxed) }

    private let page: String

    init(page: String = "ok") throws {
        self.page = page
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isOpen = withUnsafeMutablePointer(to: &address) { pointer in
            // SAFETY: a sockaddr_in is a sockaddr of that length.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        guard isOpen else { throw LargeAnswers.CannotListen() }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [weak self] in
            while case let client = accept(listener, nil, nil), client >= 0 {
                guard let server = self else { break }
                server.accepted.add(1, ordering: .relaxed)
                // Browsers open connections on which nothing comes.
                Thread.detachNewThread { server.answer(client) }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private func answer(_ client: Int32) {
        defer { close(client) }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        let count = recv(client, &buffer, buffer.count, 0)
        guard count > 0 else { return }
        let head = String(decoding: buffer[..<count], as: UTF8.self)
        seen.withLock { $0.append(head) }
        let path = head.split(separator: " ").dropFirst().first ?? ""
        let place = path.range(of: "/go/").map { "Location: http://\(path[$0.upperBound...])/\r\n" } ?? ""
        let status = place.isEmpty ? "200 OK" : "302 Found"
        let reply =
            Array(
                "HTTP/1.1 \(status)\r\n\(place)Content-Type: text/html\r\nContent-Length: \(page.utf8.count)\r\n"
                    .utf8) + Array("Connection: close\r\n\r\n\(page)".utf8)
        send(client, reply, reply.count, Int32(MSG_NOSIGNAL))
    }
}

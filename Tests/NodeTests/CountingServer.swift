import Foundation

/// A server that counts requests by their first line. It answers with the path, but for paths that begin with `/hold`, which it does
/// only when told to, and `/break`, on which it ends the connection.
final class CountingServer: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: what changes is guarded by `lock`.
    let port: UInt16
    private let listener: Int32
    private let lock = NSLock()
    private var counts: [String: Int] = [:]
    private var holds = true

    struct CannotListen: Error {}

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isOpen = withUnsafeMutablePointer(to: &address) { pointer in
            // SAFETY: a sockaddr_in is a sockaddr of that length.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 256) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        guard isOpen else { throw CannotListen() }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in
            while case let client = accept(listener, nil, nil), client >= 0 {
                Thread.detachNewThread { self.serve(client) }
            }
        }
    }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// Requests so far whose first line begins so.
    func count(_ line: String) -> Int { lock.withLock { counts[line] ?? 0 } }

    /// Answers whatever comes from now on.
    func release() { lock.withLock { holds = false } }

    /// Waits until there were so many.
    func wait(for line: String, _ number: Int = 1) -> Bool {
        for _ in 0..<2000 {
            if count(line) >= number { return true }
            usleep(5_000)
        }
        return false
    }

    /// A request, as functions write it.
    func request(_ line: String) -> String {
        let words = line.split(separator: " ")
        return "\(words[0]) http://127.0.0.1:\(port)\(words[1]) HTTP/1.1\n\n"
    }

    private func serve(_ client: Int32) {
        defer { close(client) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            let words = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ", maxSplits: 2)
            guard words.count == 3 else { return }
            let line = "\(words[0]) \(words[1])"
            let isHeld = lock.withLock {
                counts[line, default: 0] += 1
                return holds && words[1].hasPrefix("/hold")
            }
            if words[1].hasPrefix("/break") { return }
            // Until the client is gone.
            if isHeld { continue }
            let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: \(words[1].utf8.count)\r\n\r\n\(words[1])".utf8)
            guard send(client, answer, answer.count, Int32(MSG_NOSIGNAL)) == answer.count else { return }
        }
    }
}

import Foundation
import Testing

/// Accepts TCP connections and sends every one of them the same bytes once it has sent something.
final class LyingServer: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: nothing changes after init; the thread ends with the descriptor.
    let port: Int
    private let descriptor: Int32

    init(_ answer: String) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            // SAFETY: a sockaddr_in is a sockaddr of that length.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        try #require(bound)
        descriptor = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread {
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else {
                    close(listener)
                    return
                }
                var buffer = [UInt8](repeating: 0, count: 4096)
                if recv(connection, &buffer, buffer.count, 0) > 0 {
                    let bytes = Array(answer.utf8)
                    _ = send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                }
                usleep(20_000)
                close(connection)
            }
        }
    }

    /// Ends the wait of the thread, which closes the descriptor: closed here, its number could be another's by then.
    deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }
}

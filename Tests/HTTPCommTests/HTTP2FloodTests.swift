import CommHarness
import Glibc
import PluginABI
import Testing

/// A server of HTTP/2 that sends frames without end which bring the request nothing: libcurl 7.88 would read on for as long, and
/// whoever called it could do nothing else.
@Suite(.serialized) struct HTTP2FloodTests {
    /// Serves one connection: SETTINGS, then `frames` over and over until the client goes.
    private final class FloodServer: @unchecked Sendable {
        // SAFETY of @unchecked Sendable: fixed after init; the thread only reads.
        let listener: Int32
        let port: Int
        private let flood: [UInt8]

        init(_ frames: [UInt8]) throws {
            flood = frames
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            self.listener = listener
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, size) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &size) == 0
                }
            }
            port = Int(UInt16(bigEndian: address.sin_port))
            try #require(isBound)
            var thread = pthread_t()
            let me = Unmanaged.passRetained(self).toOpaque()
            let code = pthread_create(
                &thread, nil,
                { pointer in
                    guard let pointer else { return nil }
                    Unmanaged<FloodServer>.fromOpaque(pointer).takeRetainedValue().serve()
                    return nil
                }, me)
            try #require(code == 0)
            pthread_detach(thread)
        }

        private func serve() {
            let client = accept(listener, nil, nil)
            close(listener)
            guard client >= 0 else { return }
            defer { close(client) }
            var scratch = [UInt8](repeating: 0, count: 4096)
            guard read(client, &scratch, scratch.count) > 0 else { return }
            var pieces = [UInt8]([0, 0, 0, 4, 0, 0, 0, 0, 0])
            // Ends by itself: a client without a watch would stay for ever.
            for _ in 0..<200_000 {
                guard send(client, pieces, pieces.count, Int32(MSG_NOSIGNAL)) == pieces.count else { return }
                pieces = flood
            }
        }
    }

    private static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8] = []) -> [UInt8] {
        [0, UInt8(payload.count >> 8), UInt8(payload.count & 255), type, flags, 0, 0, 0, stream] + payload
    }

    private static let head = frame(1, 4, 1, [0x88])

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    static let floods: [(name: String, first: [UInt8], again: [UInt8])] = [
        ("empty data", head, frame(0, 0, 1)),
        ("unknown frames", [], frame(200, 0, 0, [UInt8](repeating: 1, count: 100))),
        ("another stream's priority", [], frame(2, 0, 3, [0, 0, 0, 0, 1])),
    ]

    @Test(arguments: floods) func theCallEnds(name: String, first: [UInt8], again: [UInt8]) throws {
        let repeated = (0..<(16_384 / again.count)).flatMap { _ in again }
        let server = try FloodServer(first + repeated)
        let client = try Client(local)
        let begun = Self.now()
        let answer = try client.perform("GET http://127.0.0.1:\(server.port)/ HTTP/2.0", timeout: 20_000_000_000)
        let took = Self.now() - begun
        #expect(answer.outcome != DN_COMM_OK && answer.outcome != DN_COMM_DEADLINE, "\(name): \(answer.message)")
        #expect(took < 10_000_000_000, "\(name): \(took / 1_000_000) ms, \(answer.message)")
    }
}

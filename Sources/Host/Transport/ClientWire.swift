public import Failure
internal import Glibc

/// A connection to a server, whose calls block.
public final class ClientWire {
    private let socket: Int32
    private let tls: TLSClient?

    /// - Parameters:
    ///   - tls: Nil = bytes as they are.
    ///   - seconds: The longest wait of each call; nil = for ever.
    /// - Throws: `.upstream` with the reason.
    public init(
        host: String, port: String, _ tls: TLSClient.Settings? = nil, seconds: Int? = nil
    ) throws(Failure) {
        let socket = try ClientSocket.connect(host: host, port: port, seconds: seconds)
        do throws(Failure) {
            self.tls = try tls.map { (settings) throws(Failure) in try TLSClient(on: socket, host: host, settings) }
        } catch {
            close(socket)
            throw error
        }
        self.socket = socket
    }

    /// - Throws: as the other.
    public init(path: String) throws(Failure) {
        socket = try ClientSocket.connect(path: path)
        tls = nil
    }

    deinit {
        tls?.end()
        close(socket)
    }

    /// What went wrong, nil when everything was sent.
    public func write(_ bytes: [UInt8]) -> String? {
        bytes.withUnsafeBytes { all in
            var rest = all[...]
            while !rest.isEmpty {
                let part = UnsafeRawBufferPointer(rebasing: rest)
                // SAFETY: part has part.count readable bytes.
                let count = tls?.write(part) ?? send(socket, part.baseAddress, part.count, Int32(MSG_NOSIGNAL))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return String(cString: strerror(errno)) }
                rest = rest.dropFirst(count)
            }
            return nil
        }
    }

    /// The next bytes; none at the end and after an error, which ends a connection just so.
    public func read() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = buffer.withUnsafeMutableBytes { room in
                // SAFETY: room has room.count writable bytes.
                tls?.read(room) ?? recv(socket, room.baseAddress, room.count, 0)
            }
            if count < 0, errno == EINTR { continue }
            return Array(buffer[..<max(0, count)])
        }
    }
}

internal import Failure
internal import Glibc
internal import Transport

/// A connection to a node.
final class NodeWire {
    private let socket: Int32
    private let tls: TLSClient?

    /// - Throws: `.upstream` with the reason.
    init(to address: NodeAddress, _ settings: TLSClient.Settings) throws(Failure) {
        let socket: Int32
        if let path = address.path {
            socket = try ClientSocket.connect(path: path)
        } else {
            socket = try ClientSocket.connect(host: address.host, port: address.port)
        }
        do throws(Failure) {
            tls = address.isSecure ? try TLSClient(on: socket, host: address.host, settings) : nil
        } catch {
            close(socket)
            throw error
        }
        self.socket = socket
    }

    deinit {
        tls?.end()
        close(socket)
    }

    /// What went wrong, nil when everything was sent.
    func write(_ bytes: [UInt8]) -> String? {
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
    func read() -> [UInt8] {
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

import CommHarness
import Glibc
import Synchronization

/// A server on 127.0.0.1 with one thread for each connection, which behaves as the path of a request says.
final class Origin: Sendable {
    let port: UInt16
    private let listener: Int32
    /// By path: what is answered, byte for byte.
    private let scripts = Mutex<[String: Script]>([:])
    private let connections = Atomic<Int>(0)
    private let requests = Atomic<Int>(0)

    var connectionCount: Int { connections.load(ordering: .acquiring) }
    var requestCount: Int { requests.load(ordering: .acquiring) }

    init() {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        port = withUnsafeMutablePointer(to: &address) { [listener] address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = bind(listener, address, length)
                getsockname(listener, address, &length)
            }
            return UInt16(bigEndian: address.pointee.sin_port)
        }
        listen(listener, 1024)
        Self.thread { [self] in
            while true {
                let fd = accept(listener, nil, nil)
                if fd < 0 {
                    // Here, so that the number is not another socket's while this thread waits on it.
                    close(listener)
                    return
                }
                let number = connections.add(1, ordering: .acquiringAndReleasing).newValue
                Self.thread { self.serve(fd, number) }
            }
        }
    }

    /// Bytes sent one after another, 20 ms apart, whatever HTTP says; then the connection is closed, or stays.
    struct Script {
        var pieces: [[UInt8]]
        var isClosing = true
    }

    func answer(_ path: String, with script: Script) { scripts.withLock { $0[path] = script } }

    private func play(_ script: Script, on fd: Int32) -> Bool {
        for (index, piece) in script.pieces.enumerated() {
            if index > 0 { usleep(20_000) }
            guard Self.send(fd, piece) else { return false }
        }
        return !script.isClosing
    }

    /// Ends the listener; connections end with their clients.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private static func thread(_ body: @escaping @Sendable () -> Void) {
        final class Box {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 256 << 10)
        var thread = pthread_t()
        pthread_create(
            &thread, &attributes,
            { pointer in
                pointer.map { Unmanaged<Box>.fromOpaque($0).takeRetainedValue().body() }
                return nil
            }, Unmanaged.passRetained(Box(body)).toOpaque())
        pthread_attr_destroy(&attributes)
    }

    private func serve(_ fd: Int32, _ number: Int) {
        defer { close(fd) }
        var input = Input(fd)
        var turn = 0
        while let request = input.next() {
            requests.add(1, ordering: .acquiringAndReleasing)
            turn += 1
            if !reply(fd, request, number, turn) { return }
        }
    }

    /// False ends the connection.
    private func reply(_ fd: Int32, _ request: Input.Request, _ number: Int, _ turn: Int) -> Bool {
        let parts = request.path.split(separator: "?", maxSplits: 1).map(String.init)
        let argument = parts.count > 1 ? parts[1] : ""
        if let script = scripts.withLock({ $0[parts[0]] }) { return play(script, on: fd) }
        switch parts[0] {
        case "/echo": Self.answer(fd, request.head + request.body)
        case "/connection": Self.answer(fd, Array("\(number)".utf8))
        case "/status": Self.send(fd, "HTTP/1.1 \(argument) Whatever\r\nContent-Length: 0\r\n\r\n")
        case "/never": while input_waits(fd) {}
        case "/garbage":
            Self.send(fd, "\u{1}\u{2}this is no HTTP at all\r\n\r\n")
            return false
        case "/half":
            Self.send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + String(repeating: "x", count: 500))
            return false
        case "/halfchunk":
            Self.send(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nxxxx")
            return false
        case "/close": return false
        case "/closeonsecond":
            if turn > 1 { return false }
            Self.answer(fd, [])
        case "/chunked":
            Self.send(
                fd,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: t\r\n\r\n"
            )
        case "/interim":
            Self.send(fd, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
            Self.answer(fd, Array("final".utf8))
        case "/headers":
            Self.send(
                fd,
                "HTTP/1.1 299 Odd Reason\r\nX-UPPER:  spaced value \r\nX-Empty:\r\nX-Fold: one\r\n  two\r\nX-Tab: a\tb\r\n"
                    + "Content-Length: 0\r\n\r\n")
        case "/big": Self.answer(fd, [UInt8](repeating: 0x62, count: Int(argument) ?? 0))
        case "/endless":
            Self.send(fd, "HTTP/1.1 200 OK\r\n\r\n")
            let block = [UInt8](repeating: 0x65, count: 65_536)
            while Self.send(fd, block) {}
            return false
        case "/manyheaders":
            Self.send(fd, "HTTP/1.1 200 OK\r\n")
            for index in 0..<(Int(argument) ?? 0) where !Self.send(fd, Array("X-\(index): \(index)\r\n".utf8)) {
                return false
            }
            Self.send(fd, "Content-Length: 0\r\n\r\n")
        case "/slow":
            Self.send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            for _ in 0..<100 {
                usleep(50_000)
                if !Self.send(fd, [0x73]) { return false }
            }
        case "/wait":
            usleep((UInt32(argument) ?? 0) * 1000)
            Self.answer(fd, Array("waited".utf8))
        case let path where path.hasPrefix("/redirect/"):
            let code = path.dropFirst(10)
            Self.send(fd, "HTTP/1.1 \(code) Go\r\nLocation: \(argument)\r\nContent-Length: 0\r\n\r\n")
        case "/loop":
            Self.send(fd, "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n")
        default: Self.answer(fd, Array("ok".utf8))
        }
        return true
    }

    /// Waits until the client goes away.
    private func input_waits(_ fd: Int32) -> Bool {
        var byte: UInt8 = 0
        return recv(fd, &byte, 1, 0) > 0
    }

    private static func answer(_ fd: Int32, _ body: [UInt8]) {
        send(
            fd,
            Array("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
    }

    @discardableResult
    private static func send(_ fd: Int32, _ text: String) -> Bool { send(fd, Array(text.utf8)) }

    @discardableResult
    private static func send(_ fd: Int32, _ bytes: [UInt8]) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { whole in
                Glibc.send(fd, whole.baseAddress.map { $0 + offset }, whole.count - offset, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            offset += count
        }
        return true
    }
}

/// Requests of one connection.
private struct Input {
    struct Request {
        var head: [UInt8]
        var path: String
        var body: [UInt8]
    }

    private let fd: Int32
    private var pending: [UInt8] = []

    init(_ fd: Int32) { self.fd = fd }

    mutating func next() -> Request? {
        var end = headEnd()
        while end == nil {
            guard fill() else { return nil }
            end = headEnd()
        }
        guard let end else { return nil }
        let head = Array(pending.prefix(end))
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        let length = lines.first { $0.lowercased().hasPrefix("content-length:") }.flatMap { Int($0.dropFirst(16)) } ?? 0
        while pending.count < end + length { guard fill() else { return nil } }
        let body = Array(pending[end..<(end + length)])
        pending.removeFirst(end + length)
        let words = lines.first?.split(separator: " ") ?? []
        return Request(head: head, path: words.count > 1 ? String(words[1]) : "", body: body)
    }

    private func headEnd() -> Int? {
        guard pending.count >= 4 else { return nil }
        return (4...pending.count).first {
            pending[$0 - 4] == 13 && pending[$0 - 3] == 10 && pending[$0 - 2] == 13 && pending[$0 - 1] == 10
        }
    }

    private mutating func fill() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(fd, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        pending += buffer.prefix(count)
        return true
    }
}

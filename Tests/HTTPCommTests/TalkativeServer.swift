import Glibc
import Testing

/// A server with TLS that follows each answer with another one, for which nobody has asked.
final class TalkativeServer {
    let port: UInt16
    private let pid: pid_t

    private static let program = """
        import socket, ssl, sys, threading, time
        port, folder, delay = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder + "/server.pem", folder + "/server.key")
        def answer(body): return b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body
        def serve(client):
            try:
                client = context.wrap_socket(client, server_side=True)
                while client.recv(65536):
                    if delay:
                        client.sendall(answer(b"answer"))
                        time.sleep(delay / 1000)
                        client.sendall(answer(b"poison"))
                    else: client.sendall(answer(b"answer") + answer(b"poison"))
            except OSError: pass
        listener = socket.create_server(("127.0.0.1", port))
        while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        """

    /// - Parameters:
    ///   - folder: holds server.pem and server.key.
    ///   - delay: before what nobody has asked for, in milliseconds; 0 = in the same TLS record.
    init(_ folder: String, delay: Int) throws {
        let origin = Origin()
        port = origin.port
        origin.stop()
        // The port is free once the listener's thread has ended.
        usleep(50_000)
        pid = try #require(start(["python3", "-c", Self.program, "\(port)", folder, "\(delay)"]))
        for _ in 0..<200 where !isListening(port) { usleep(20_000) }
        try #require(isListening(port), "the server does not listen")
    }

    deinit {
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }
}

/// A finished child process.
func run(_ arguments: [String]) -> Int32 {
    guard let pid = start(arguments) else { return -1 }
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    return status
}

/// A child process with its output thrown away; `nil` when it cannot be started.
func start(_ arguments: [String]) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for fd in 0..<3 as Range<Int32> { posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0) }
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid: pid_t = 0
    return posix_spawnp(&pid, arguments[0], &actions, nil, &words, environ) == 0 ? pid : nil
}

/// Whether somebody accepts connections on a port of this machine.
func isListening(_ port: UInt16) -> Bool {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(fd) }
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}

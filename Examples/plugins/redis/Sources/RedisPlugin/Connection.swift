import CLinux
import Glibc
import PluginABI

/// One TCP connection with many requests under way, answered in order.
final class Connection {
    enum State { case closed, connecting, greeting, open }

    /// An event of a descriptor that was closed since is told by its generation.
    private(set) var generation: UInt32 = 0
    private(set) var state = State.closed
    let server: Int
    let index: Int
    private unowned let reactor: Reactor
    private var descriptor: Int32 = -1
    private var output = Buffer(capacity: 1 << 16)
    private var input = Buffer(capacity: 1 << 16)
    private var scanner = ReplyScanner()
    /// Replies that are due, oldest first; nil: nobody waits for it any more.
    private var due: [Request?] = []
    private var firstDue = 0
    private var greetingsDue = 0
    private var hasAnswered = false
    private var connectDeadline: UInt64 = 0
    private var watchesOutput = false

    private static let deepest = 512
    private static let mostOutput = 256 << 10
    private static let readSize = 64 << 10

    init(reactor: Reactor, server: Int, index: Int) {
        self.reactor = reactor
        self.server = server
        self.index = index
    }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

    /// Requests under way.
    var depth: Int { due.count - firstDue }
    var hasRoom: Bool { state == .open && depth < Self.deepest && output.count < Self.mostOutput }

    // MARK: Opening

    func connect(now: UInt64) {
        let peer = reactor.instance.servers[server]
        generation &+= 1
        descriptor = socket(
            peer.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return close(DN_COMM_CONNECT, "socket: \(systemMessage(errno))") }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        state = .connecting
        connectDeadline = now + reactor.instance.connectTimeout
        let status = peer.address.withUnsafeBytes { bytes -> Int32 in
            // SAFETY: getaddrinfo made these bytes, a sockaddr of its family.
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
            return Glibc.connect(descriptor, base, socklen_t(bytes.count))
        }
        guard status == 0 || errno == EINPROGRESS else { return close(DN_COMM_CONNECT, systemMessage(errno)) }
        watch(EPOLL_CTL_ADD, output: true)
    }

    private func watch(_ operation: Int32, output: Bool) {
        watchesOutput = output
        let wanted = EPOLLIN.rawValue | EPOLLRDHUP.rawValue | (output ? EPOLLOUT.rawValue : 0)
        reactor.watch(descriptor, operation, wanted, .connection(server: server, index: index, generation: generation))
    }

    private func greet() {
        state = .greeting
        greetingsDue = reactor.instance.greetingReplies
        watch(EPOLL_CTL_MOD, output: false)
        reactor.instance.greeting.withUnsafeBytes { output.append($0) }
        flush()
    }

    /// Ends the connection and all that wait for its replies.
    func close(_ outcome: Int32, _ why: String) {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
        let wasOfUse = hasAnswered
        hasAnswered = false
        state = .closed
        output.removeAll()
        input.removeAll()
        scanner = ReplyScanner()
        let lost = due[firstDue...]
        due = []
        firstDue = 0
        for request in lost { if let request { reactor.fail(request, outcome, why) } }
        // Without this, a server that accepts and hangs up would be connected to for as long as requests wait.
        if !wasOfUse { reactor.cannotConnect(server, why) }
    }

    /// The request was given up; its reply will be dropped.
    func forget(_ request: Request) {
        for place in firstDue..<due.count where due[place] === request {
            due[place] = nil
            return
        }
    }

    /// Ends what took too long to open, and a connection on which all replies are overdue: the server is stuck.
    func tick(_ now: UInt64) {
        switch state {
        case .closed: break
        case .connecting, .greeting:
            if now >= connectDeadline { close(DN_COMM_CONNECT, "no connection in time") }
        case .open:
            if depth > 0, due[firstDue...].allSatisfy({ $0 == nil }) { close(DN_COMM_RESET, "no reply in time") }
        }
    }

    // MARK: Data

    /// Takes a request; true when nothing else was under way, so that it should go at once.
    func take(_ request: Request) -> Bool {
        let wasIdle = depth == 0
        request.wire.withUnsafeBytes { output.append($0) }
        request.wire = []
        request.state = .sent
        due.append(request)
        return wasIdle
    }

    func flush() {
        while output.count > 0, descriptor >= 0 {
            let bytes = output.bytes
            let count = send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 {
                output.dropFirst(count)
            } else if errno == EAGAIN || errno == EWOULDBLOCK {
                if !watchesOutput { watch(EPOLL_CTL_MOD, output: true) }
                return
            } else if errno != EINTR {
                return close(DN_COMM_RESET, systemMessage(errno))
            }
        }
        if watchesOutput, descriptor >= 0 { watch(EPOLL_CTL_MOD, output: false) }
    }

    func ready(_ events: UInt32) {
        if state == .connecting {
            var error: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
            guard error == 0 else { return close(DN_COMM_CONNECT, systemMessage(error)) }
            return greet()
        }
        if events & ~EPOLLOUT.rawValue != 0 { receive() }
        if events & EPOLLOUT.rawValue != 0, descriptor >= 0 { flush() }
    }

    private func receive() {
        while descriptor >= 0 {
            let count = input.receive(descriptor, atMost: Self.readSize)
            if count > 0 {
                do throws(RESP.Broken) { try takeReplies() } catch {
                    return close(DN_COMM_PROTOCOL, "the server does not keep the protocol")
                }
                if count < Self.readSize { return }
            } else if count == 0 {
                return close(DN_COMM_RESET, "the server closed the connection")
            } else if errno == EAGAIN || errno == EWOULDBLOCK {
                return
            } else if errno != EINTR {
                return close(DN_COMM_RESET, systemMessage(errno))
            }
        }
    }

    private func takeReplies() throws(RESP.Broken) {
        while input.count > 0, descriptor >= 0 {
            guard state == .greeting || depth > 0 else { throw RESP.Broken() }
            let waiting = state == .greeting ? nil : due[firstDue]
            let most = waiting?.maxReply ?? reactor.instance.maxReply
            let isWhole = try scanner.scan(input.bytes)
            // Framing takes some bytes beside the content.
            if scanner.offset > most + 64 || (!isWhole && input.count > most + 64) {
                return close(DN_COMM_TOO_LARGE, "a reply is larger than \(most) bytes")
            }
            guard isWhole else { return }
            let length = scanner.offset
            let reply = try RESP.reply(UnsafeRawBufferPointer(rebasing: input.bytes[0..<length]))
            scanner = ReplyScanner()
            if state == .greeting {
                try takeGreeting(reply, length)
            } else {
                popDue()
                hasAnswered = true
                if let waiting { reactor.answer(waiting, reply, length) }
                input.dropFirst(length)
            }
        }
    }

    private func popDue() {
        due[firstDue] = nil
        firstDue += 1
        if firstDue == due.count {
            due.removeAll(keepingCapacity: true)
            firstDue = 0
        } else if firstDue >= Self.deepest {
            due.removeFirst(firstDue)
            firstDue = 0
        }
    }

    /// HELLO is answered with a map, SELECT with a text.
    private func takeGreeting(_ reply: RESP.Reply, _ length: Int) throws(RESP.Broken) {
        let kind = String(describing: reply.kind)
        let text = kind == "error" ? String(decoding: reply.content, as: UTF8.self) : ""
        let isHello = greetingsDue == reactor.instance.greetingReplies
        input.dropFirst(length)
        guard kind != "error" else { return close(DN_COMM_CONNECT, "the server refuses the connection: \(text)") }
        guard kind == (isHello ? "map" : "simple") else {
            return close(DN_COMM_CONNECT, "the server does not speak RESP3")
        }
        greetingsDue -= 1
        if greetingsDue == 0 { state = .open }
    }
}

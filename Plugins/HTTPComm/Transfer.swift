internal import CCurl
internal import CHTTPComm
internal import Glibc
internal import PluginABI
internal import PluginKit

/// One request on its way, over all its hops, with the libcurl handle that does the present one's work. Reused for other
/// requests, the handle excepted.
final class Transfer {
    enum Phase { case running, finished, delivered }

    let instance: Instance
    let connections: KeptConnections
    let sessions: SessionShare?
    /// The two outputs of the completion.
    let outputs = UnsafeMutablePointer<dn_bytes>.allocate(capacity: 2)
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    // The request, from submit on.
    var phase = Phase.running
    /// The watch counts it.
    var isWatched = false
    private(set) var token: UInt64 = 0
    private(set) var deadline: UInt64 = 0
    private(set) var startedAt: UInt64 = 0
    private var signature = 0
    private var responseLimit = 0
    private var item = Bytes(start: nil, count: 0)
    private var head: RequestHead?

    // The present hop.
    private var handle: Handle?
    private var url = ByteBuffer()
    private var target: Target?
    private var headers = HeaderList()
    private var trace = TraceFields()
    /// On whose behalf, as the host knows it.
    private var caller: UInt64 = 0
    private var hop = HopRules()
    private(set) var hops = 0
    private var attempts = 0
    private var response: Response
    /// Sockets that were opened for it.
    private var opened: [Int32] = []
    /// Here, of the connection that the request goes out on.
    private var port: Int32 = 0
    /// The connection that libcurl chose was not to be used; another must be opened.
    private var needsConnection = false
    private let charge: HostCharge

    // What came of it.
    private(set) var ending = Ending()
    private var denial: String?
    private(set) var bytesSent: UInt64 = 0
    private(set) var bytesReceived: UInt64 = 0

    /// Bytes of a request under way: the handle with its buffers, and what is kept from one request to the next.
    static let footprint = 64 << 10

    init(_ instance: Instance, _ connections: KeptConnections, _ sessions: SessionShare?) {
        self.instance = instance
        self.connections = connections
        self.sessions = sessions
        charge = HostCharge(instance.memory)
        response = Response(charge)
        outputs.initialize(repeating: dn_bytes(), count: 2)
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        // Before the text that it writes errors to.
        handle = nil
        outputs.deallocate()
        errorText.deallocate()
    }

    /// Takes a validated request. Nothing is sent yet.
    /// - Throws: also for no memory.
    func begin(_ request: dn_comm_request, _ item: Bytes, _ head: RequestHead, now: UInt64) throws(PluginError) {
        token = request.token
        signature = Int(request.signature)
        self.item = item
        self.head = head
        startedAt = now
        let own = now &+ UInt64(instance.settings.timeoutMs) &* 1_000_000
        deadline = request.deadline == 0 ? own : request.deadline
        let limit = instance.settings.maxResponseBytes
        responseLimit = request.max_response == 0 ? limit : Int(clamping: min(UInt64(limit), request.max_response))
        phase = .running
        hops = 0
        bytesSent = 0
        bytesReceived = 0
        ending = Ending()
        hop = HopRules(head, item)
        guard trace.take(request) else { throw .noMemory }
        caller = request.caller
        charge.open(request.account)
        guard charge.take(Self.footprint) else { throw .noRoom }
        try prepareHop(head.target, of: item)
    }

    private func prepareHop(_ target: Target, of text: Bytes) throws(PluginError) {
        guard let head else { return }
        let next = HostEgress.Target(
            host: text.part(target.host), port: target.port, method: method(head), isSecure: target.isTLS)
        try instance.egress.allow(caller, next)
        let secrets = SecretFields(instance.egress, caller, next)
        url.clear()
        headers.clear()
        // Copied before the handle that a redirect's text may belong to ends.
        guard target.append(text, to: &url), hop.fill(&headers, head, item, trace, secrets) else { throw .noMemory }
        self.target = target.atStart
        try openHop(isFresh: false)
    }

    /// Of the present hop.
    private func method(_ head: RequestHead) -> Bytes {
        hop.isGet ? Bytes(start: ("GET" as StaticString).utf8Start, count: 3) : item.part(head.method)
    }

    private func openHop(isFresh: Bool) throws(PluginError) {
        guard let head, let target else { return }
        attempts = 0
        denial = nil
        opened.removeAll(keepingCapacity: true)
        needsConnection = false
        response.begin(limit: responseLimit, Self.speech(head.version, isTLS: target.isTLS))
        guard let handle = Handle(self, errorText) else { throw .noMemory }
        let method = method(head)
        let body = hop.sendsBody ? item.part(head.body) : nil
        guard
            EasyOptions.setHop(
                handle.easy, url.bytes, method, body, head.version, target.isTLS, headers.list(), isFresh: isFresh)
        else { throw .noMemory }
        self.handle = handle
    }

    private static func speech(_ version: HTTPVersion, isTLS: Bool) -> AnswerHead.Speech {
        switch version {
        case .http10: .http1
        case .http11: isTLS ? .either : .http1
        case .http2: isTLS ? .either : .http2
        }
    }

    /// Whether the present hop may speak HTTP/2.
    var mayUseHTTP2: Bool {
        guard let head, let target else { return false }
        return head.version == .http2 || head.version == .http11 && target.isTLS
    }

    /// The handle to drive, while a hop is under way.
    var easy: UnsafeMutableRawPointer? { handle?.easy }

    /// Prepares what comes after a hop that ended with `code`: the same once more, when the connection was not to be used and
    /// nothing was sent, or what a redirect leads to. False when there is nothing more to do.
    func goesOn(after code: CURLcode) throws(PluginError) -> Bool {
        guard !needsConnection else {
            try openHop(isFresh: true)
            return true
        }
        guard code == CURLE_OK else { return false }
        return try redirect()
    }

    private func redirect() throws(PluginError) -> Bool {
        let most = instance.settings.maxRedirects
        guard most > 0, [301, 302, 303, 307, 308].contains(response.status), let current = target else { return false }
        guard response.shortcoming == nil, let text = handle?.redirect else { return false }
        connections.answered(port, isHTTP1: response.isHTTP1)
        countBytes()
        hops += 1
        guard hops <= most else { throw .badRedirect("more than \(most) redirects") }
        let next: Target
        do throws(PluginError) { next = try Target(text, in: 0..<text.count) } catch {
            throw .badRedirect("redirect to \(ASCII.printable(text)): \(error.message)")
        }
        do throws(PluginError) { try instance.settings.policy.check(next, of: text) } catch {
            throw .denied("redirect refused: \(error.message)")
        }
        hop.follow(response.status, toSameOrigin: next.hasSameOrigin(text, as: current, in: url.bytes))
        try prepareHop(next, of: text)
        return true
    }

    /// Fixes the outcome; the outputs are valid from now on.
    func finish(_ ending: Ending) {
        countBytes()
        handle = nil
        phase = .finished
        self.ending = ending
        guard ending.outcome == DN_COMM_OK else { return }
        outputs[0] = dn_bytes(signature == 0 ? response.head : response.whole)
        outputs[1] = dn_bytes(response.body)
    }

    func finish(_ code: CURLcode) {
        if code == CURLE_OK { connections.answered(port, isHTTP1: response.isHTTP1) }
        let facts = Ending.Facts(
            code: code, detail: String(cString: errorText),
            fault: response.fault ?? (code == CURLE_OK ? response.shortcoming : nil), denial: denial, wasSent: wasSent,
            hasHead: response.isHeadComplete, connectTimeoutMs: instance.settings.connectTimeoutMs)
        finish(Ending(facts, status: response.status))
    }

    /// Whether a server may have seen the request, or one that it redirected.
    var wasSent: Bool { hops > 0 || number(CURLINFO_REQUEST_SIZE) > 0 }

    /// Ends the loan of the outputs.
    func release() {
        let held = charge.held
        charge.settle()
        if let (base, capacity) = response.end() { free(base, capacity, charged: held) }
        url.clear(keeping: Response.keptCapacity)
        item = Bytes(start: nil, count: 0)
        head = nil
    }

    /// Bytes from which on it takes the kernel longer to take them back than a hand-over does; a hundred cancelled requests
    /// end at once, on a thread for which all others wait.
    private static let long = 256 << 10

    private func free(_ base: UnsafeMutablePointer<UInt8>, _ capacity: Int, charged: Int) {
        // The node's own until it is freed: the request's account may end before.
        // SAFETY of nonisolated(unsafe): nobody else has either any more.
        nonisolated(unsafe) let (base, waiting) = (base, HostCharge(instance.memory))
        let release: @Sendable () -> Void = {
            Glibc.free(base)
            waiting.settle()
        }
        if capacity >= Self.long, waiting.take(charged), instance.services.submit(release) { return }
        release()
    }

    private func countBytes() {
        // Of a small body libcurl counts the bytes twice, in the request and as an upload.
        let body = hop.sendsBody ? head?.body.count ?? 0 : 0
        let uploaded = offset(CURLINFO_SIZE_UPLOAD_T)
        let request = number(CURLINFO_REQUEST_SIZE)
        bytesSent &+= UInt64(request > body ? max(request, uploaded) : request &+ uploaded)
        bytesReceived &+= UInt64(number(CURLINFO_HEADER_SIZE) &+ offset(CURLINFO_SIZE_DOWNLOAD_T))
    }

    private func number(_ info: CURLINFO) -> Int { handle?.number(info) ?? 0 }
    private func offset(_ info: CURLINFO) -> Int { handle?.offset(info) ?? 0 }

    // Called by libcurl while it works on the handle.

    func receivedHead(_ line: Bytes) -> Bool { response.takeHead(line, isHead: hop.isHead) }
    func receivedBody(_ bytes: Bytes) -> Bool { response.takeBody(bytes) }

    /// A socket for an address that the policy allows, or CURL_SOCKET_BAD.
    func openSocket(_ address: UnsafeMutablePointer<curl_sockaddr>) -> curl_socket_t {
        let length = Int(address.pointee.addrlen)
        // SAFETY: libcurl puts a socket address of addrlen bytes there.
        let base = UnsafeMutableRawPointer(address) + (MemoryLayout<curl_sockaddr>.offset(of: \.addr) ?? 16)
        guard let ip = IPAddress(base.assumingMemoryBound(to: sockaddr.self), length: length) else {
            denial = "the host's address is no IP address"
            return -1
        }
        if let reason = instance.settings.policy.refusal(of: ip) {
            denial = reason
            return -1
        }
        let descriptor = socket(address.pointee.family, address.pointee.socktype, address.pointee.protocol)
        if descriptor >= 0 { connections.call.opened(descriptor) }
        opened.append(descriptor)
        return descriptor
    }

    /// Called before each sending of the request. libcurl sends again by itself when a kept connection breaks before an
    /// answer; that is right only when nothing went out, or for idempotent methods.
    /// - Parameters: of this end of the connection.
    func maySend(from address: UnsafePointer<CChar>, _ port: Int32) -> Bool {
        attempts += 1
        self.port = port
        guard attempts == 1 || hop.isIdempotent || number(CURLINFO_REQUEST_SIZE) == 0 else { return false }
        guard number(CURLINFO_NUM_CONNECTS) == 0 else {
            connections.add(opened, address, port)
            return true
        }
        let hasMore = handle.map { hc_tls_has_more($0.easy) != 0 } ?? false
        needsConnection = !connections.isQuiet(address, port, hasMore: hasMore)
        return !needsConnection
    }
}

extension dn_bytes {
    init(_ bytes: Bytes) {
        self.init(data: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), len: UInt64(bytes.count))
    }
}

extension PluginError {
    static let noMemory = PluginError(DN_NO_MEMORY, "no memory for the request")
    static let noRoom = PluginError(DN_BUSY, "the node has no memory for another request now", retryable: true)
    static func badRedirect(_ message: String) -> PluginError { PluginError(DN_FAILED, message) }
}

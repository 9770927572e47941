internal import CCurl
internal import CHTTPComm
internal import Glibc
internal import PluginABI
internal import PluginKit

/// A started plugin: a configuration.
final class Instance: CommInstance, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init.
    let settings: Settings
    /// What server certificates are checked against; `nil` leaves it to libcurl.
    let authorities: Authorities?
    let memory: HostMemory
    /// Nil when there was no descriptor for it.
    let watch = CallWatch()
    let egress: HostEgress

    init(host services: HostServices) throws(PluginError) {
        settings = try Settings.read(services)
        memory = HostMemory(services)
        egress = HostEgress(services)
        authorities = try Authorities(extra: settings.caFile)
        // Thread-safe and counted by libcurl; never undone, since other instances may be at work.
        guard curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK else {
            throw PluginError(DN_UNAVAILABLE, "libcurl cannot be initialised")
        }
        super.init(services)
    }

    // SAFETY of nonisolated(unsafe): written once, read-only afterwards, never freed.
    private nonisolated(unsafe) static let spoken = commProtocol(
        "http",
        // Both generations of the original's sets.
        [("requests", "headers bodies"), ("request", "response body")])

    override var protocols: UnsafeBufferPointer<dn_comm_protocol> { Self.spoken }

    override func inspect(_ request: dn_comm_request) throws(PluginError) -> dn_request_info {
        let (item, head) = try validate(request)
        var info = dn_request_info()
        info.idempotent = head.isIdempotent(item) ? DN_IDEMPOTENT_YES : DN_IDEMPOTENT_NO
        info.body_offset = UInt64(head.body.lowerBound)
        let verb = String(decoding: item.part(head.method), as: UTF8.self)
        let authority = String(decoding: item.part(head.target.authority), as: UTF8.self)
        writeText("\(verb) \(authority)", into: &info.target)
        return info
    }

    override func makeReactor(_ params: dn_reactor_params) throws(PluginError) -> CommReactor {
        try Reactor(self, maxInflight: params.max_inflight)
    }

    /// Checks a request, its policy included.
    func validate(_ request: dn_comm_request) throws(PluginError) -> (item: Bytes, head: RequestHead) {
        guard request.protocol == 0, request.signature < Self.spoken[0].signature_count, request.input_count >= 1 else {
            throw PluginError(DN_MISUSE, "no such protocol, signature or input")
        }
        // SAFETY: the caller vouches for input_count inputs and for their bytes.
        let input = request.inputs[0]
        guard let count = Int(exactly: input.len) else { throw .badInput(0, "the request is too long") }
        let item = Bytes(start: input.data, count: input.data == nil ? 0 : count)
        let head = try RequestHead(item, maxRequest: settings.maxRequestBytes)
        try settings.policy.check(head.target, of: item)
        return (item, head)
    }
}

/// The authorities of the system, or those and the configured ones: one file, because libcurl keeps a parsed file for
/// all connections but reads a folder anew for each.
final class Authorities: Sendable {
    let path: String
    private let memory: Int32

    /// - Parameter extra: a PEM file that is trusted besides.
    init?(extra: String?) throws(PluginError) {
        let system = Self.systemFile
        guard let extra else {
            guard let system else { return nil }
            path = system
            memory = -1
            return
        }
        let file = hc_memfd("authorities")
        guard file >= 0 else { throw .badConfig("ca_file", String(cString: strerror(errno))) }
        for source in [system, extra].compactMap({ $0 }) {
            guard Self.copy(source, to: file) else {
                close(file)
                throw .badConfig("ca_file", "\(source): \(String(cString: strerror(errno)))")
            }
        }
        memory = file
        path = "/proc/self/fd/\(file)"
    }

    deinit { if memory >= 0 { close(memory) } }

    /// The bundle that libcurl was built for, when it is there.
    static var systemFile: String? {
        guard let name = hc_version().pointee.cainfo, access(name, R_OK) == 0 else { return nil }
        return String(cString: name)
    }

    private static func copy(_ source: String, to target: Int32) -> Bool {
        let file = open(source, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
            while true {
                let count = read(file, buffer.baseAddress, buffer.count)
                guard count > 0 else { return count == 0 && write(target, "\n", 1) == 1 }
                guard write(target, buffer.baseAddress, count) == count else { return false }
            }
        }
    }
}

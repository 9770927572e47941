internal import CCurl
internal import CHTTPComm
internal import Glibc
internal import PluginABI

/// A started plugin: a configuration. Reactors and transfers read it from any thread; it never changes.
final class Instance: Sendable {
    let settings: Settings
    /// What server certificates are checked against; `nil` leaves it to libcurl.
    let authorities: Authorities?
    let memory: MemoryService

    init(_ host: UnsafePointer<dn_host>) throws(Refusal) {
        settings = try Settings(host)
        memory = MemoryService(host)
        authorities = try Authorities(extra: settings.caFile)
        // Thread-safe and counted by libcurl; never undone, since other instances may be at work.
        guard curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK else {
            throw Refusal(status: DN_UNAVAILABLE, offset: nil, message: "libcurl cannot be initialised")
        }
    }

    /// Checks a request, its policy included.
    func validate(_ request: dn_comm_request) throws(Refusal) -> (item: Bytes, head: RequestHead) {
        guard request.protocol == 0, Int(request.signature) < CommTable.signatureCount, request.input_count >= 1 else {
            throw Refusal(status: DN_MISUSE, offset: nil, message: "no such protocol, signature or input")
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
    init?(extra: String?) throws(Refusal) {
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

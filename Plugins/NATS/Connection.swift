internal import CNats
internal import Glibc
internal import PluginABI
internal import PluginKit
internal import Synchronization

/// The connection of one instance, begun by the first call that needs it. Any thread.
final class Connection: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: libnats' objects are for any thread; what changes here is locked.
    private let settings: Settings
    private let token: String?
    private let state = Mutex(State())

    private struct State: ~Copyable {
        // SAFETY of nonisolated(unsafe): libnats' connections and contexts are for any thread.
        nonisolated(unsafe) var link: OpaquePointer?
        nonisolated(unsafe) var stream: OpaquePointer?
        /// Streams are there, as far as is known.
        var isPrepared = false
    }

    init(_ settings: Settings) throws(PluginError) {
        self.settings = settings
        token = try settings.tokenFile.map { path throws(PluginError) in try Self.firstLine(of: path) }
    }

    deinit {
        let (link, stream) = state.withLock { state in (Address(state.link), Address(state.stream)) }
        if let stream = stream.pointer { jsCtx_Destroy(stream) }
        guard let link = link.pointer else { return }
        natsConnection_Close(link)
        natsConnection_Destroy(link)
        Library.leave()
    }

    /// A pointer of libnats on its way out of the lock.
    private struct Address: @unchecked Sendable {
        // SAFETY of @unchecked Sendable: as `State.link`.
        let pointer: OpaquePointer?
        init(_ pointer: OpaquePointer?) { self.pointer = pointer }
    }

    /// The context of JetStream, with the streams there.
    /// - Throws: DN_UNAVAILABLE at once when no server is reached.
    func jetStream(_ deadline: Deadline) throws(PluginError) -> OpaquePointer {
        let link = try connected()
        let (known, isPrepared) = state.withLock { state in (Address(state.stream), state.isPrepared) }
        guard let stream = known.pointer else { throw .away("it is not connected yet") }
        guard natsConnection_Status(link) == NATS_CONN_STATUS_CONNECTED else { throw .away(Self.reason(link)) }
        if !isPrepared {
            try prepare(stream, deadline)
            state.withLock { $0.isPrepared = true }
        }
        return stream
    }

    /// What a call ended with, if it was not well: streams that are gone are made anew by the next call.
    func failed(_ error: PluginError) -> PluginError {
        if error.status == DN_UNAVAILABLE { state.withLock { $0.isPrepared = false } }
        return error
    }

    /// How often the connection was made again: what hung on it may have missed something.
    var reconnects: UInt64 {
        guard let link = state.withLock({ Address($0.link) }).pointer else { return 0 }
        var numbers: OpaquePointer?
        guard natsStatistics_Create(&numbers) == NATS_OK, let numbers else { return 0 }
        defer { natsStatistics_Destroy(numbers) }
        var counts: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
        guard natsConnection_GetStats(link, numbers) == NATS_OK else { return 0 }
        natsStatistics_GetCounts(numbers, &counts.0, &counts.1, &counts.2, &counts.3, &counts.4)
        return counts.4
    }

    var isConnected: Bool {
        guard let link = state.withLock({ Address($0.link) }).pointer else { return false }
        return natsConnection_Status(link) == NATS_CONN_STATUS_CONNECTED
    }

    /// Bytes of one message, less what its fields take; of the server that is connected to.
    var mostBytes: UInt64 {
        let whole = state.withLock({ Address($0.link) }).pointer.map { natsConnection_GetMaxPayload($0) } ?? 0
        return whole <= 0 ? 1 << 20 - 1024 : UInt64(max(1024, whole - 1024))
    }

    /// What it is connected to, without what an URL may say of users.
    var place: String {
        guard isConnected, let link = state.withLock({ Address($0.link) }).pointer else { return "NATS, out of reach" }
        var url = [CChar](repeating: 0, count: 256)
        guard natsConnection_GetConnectedUrl(link, &url, url.count) == NATS_OK else { return "NATS" }
        let text = String(decoding: url.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "NATS at \(text.split(separator: "@").last ?? "")"
    }

    private static func reason(_ link: OpaquePointer) -> String {
        var text: UnsafePointer<CChar>?
        guard natsConnection_GetLastError(link, &text) != NATS_OK, let text else { return "it connects again" }
        let said = String(cString: text)
        return said.isEmpty ? "it connects again" : said
    }

    // MARK: Beginning

    /// The first attempt is made by one caller while others are told that it is not connected; those that follow are libnats'
    /// own.
    private func connected() throws(PluginError) -> OpaquePointer {
        if let link = state.withLock({ Address($0.link) }).pointer { return link }
        try Library.enter()
        var options: OpaquePointer?
        var link: OpaquePointer?
        do throws(PluginError) {
            options = try makeOptions()
        } catch {
            Library.leave()
            throw error
        }
        let status = natsConnection_Connect(&link, options)
        natsOptions_Destroy(options)
        guard status == NATS_OK || status == NATS_NOT_YET_CONNECTED, let link else {
            let error = PluginError(nats: status, what: "no NATS server is reached")
            Library.leave()
            throw error
        }
        var stream: OpaquePointer?
        natsConnection_JetStream(&stream, link, nil)
        let mine = (Address(link), Address(stream))
        let isFirst = state.withLock { state in
            guard state.link == nil else { return false }
            (state.link, state.stream) = (mine.0.pointer, mine.1.pointer)
            return true
        }
        if !isFirst {
            jsCtx_Destroy(stream)
            natsConnection_Close(link)
            natsConnection_Destroy(link)
            Library.leave()
            return try connected()
        }
        return link
    }

    private func makeOptions() throws(PluginError) -> OpaquePointer {
        var options: OpaquePointer?
        guard natsOptions_Create(&options) == NATS_OK, let options else {
            throw PluginError(DN_NO_MEMORY, "no memory for a connection")
        }
        var status = withCStrings(settings.servers) { natsOptions_SetServers(options, $0, $1) }
        func set(_ next: () -> natsStatus) { if status == NATS_OK { status = next() } }
        set { natsOptions_SetTimeout(options, settings.connectTimeoutMs) }
        set { natsOptions_SetMaxReconnect(options, -1) }
        set { natsOptions_SetReconnectWait(options, 200) }
        set { natsOptions_SetReconnectJitter(options, 100, 100) }
        set { natsOptions_SetPingInterval(options, 2_000) }
        set { natsOptions_SetMaxPingsOut(options, 2) }
        set { natsOptions_SetFailRequestsOnDisconnect(options, true) }
        // With a callback, the attempts after the first are made on a thread of libnats.
        set { natsOptions_SetRetryOnFailedConnect(options, true, { _, _ in }, nil) }
        if let file = settings.credentialsFile {
            set { natsOptions_SetUserCredentialsFromFiles(options, file, nil) }
        }
        if let token { set { natsOptions_SetToken(options, token) } }
        if let file = settings.caFile { set { natsOptions_LoadCATrustedCertificates(options, file) } }
        if let certificate = settings.certificateFile, let key = settings.keyFile {
            set { natsOptions_LoadCertificatesChain(options, certificate, key) }
        }
        guard status == NATS_OK else {
            let error = PluginError(nats: status, what: "the settings of the connection")
            natsOptions_Destroy(options)
            throw PluginError(DN_BAD_CONFIG, error.message)
        }
        return options
    }

    private static func firstLine(of path: String) throws(PluginError) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .badConfig("token_file", "\(path): \(String(cString: strerror(errno)))") }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(file, &bytes, bytes.count)
        let line = bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }
        guard !line.isEmpty else { throw .badConfig("token_file", "\(path): its first line is empty") }
        return String(decoding: line, as: UTF8.self)
    }

    // MARK: Streams

    private func prepare(_ stream: OpaquePointer, _ deadline: Deadline) throws(PluginError) {
        for space in [FleetSpace.lasting, .leased] { try prepare(space, stream, deadline) }
        try prepareQueues(stream, deadline)
    }

    private func isThere(_ name: String, _ stream: OpaquePointer, _ deadline: Deadline) throws(PluginError) -> Bool {
        var info: UnsafeMutablePointer<jsStreamInfo>?
        var code = jsErrCode(rawValue: 0)
        var options = waiting(deadline)
        let status = js_GetStreamInfo(&info, stream, name, &options, &code)
        if let info { jsStreamInfo_Destroy(info) }
        if status == NATS_NOT_FOUND || code == JSStreamNotFoundErr { return false }
        guard status == NATS_OK else { throw PluginError(nats: status, code, what: "stream \(name)") }
        return true
    }

    private func prepare(_ space: FleetSpace, _ stream: OpaquePointer, _ deadline: Deadline) throws(PluginError) {
        let bucket = settings.bucket(space)
        guard try !isThere("KV_\(bucket)", stream, deadline) else { return }
        var store: OpaquePointer?
        var config = kvConfig()
        kvConfig_Init(&config)
        config.History = 1
        config.StorageType = js_FileStorage
        config.Replicas = Int32(settings.replicas)
        if space == .leased { config.TTL = settings.leaseMs * 1_000_000 }
        let status = bucket.withCString { name in
            config.Bucket = name
            return js_CreateKeyValue(&store, stream, &config)
        }
        if let store { kvStore_Destroy(store) }
        // Another node may have made it at the same moment.
        guard status != NATS_OK, try !isThere("KV_\(bucket)", stream, deadline) else { return }
        throw PluginError(nats: status, what: "bucket \(bucket) cannot be made")
    }

    private func prepareQueues(_ stream: OpaquePointer, _ deadline: Deadline) throws(PluginError) {
        let name = settings.queueStream
        guard try !isThere(name, stream, deadline) else { return }
        var config = jsStreamConfig()
        jsStreamConfig_Init(&config)
        config.Retention = js_WorkQueuePolicy
        config.Storage = js_FileStorage
        config.Replicas = Int64(settings.replicas)
        config.Duplicates = settings.duplicatesMs * 1_000_000
        var code = jsErrCode(rawValue: 0)
        var options = waiting(deadline)
        let status = name.withCString { text in
            withCStrings([settings.queueSubject("*")]) { subjects, count in
                (config.Name, config.Subjects, config.SubjectsLen) = (text, subjects, count)
                return js_AddStream(nil, stream, &config, &options, &code)
            }
        }
        guard status != NATS_OK, try !isThere(name, stream, deadline) else { return }
        throw PluginError(nats: status, code, what: "stream \(name) cannot be made")
    }
}

/// Options of a call that may take so long.
func waiting(_ deadline: Deadline) -> jsOptions {
    var options = jsOptions()
    jsOptions_Init(&options)
    options.Wait = milliseconds(deadline.left)
    return options
}

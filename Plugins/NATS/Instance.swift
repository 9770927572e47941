internal import CNats
internal import PluginABI
internal import PluginKit
internal import Synchronization

/// A started plugin: a fleet's registry, list of members and queues, on JetStream.
final class Instance: FleetInstance, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init.
    let settings: Settings
    let connection: Connection
    private let marks = Mutex<[Mark]>([])

    init(host services: HostServices) throws(PluginError) {
        settings = try Settings.read(services)
        connection = try Connection(settings)
        super.init(services)
    }

    override var facts: dn_fleet_facts {
        var facts = dn_fleet_facts()
        facts.is_connected = connection.isConnected ? 1 : 0
        facts.lease = UInt64(settings.leaseMs) * 1_000_000
        facts.max_value = connection.mostBytes
        facts.settle_time = UInt64(settings.ackWaitMs) * 1_000_000
        writeText(connection.place, into: &facts.engine)
        return facts
    }

    private func subject(_ space: FleetSpace, _ key: String) -> String { "$KV.\(settings.bucket(space)).\(key)" }

    // MARK: Values

    /// The newest of a key, which may say that it was removed.
    private struct Newest {
        let value: FleetValue
        let isRemoved: Bool
    }

    private func newest(
        _ space: FleetSpace, _ key: String, _ deadline: Deadline
    ) throws(PluginError) -> Newest? {
        let stream = try connection.jetStream(deadline)
        var message: OpaquePointer?
        var code = jsErrCode(rawValue: 0)
        var options = waiting(deadline)
        let status = js_GetLastMsg(
            &message, stream, "KV_\(settings.bucket(space))", subject(space, key), &options, &code)
        // 10037: the stream has no message of the subject, as against 10059, which says that there is no stream.
        if status == NATS_NOT_FOUND, code != JSStreamNotFoundErr { return nil }
        guard status == NATS_OK, let message else {
            throw connection.failed(PluginError(nats: status, code, what: "reading \(key)"))
        }
        defer { natsMsg_Destroy(message) }
        var operation: UnsafePointer<CChar>?
        let isMarked = natsMsgHeader_Get(message, "KV-Operation", &operation) == NATS_OK
        let value = FleetValue(bytes: Self.bytes(of: message), revision: natsMsg_GetSequence(message))
        return Newest(value: value, isRemoved: isMarked)
    }

    static func bytes(of message: OpaquePointer) -> [UInt8] {
        guard let data = natsMsg_GetData(message) else { return [] }
        // SAFETY: the message has so many bytes until it is destroyed.
        return [UInt8](UnsafeRawBufferPointer(start: data, count: Int(max(0, natsMsg_GetDataLength(message)))))
    }

    override func get(_ space: FleetSpace, _ key: String, _ timeout: UInt64) throws(PluginError) -> FleetValue? {
        guard let newest = try newest(space, key, Deadline(after: timeout)), !newest.isRemoved else { return nil }
        return newest.value
    }

    override func put(
        _ space: FleetSpace, _ key: String, _ value: UnsafeRawBufferPointer, _ expected: FleetExpected,
        _ timeout: UInt64
    ) throws(PluginError) -> UInt64 {
        let deadline = Deadline(after: timeout)
        guard value.count <= connection.mostBytes else {
            throw PluginError(DN_LIMIT, "a value of \(value.count) bytes is longer than \(connection.mostBytes)")
        }
        do throws(PluginError) {
            return try write(space, key, value, expected, isRemoval: false, deadline)
        } catch {
            // What was removed has a revision still: that of its removal.
            guard error.status == DN_CONFLICT, expected == .absent, let newest = try newest(space, key, deadline),
                newest.isRemoved
            else { throw error }
            return try write(space, key, value, .revision(newest.value.revision), isRemoval: false, deadline)
        }
    }

    override func remove(
        _ space: FleetSpace, _ key: String, _ expected: FleetExpected, _ timeout: UInt64
    ) throws(PluginError) {
        let deadline = Deadline(after: timeout)
        let newest = try newest(space, key, deadline).flatMap { $0.isRemoved ? nil : $0.value }
        switch (expected, newest) {
        case (.absent, nil), (.whatever, nil): return
        case (.absent, _), (.revision, nil): throw PluginError(DN_CONFLICT, "\(key) has another revision")
        case (.whatever, _), (.revision, _):
            let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
            let sequence = try write(space, key, nothing, expected, isRemoval: true, deadline)
            let mark = Mark(space: space, key: key, sequence: sequence, made: Clock.now())
            marks.withLock { $0.append(mark) }
            forgetMarks(deadline)
        }
    }

    /// What says in a stream that a key was removed, until every watch must have told it: else they would stay for ever.
    private struct Mark {
        let space: FleetSpace
        let key: String
        let sequence: UInt64
        /// CLOCK_MONOTONIC ns.
        let made: UInt64
    }

    /// Of those at once.
    private static let mostMarks = 4

    private func forgetMarks(_ deadline: Deadline) {
        let age = 3 * UInt64(settings.leaseMs) * 1_000_000
        let old = marks.withLock { marks in
            let old = marks.prefix(Self.mostMarks).prefix { Clock.now() &- $0.made > age }
            marks.removeFirst(old.count)
            return old
        }
        guard !old.isEmpty, let stream = try? connection.jetStream(deadline) else { return }
        for mark in old {
            var options = waiting(deadline)
            // A value that the key has by now came later. A mark that stays is no matter.
            _ = subject(mark.space, mark.key).withCString { subject in
                (options.Stream.Purge.Subject, options.Stream.Purge.Sequence) = (subject, mark.sequence + 1)
                return js_PurgeStream(stream, "KV_\(settings.bucket(mark.space))", &options, nil)
            }
        }
    }

    private func write(
        _ space: FleetSpace, _ key: String, _ value: UnsafeRawBufferPointer, _ expected: FleetExpected,
        isRemoval: Bool, _ deadline: Deadline
    ) throws(PluginError) -> UInt64 {
        let stream = try connection.jetStream(deadline)
        var options = jsPubOptions()
        jsPubOptions_Init(&options)
        options.MaxWait = milliseconds(deadline.left)
        switch expected {
        case .absent: options.ExpectNoMessage = true
        case .whatever: break
        case .revision(let revision): options.ExpectLastSubjectSeq = revision
        }
        var message: OpaquePointer?
        let data = value.baseAddress?.assumingMemoryBound(to: CChar.self)
        guard natsMsg_Create(&message, subject(space, key), nil, data, Int32(value.count)) == NATS_OK, let message
        else {
            throw PluginError(DN_NO_MEMORY, "no memory for a value of \(value.count) bytes")
        }
        defer { natsMsg_Destroy(message) }
        if isRemoval { natsMsgHeader_Set(message, "KV-Operation", "DEL") }
        var acknowledged: UnsafeMutablePointer<jsPubAck>?
        var code = jsErrCode(rawValue: 0)
        let status = js_PublishMsg(&acknowledged, stream, message, &options, &code)
        guard status == NATS_OK, let acknowledged else {
            throw connection.failed(PluginError(nats: status, code, what: "writing \(key)"))
        }
        defer { jsPubAck_Destroy(acknowledged) }
        return acknowledged.pointee.Sequence
    }

    // MARK: Watching and queues

    override func watch(_ space: FleetSpace, _ prefix: String, _ timeout: UInt64) throws(PluginError) -> FleetWatch {
        try Watch(self, space, prefix, Deadline(after: timeout))
    }

    override func queue(_ name: String, _ timeout: UInt64) throws(PluginError) -> FleetQueue {
        try Queue(self, name, Deadline(after: timeout))
    }
}

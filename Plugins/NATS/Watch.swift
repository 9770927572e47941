internal import CNats
internal import PluginABI
internal import PluginKit

/// A watch of a space's keys. Calls are serial.
final class Watch: FleetWatch {
    private let connection: Connection
    private var store: OpaquePointer?
    private var watcher: OpaquePointer?
    private let reconnects: UInt64

    init(_ instance: Instance, _ space: FleetSpace, _ prefix: String, _ deadline: Deadline) throws(PluginError) {
        connection = instance.connection
        let stream = try connection.jetStream(deadline)
        reconnects = connection.reconnects
        super.init()
        var status = js_KeyValue(&store, stream, instance.settings.bucket(space))
        guard status == NATS_OK else { throw connection.failed(PluginError(nats: status, what: "watching")) }
        var options = kvWatchOptions()
        kvWatchOptions_Init(&options)
        options.Timeout = milliseconds(deadline.left)
        status = kvStore_Watch(&watcher, store, prefix.isEmpty ? ">" : "\(prefix).>", &options)
        guard status == NATS_OK else {
            close()
            throw connection.failed(PluginError(nats: status, what: "watching"))
        }
    }

    /// How long an end of the connection goes unnoticed, ns.
    private static let slice: UInt64 = 100_000_000

    override func next(_ timeout: UInt64) throws(PluginError) -> FleetChange {
        let deadline = Deadline(after: timeout)
        while true {
            // What the consumer of an earlier connection would have told may be lost.
            guard connection.isConnected, connection.reconnects == reconnects else {
                throw .away("the connection of this watch is over")
            }
            var entry: OpaquePointer?
            let status = kvWatcher_Next(&entry, watcher, milliseconds(min(deadline.left, Self.slice)))
            if status == NATS_TIMEOUT {
                guard deadline.left > 0 else { throw PluginError(DN_TIMED_OUT, "nothing has changed") }
                continue
            }
            guard status == NATS_OK else { throw .away(String(cString: natsStatus_GetText(status))) }
            guard let entry else { return .current }
            defer { kvEntry_Destroy(entry) }
            return Self.change(entry)
        }
    }

    private static func change(_ entry: OpaquePointer) -> FleetChange {
        let key = kvEntry_Key(entry).map { String(cString: $0) } ?? ""
        let revision = kvEntry_Revision(entry)
        guard kvEntry_Operation(entry) == kvOp_Put else { return .removed(key, revision: revision) }
        var bytes: [UInt8] = []
        if let data = kvEntry_Value(entry) {
            // SAFETY: the entry has so many bytes until it is destroyed.
            bytes = [UInt8](UnsafeRawBufferPointer(start: data, count: Int(max(0, kvEntry_ValueLen(entry)))))
        }
        return .put(key, FleetValue(bytes: bytes, revision: revision))
    }

    override func close() {
        if let watcher {
            kvWatcher_Stop(watcher)
            kvWatcher_Destroy(watcher)
        }
        if let store { kvStore_Destroy(store) }
        (watcher, store) = (nil, nil)
    }
}

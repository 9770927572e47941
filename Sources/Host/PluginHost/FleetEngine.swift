public import Failure
internal import Platform
internal import PluginABI

/// What several nodes agree on: one started plugin seen through dn.fleet/1. Any thread; calls may block for their `timeout`,
/// in ns, so none is made on a worker.
public final class FleetEngine: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init; slots are called under the ABI's thread words.
    public enum Space: Sendable {
        /// Values stay until they are removed.
        case lasting
        /// Values vanish a lease after they were put last.
        case leased

        var raw: Int32 { self == .lasting ? DN_FLEET_LASTING : DN_FLEET_LEASED }
    }

    /// What a change supposes of the key.
    public enum Expected: Sendable {
        case absent, whatever, revision(UInt64)

        var raw: UInt64 {
            switch self {
            case .absent: 0
            case .whatever: .max
            case .revision(let revision): revision
            }
        }
    }

    public struct Value: Sendable, Equatable {
        public let bytes: [UInt8]
        public let revision: UInt64

        package init(text: String, _ revision: UInt64) { self.init(bytes: Array(text.utf8), revision: revision) }

        init(bytes: [UInt8], revision: UInt64) {
            self.bytes = bytes
            self.revision = revision
        }
    }

    public enum Change: Sendable, Equatable {
        case put(String, Value)
        case removed(String, revision: UInt64)
        /// All that had been there when the watch began has been told.
        case current
    }

    public struct Facts: Sendable {
        public let isConnected: Bool
        /// Nanoseconds.
        public let lease: UInt64
        /// Bytes of one value or message.
        public let mostBytes: UInt64
        /// For logs.
        public let engine: String
        /// Nanoseconds within which a message that was given must be settled.
        public let settleTime: UInt64
    }

    public let instance: PluginInstance
    public var name: String { instance.label }
    let slots: FleetSlots

    /// - Throws: `Failure(.unavailable)` when the plugin does not offer the interface.
    public init(_ instance: PluginInstance) throws(Failure) {
        let what = "plugin \(instance.label)"
        guard let table = instance.library.interface(DN_FLEET_1) else {
            throw Failure(.unavailable, "\(what): is no engine of a fleet (offers no \(DN_FLEET_1))")
        }
        var mine = dn_fleet()
        withUnsafeMutablePointer(to: &mine) { ABI.copy(table, to: $0, MemoryLayout<dn_fleet>.size) }
        slots = try FleetSlots(mine, what)
        self.instance = instance
    }

    func check(_ status: dn_status, _ error: dn_error) throws(Failure) {
        guard status == DN_OK else { throw ABI.failure(status, error, "fleet \(name)") }
    }

    public func facts() throws(Failure) -> Facts {
        var facts = dn_fleet_facts()
        facts.struct_size = UInt32(MemoryLayout<dn_fleet_facts>.size)
        var error = ABI.emptyError()
        try check(slots.facts(instance.handle, &facts, &error), error)
        return Facts(
            isConnected: facts.is_connected == 1, lease: facts.lease, mostBytes: facts.max_value,
            engine: ABI.text(facts.engine), settleTime: facts.settle_time)
    }

    // MARK: Values

    /// - Returns: nil when the key has no value.
    public func get(_ space: Space, _ key: String, timeout: UInt64) throws(Failure) -> Value? {
        let receiver = Receiver()
        var error = ABI.emptyError()
        let status = Self.lend(key) { key in
            slots.get(instance.handle, space.raw, key, timeout, Receiver.take, receiver.pointer, &error)
        }
        try check(status, error)
        guard let change = try receiver.result() else { return nil }
        guard case .put(_, let value) = change else {
            throw Failure(.internal, "fleet \(name): get tells no value but a change")
        }
        return value
    }

    /// - Throws: `.conflict` when the key has another revision; `.deadline`: whether it happened is not known.
    /// - Returns: the new revision.
    public func put(
        _ space: Space, _ key: String, _ value: [UInt8], expected: Expected, timeout: UInt64
    ) throws(Failure) -> UInt64 {
        var error = ABI.emptyError()
        var revision: UInt64 = 0
        let status = Self.lend(key) { key in
            value.withUnsafeBytes { bytes in
                dn_bytes.borrowing(bytes) { value in
                    slots.put(instance.handle, space.raw, key, value, expected.raw, timeout, &revision, &error)
                }
            }
        }
        try check(status, error)
        return revision
    }

    public func remove(_ space: Space, _ key: String, expected: Expected, timeout: UInt64) throws(Failure) {
        var error = ABI.emptyError()
        let status = Self.lend(key) { slots.remove(instance.handle, space.raw, $0, expected.raw, timeout, &error) }
        try check(status, error)
    }

    /// - Parameter prefix: tells the keys below it; all when it is empty.
    public func watch(_ space: Space, below prefix: String = "", timeout: UInt64) throws(Failure) -> FleetWatch {
        var error = ABI.emptyError()
        var handle: OpaquePointer?
        let status = Self.lend(prefix) {
            slots.watchOpen(instance.handle, space.raw, $0, timeout, &handle, &error)
        }
        try check(status, error)
        guard let handle else { throw Failure(.internal, "fleet \(name): watch_open gave no watch") }
        return FleetWatch(self, handle)
    }

    public func queue(_ queue: String, timeout: UInt64) throws(Failure) -> FleetQueue {
        var error = ABI.emptyError()
        var handle: OpaquePointer?
        let status = Self.lend(queue) { slots.queueOpen(instance.handle, $0, timeout, &handle, &error) }
        try check(status, error)
        guard let handle else { throw Failure(.internal, "fleet \(name): queue_open gave no queue") }
        return FleetQueue(self, handle)
    }

    static func lend<R>(_ text: String, _ body: (dn_bytes) -> R) -> R {
        var text = text
        return text.withUTF8 { dn_bytes.borrowing(UnsafeRawBufferPointer($0), body) }
    }

    /// What one call is told.
    final class Receiver {
        private var told: [Result<Change, Failure>] = []
        var pointer: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

        static let take: dn_fleet_told = { argument, entry in
            guard let argument else { return }
            // SAFETY: argument is the receiver of the call that is under way.
            Unmanaged<Receiver>.fromOpaque(argument).takeUnretainedValue().read(entry)
        }

        /// Nil when it was told nothing.
        func result() throws(Failure) -> Change? {
            guard told.count <= 1 else {
                throw Failure(.internal, "the fleet's plugin tells \(told.count) entries at once")
            }
            return try told.first?.get()
        }

        private func read(_ theirs: UnsafePointer<dn_fleet_entry>) {
            var entry = dn_fleet_entry()
            withUnsafeMutablePointer(to: &entry) { ABI.copy(theirs, to: $0, MemoryLayout<dn_fleet_entry>.size) }
            guard let key = entry.key.readable, let value = entry.value.readable else {
                return told.append(.failure(Failure(.internal, "the fleet's plugin tells bytes that are no memory")))
            }
            let name = String(decoding: key, as: UTF8.self)
            switch entry.change {
            case DN_FLEET_PUT: told.append(.success(.put(name, Value(bytes: [UInt8](value), revision: entry.revision))))
            case DN_FLEET_REMOVED: told.append(.success(.removed(name, revision: entry.revision)))
            case DN_FLEET_CURRENT: told.append(.success(.current))
            default: told.append(.failure(Failure(.internal, "the fleet's plugin tells a change \(entry.change)")))
            }
        }
    }
}

/// Calls are serial.
public final class FleetWatch {
    private let engine: FleetEngine
    private let handle: OpaquePointer

    init(_ engine: FleetEngine, _ handle: OpaquePointer) {
        self.engine = engine
        self.handle = handle
    }

    deinit { engine.slots.watchClose(handle) }

    /// - Throws: `.unavailable`: the watch is broken and is to be opened anew.
    /// - Returns: nil when nothing changes in time.
    public func next(timeout: UInt64) throws(Failure) -> FleetEngine.Change? {
        let receiver = FleetEngine.Receiver()
        var error = ABI.emptyError()
        let status = engine.slots.watchNext(handle, timeout, FleetEngine.Receiver.take, receiver.pointer, &error)
        if status == DN_TIMED_OUT { return nil }
        try engine.check(status, error)
        guard let change = try receiver.result() else {
            throw Failure(.internal, "fleet \(engine.name): watch_next tells nothing")
        }
        return change
    }
}

public struct FleetMessage: Sendable {
    public let bytes: [UInt8]
    /// From 1.
    public let attempt: Int
    public let token: UInt64
    /// The same each time it is given, and no other message's of the queue.
    public let number: UInt64
}

/// `publish` and `settle` on any thread, `pull` serial.
public final class FleetQueue: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init; slots are called under the ABI's thread words.
    private let engine: FleetEngine
    private let handle: OpaquePointer

    init(_ engine: FleetEngine, _ handle: OpaquePointer) {
        self.engine = engine
        self.handle = handle
    }

    deinit { engine.slots.queueClose(handle) }

    public enum Verdict: Sendable {
        case done
        /// After so many ns.
        case again(UInt64)
        case busy
    }

    /// - Parameter id: a message of the same one is dropped for a while.
    public func publish(id: String, _ bytes: [UInt8], timeout: UInt64) throws(Failure) {
        var error = ABI.emptyError()
        let status = FleetEngine.lend(id) { id in
            bytes.withUnsafeBytes { bytes in
                dn_bytes.borrowing(bytes) { engine.slots.publish(handle, id, $0, timeout, &error) }
            }
        }
        try engine.check(status, error)
    }

    /// - Returns: nil when none comes in time.
    public func pull(timeout: UInt64) throws(Failure) -> FleetMessage? {
        let receiver = Receiver()
        var error = ABI.emptyError()
        let status = engine.slots.pull(handle, timeout, Receiver.take, receiver.pointer, &error)
        if status == DN_TIMED_OUT { return nil }
        try engine.check(status, error)
        guard let message = receiver.message else {
            throw Failure(.internal, "fleet \(engine.name): pull gives no message that can be read")
        }
        return message
    }

    public func settle(_ token: UInt64, _ verdict: Verdict, timeout: UInt64) throws(Failure) {
        var error = ABI.emptyError()
        var delay: UInt64 = 0
        let raw: Int32
        switch verdict {
        case .done: raw = DN_FLEET_DONE
        case .again(let after): (raw, delay) = (DN_FLEET_AGAIN, after)
        case .busy: raw = DN_FLEET_BUSY
        }
        try engine.check(engine.slots.settle(handle, token, raw, delay, timeout, &error), error)
    }

    private final class Receiver {
        private(set) var message: FleetMessage?
        var pointer: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

        static let take: dn_fleet_given = { argument, message in
            guard let argument else { return }
            // SAFETY: argument is the receiver of the call that is under way.
            let receiver = Unmanaged<Receiver>.fromOpaque(argument).takeUnretainedValue()
            var mine = dn_fleet_message()
            withUnsafeMutablePointer(to: &mine) { ABI.copy(message, to: $0, MemoryLayout<dn_fleet_message>.size) }
            guard let bytes = mine.bytes.readable else { return }
            receiver.message = FleetMessage(
                bytes: [UInt8](bytes), attempt: Int(mine.attempt), token: mine.token, number: mine.number)
        }
    }
}

extension dn_bytes {
    /// What a plugin lends; nil when it is not memory that can be read.
    fileprivate var readable: UnsafeRawBufferPointer? {
        guard let count = Int(exactly: len), count == 0 || data != nil, ReadableMemory.holds(data, count) else {
            return nil
        }
        return lent
    }
}

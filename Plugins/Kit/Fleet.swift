public import PluginABI

// What a plugin of dn.fleet/1 (fleet.h) is to the host; see Compute.swift for why these are classes.

/// A space of keys, DN_FLEET_LASTING or DN_FLEET_LEASED.
public enum FleetSpace: Sendable {
    case lasting, leased
}

/// What a change of a value supposes.
public enum FleetExpected: Sendable, Equatable {
    case absent, whatever, revision(UInt64)

    init(_ raw: UInt64) {
        self = raw == 0 ? .absent : raw == .max ? .whatever : .revision(raw)
    }
}

/// A started plugin that speaks to an engine. Any thread; calls may block for their `timeout`, in ns.
open class FleetInstance: PluginInstance, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as `PluginInstance`.
    open var facts: dn_fleet_facts { dn_fleet_facts() }

    /// - Returns: nil when the key has no value.
    open func get(_ space: FleetSpace, _ key: String, _ timeout: UInt64) throws(PluginError) -> FleetValue? {
        throw PluginError(DN_UNSUPPORTED, "this plugin has no get")
    }

    /// - Returns: the new revision.
    open func put(
        _ space: FleetSpace, _ key: String, _ value: UnsafeRawBufferPointer, _ expected: FleetExpected,
        _ timeout: UInt64
    ) throws(PluginError) -> UInt64 {
        throw PluginError(DN_UNSUPPORTED, "this plugin has no put")
    }

    open func remove(
        _ space: FleetSpace, _ key: String, _ expected: FleetExpected, _ timeout: UInt64
    ) throws(PluginError) {
        throw PluginError(DN_UNSUPPORTED, "this plugin has no remove")
    }

    /// - Parameter prefix: empty: all keys.
    open func watch(_ space: FleetSpace, _ prefix: String, _ timeout: UInt64) throws(PluginError) -> FleetWatch {
        throw PluginError(DN_UNSUPPORTED, "this plugin has no watch_open")
    }

    open func queue(_ name: String, _ timeout: UInt64) throws(PluginError) -> FleetQueue {
        throw PluginError(DN_UNSUPPORTED, "this plugin has no queue_open")
    }
}

/// A value, and the revision that it has.
public struct FleetValue: Sendable {
    public let bytes: [UInt8]
    public let revision: UInt64

    public init(bytes: [UInt8], revision: UInt64) {
        self.bytes = bytes
        self.revision = revision
    }
}

/// What a watch tells.
public enum FleetChange: Sendable {
    case put(String, FleetValue)
    case removed(String, revision: UInt64)
    case current
}

/// Calls are serial.
open class FleetWatch {
    public init() {}

    /// - Throws: DN_TIMED_OUT, DN_UNAVAILABLE.
    open func next(_ timeout: UInt64) throws(PluginError) -> FleetChange {
        throw PluginError(DN_UNSUPPORTED, "this plugin has no watch_next")
    }

    /// The object ends with it.
    open func close() {}
}

public struct FleetMessage: Sendable {
    public let bytes: [UInt8]
    /// From 1.
    public let attempt: UInt32
    public let token: UInt64
    /// The same each time, and no other message's.
    public let number: UInt64

    public init(bytes: [UInt8], attempt: UInt32, token: UInt64, number: UInt64) {
        self.bytes = bytes
        self.attempt = attempt
        self.token = token
        self.number = number
    }
}

/// What becomes of a message.
public enum FleetVerdict: Sendable {
    case done
    /// After so many ns.
    case again(UInt64)
    case busy
}

/// `publish` and `settle` on any thread, the others serial.
open class FleetQueue: @unchecked Sendable {
    // SAFETY of @unchecked Sendable, of subclasses too: fixed after init, or guarded by a lock.
    public init() {}

    open func publish(
        _ id: String, _ bytes: UnsafeRawBufferPointer, _ timeout: UInt64
    ) throws(PluginError) {
        throw PluginError(DN_UNSUPPORTED, "this plugin has no publish")
    }

    /// - Throws: DN_TIMED_OUT when none comes.
    open func pull(_ timeout: UInt64) throws(PluginError) -> FleetMessage {
        throw PluginError(DN_UNSUPPORTED, "this plugin has no pull")
    }

    open func settle(_ token: UInt64, _ verdict: FleetVerdict, _ timeout: UInt64) throws(PluginError) {
        throw PluginError(DN_UNSUPPORTED, "this plugin has no settle")
    }

    /// The object ends with it.
    open func close() {}
}

/// The table of dn.fleet/1 over these classes. What fleet.h says of names is checked here.
public func fleetTable() -> UnsafePointer<dn_fleet> {
    var table = dn_fleet(
        struct_size: UInt32(MemoryLayout<dn_fleet>.size), padding: 0,
        facts: { handle, out, _ in
            writeOut(instance(handle).facts, to: out)
            return DN_OK
        },
        get: { handle, space, key, timeout, told, arg, err in
            answering(err) { () throws(PluginError) in
                let key = try name(key)
                guard let value = try instance(handle).get(try read(space), key, timeout) else { return }
                tell(.put(key, value), told, arg)
            }
        },
        put: { handle, space, key, value, expected, timeout, revision, err in
            answering(err) { () throws(PluginError) in
                revision.pointee = try instance(handle).put(
                    try read(space), try name(key), try lent(value), FleetExpected(expected), timeout)
            }
        },
        remove: { handle, space, key, expected, timeout, err in
            answering(err) { () throws(PluginError) in
                try instance(handle).remove(try read(space), try name(key), FleetExpected(expected), timeout)
            }
        },
        watch_open: { handle, space, prefix, timeout, out, err in
            making(out, err) { () throws(PluginError) in
                let prefix = prefix.len == 0 ? "" : try name(prefix)
                return try instance(handle).watch(try read(space), prefix, timeout)
            }
        },
        watch_next: { handle, timeout, told, arg, err in
            answering(err) { () throws(PluginError) in
                tell(try Handle<FleetWatch>.borrow(handle).next(timeout), told, arg)
            }
        },
        watch_close: { Handle<FleetWatch>.end($0).close() },
        queue_open: { handle, queueName, timeout, out, err in
            making(out, err) { () throws(PluginError) in
                try instance(handle).queue(try name(queueName, mostSegments: 1, most: 64), timeout)
            }
        },
        publish: { handle, id, bytes, timeout, err in
            answering(err) { () throws(PluginError) in
                guard (1...128).contains(id.len), let id = String(validating: try lent(id), as: UTF8.self) else {
                    throw PluginError(DN_INVALID, "a message's id is 1 to 128 bytes of UTF-8")
                }
                try Handle<FleetQueue>.borrow(handle).publish(id, try lent(bytes), timeout)
            }
        },
        pull: { handle, timeout, given, arg, err in
            answering(err) { () throws(PluginError) in
                let message = try Handle<FleetQueue>.borrow(handle).pull(timeout)
                message.bytes.withUnsafeBufferPointer { bytes in
                    var raw = dn_fleet_message(
                        struct_size: UInt32(MemoryLayout<dn_fleet_message>.size), attempt: message.attempt,
                        token: message.token, bytes: dn_bytes(data: bytes.baseAddress, len: UInt64(bytes.count)),
                        number: message.number)
                    given(arg, &raw)
                }
            }
        },
        settle: { handle, token, verdict, delay, timeout, err in
            answering(err) { () throws(PluginError) in
                try Handle<FleetQueue>.borrow(handle).settle(token, try read(verdict, delay), timeout)
            }
        },
        queue_close: { Handle<FleetQueue>.end($0).close() })
    return permanent(&table, size: MemoryLayout<dn_fleet>.size)
}

private func instance(_ handle: OpaquePointer) -> FleetInstance { Handle.borrow(handle) }

private func read(_ space: Int32) throws(PluginError) -> FleetSpace {
    switch space {
    case DN_FLEET_LASTING: return .lasting
    case DN_FLEET_LEASED: return .leased
    default: throw PluginError(DN_INVALID, "there is no space \(space)")
    }
}

private func read(_ verdict: Int32, _ delay: UInt64) throws(PluginError) -> FleetVerdict {
    switch verdict {
    case DN_FLEET_DONE: return .done
    case DN_FLEET_AGAIN: return .again(delay)
    case DN_FLEET_BUSY: return .busy
    default: throw PluginError(DN_INVALID, "there is no verdict \(verdict)")
    }
}

/// What the host lends for the call.
private func lent(_ bytes: dn_bytes) throws(PluginError) -> UnsafeRawBufferPointer {
    guard let count = Int(exactly: bytes.len), count == 0 || bytes.data != nil else {
        throw PluginError(DN_INVALID, "the bytes have no address")
    }
    // SAFETY: the host vouches for len bytes during the call.
    return UnsafeRawBufferPointer(start: bytes.data, count: count)
}

/// A key, or the name of a queue, as fleet.h allows them.
private func name(_ bytes: dn_bytes, mostSegments: Int = .max, most: Int = 200) throws(PluginError) -> String {
    let bytes = try lent(bytes)
    let segments = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let isRight = segments.allSatisfy { segment in
        !segment.isEmpty
            && segment.allSatisfy { byte in
                let character = Character(UnicodeScalar(byte))
                return character.isASCII && (character.isLetter || character.isNumber) || "_=-".contains(character)
            }
    }
    guard isRight, (1...most).contains(bytes.count), segments.count <= mostSegments else {
        throw PluginError(DN_INVALID, "a name is 1 to \(most) bytes: segments of A-Z a-z 0-9 '_' '=' '-' joined by '.'")
    }
    return String(decoding: bytes, as: UTF8.self)
}

private func tell(_ change: FleetChange, _ told: dn_fleet_told, _ arg: UnsafeMutableRawPointer?) {
    var entry = dn_fleet_entry()
    entry.struct_size = UInt32(MemoryLayout<dn_fleet_entry>.size)
    var (key, value) = ("", [UInt8]())
    switch change {
    case .put(let name, let put):
        (entry.change, entry.revision, key, value) = (DN_FLEET_PUT, put.revision, name, put.bytes)
    case .removed(let name, let revision): (entry.change, entry.revision, key) = (DN_FLEET_REMOVED, revision, name)
    case .current: entry.change = DN_FLEET_CURRENT
    }
    key.withUTF8 { key in
        value.withUnsafeBufferPointer { value in
            entry.key = dn_bytes(data: key.baseAddress, len: UInt64(key.count))
            entry.value = dn_bytes(data: value.baseAddress, len: UInt64(value.count))
            told(arg, &entry)
        }
    }
}

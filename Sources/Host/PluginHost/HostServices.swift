internal import Failure
internal import Glibc
internal import Memory
internal import Platform
internal import PluginABI
internal import Synchronization
internal import Telemetry
internal import Values

/// The host side of one plugin instance: the dn_host it is given and the services behind it.
final class HostServices: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: all fields but atomics and those with a Mutex are fixed after init.
    let pointer: UnsafeMutablePointer<dn_host>
    let label: String
    let tree: ParsedValue
    private let strings: [String: UnsafeBufferPointer<UInt8>]
    /// By id, each with the plugin's own name for it.
    private let cells = Mutex<[(name: String, cell: Metrics.Cell)]>([])
    private let pendingJobs = Atomic<Int>(0)
    /// What the plugin has charged; nil for a probe, which charges nothing.
    private let ledger: MemoryLedger?
    private let hasLedger = Atomic<Bool>(false)
    /// The plugin has asked for the service by which it charges what it takes.
    var chargesMemory: Bool { hasLedger.load(ordering: .relaxed) }
    private let asks = Atomic<Bool>(false)
    /// The plugin has asked for the service that says where requests may go.
    var asksWhere: Bool { asks.load(ordering: .relaxed) }
    /// Turns of long work that the plugin has, by number.
    private let turns = Mutex<(next: UInt64, had: [UInt64: Turns.Turn])>((1, [:]))
    private let isEnding = Atomic(false)

    /// `label` is the plugin's name in the configuration; `memory` is nil for a probe.
    init(label: String, configuration: PluginConfiguration, memory: MemoryBudget?) {
        self.label = label
        ledger = memory.map { MemoryLedger($0) }
        tree = configuration.tree
        var strings: [String: UnsafeBufferPointer<UInt8>] = [:]
        for (path, text) in configuration.tree.strings() {
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
            _ = copy.initialize(from: text.utf8)
            strings[path] = UnsafeBufferPointer(copy)
        }
        self.strings = strings
        pointer = .allocate(capacity: 1)
        pointer.initialize(to: dn_host())
        pointer.pointee.struct_size = UInt32(MemoryLayout<dn_host>.size)
        pointer.pointee.abi_major = DN_ABI_MAJOR
        pointer.pointee.abi_minor = DN_ABI_MINOR
        pointer.pointee.host_data = Unmanaged.passUnretained(self).toOpaque()
        pointer.pointee.name = ServiceTables.hostName
        pointer.pointee.version = ServiceTables.hostVersion
        pointer.pointee.get_interface = { host, id in
            let id = String(cString: id)
            if id == DN_HOST_MEMORY_1 { HostServices.of(host)?.hasLedger.store(true, ordering: .relaxed) }
            if id == DN_HOST_EGRESS_1 { HostServices.of(host)?.asks.store(true, ordering: .relaxed) }
            return ServiceTables.table(id)
        }
    }

    deinit {
        for buffer in strings.values { buffer.deallocate() }
        pointer.deallocate()
    }

    /// What the plugin is given: the host itself, or a proxy's.
    func seen(through proxy: (any HostProxy)?) -> UnsafePointer<dn_host> {
        proxy?.begin(pointer, owner: self) ?? UnsafePointer(pointer)
    }

    /// The services behind a dn_host that a plugin handed back.
    static func of(_ host: UnsafePointer<dn_host>) -> HostServices? {
        guard let data = host.pointee.host_data else { return nil }
        // SAFETY: host_data was set in init, and the instance's owner keeps this object until after stop.
        return Unmanaged<HostServices>.fromOpaque(data).takeUnretainedValue()
    }

    func log(_ level: Int32, _ message: dn_bytes) {
        let level = LogLevel(rawValue: level) ?? .info
        guard Log.isEnabled(level) else { return }
        let text = String(decoding: message.lent.prefix(4096), as: UTF8.self)
        Log.write(level) { "[\(label)] \(text)" }
    }

    func define(_ kind: Int32, _ name: String, _ help: String) -> (dn_status, UInt32) {
        let wellFormed =
            !name.isEmpty && name.utf8.count <= 64 && !(name.utf8.first.map { (48...57).contains($0) } ?? true)
            && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
        guard wellFormed, kind == DN_METRIC_COUNTER || kind == DN_METRIC_GAUGE else { return (DN_INVALID, 0) }
        return cells.withLock { cells in
            guard cells.count < 64 else { return (DN_LIMIT, 0) }
            guard !cells.contains(where: { $0.name == name }) else { return (DN_INVALID, 0) }
            let full = "dandelion_plugin_\(Self.metricName(label))_\(name)"
            cells.append((name, Metrics.shared.cell(full, help, kind == DN_METRIC_COUNTER ? .counter : .gauge)))
            return (DN_OK, UInt32(cells.count - 1))
        }
    }

    func add(_ id: UInt32, _ value: Int64) {
        cells.withLock { cells in
            if Int(id) < cells.count { cells[Int(id)].cell.add(Int(value)) }
        }
    }

    private static func metricName(_ text: String) -> String {
        String(text.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }

    func string(_ path: String) -> (dn_status, dn_bytes) {
        guard let value = tree.value(at: path) else { return (DN_INVALID, dn_bytes()) }
        guard value.text != nil, let bytes = strings[path] else { return (DN_BAD_CONFIG, dn_bytes()) }
        return (DN_OK, dn_bytes(data: bytes.baseAddress, len: UInt64(bytes.count)))
    }

    func submit(_ job: @escaping @Sendable () -> Void) -> dn_status {
        pendingJobs.add(1, ordering: .acquiringAndReleasing)
        let accepted = HelperThreads.shared.submit {
            job()
            self.pendingJobs.subtract(1, ordering: .acquiringAndReleasing)
        }
        if !accepted { pendingJobs.subtract(1, ordering: .acquiringAndReleasing) }
        return accepted ? DN_OK : DN_LIMIT
    }

    func charge(_ bytes: UInt64, on account: UInt64) -> dn_status {
        guard let ledger else { return DN_MISUSE }
        do throws(MemoryLedger.Refusal) { try ledger.charge(bytes, on: account) } catch {
            return switch error {
            case .busy: DN_BUSY
            case .tooMuch: DN_LIMIT
            case .unknown: DN_INVALID
            }
        }
        return DN_OK
    }

    func room(on account: UInt64) -> UInt64 { ledger?.room(on: account) ?? 0 }

    func release(_ bytes: UInt64, on account: UInt64) {
        guard let ledger, !ledger.release(bytes, on: account) else { return }
        Log.error("[\(label)] gave \(bytes) bytes of memory back that it had not charged to account \(account)")
    }

    /// Says what the plugin, which has stopped, left charged; it goes back with this object.
    func closeLedger() {
        guard let left = ledger?.bytes, left > 0 else { return }
        Log.error("[\(label)] stopped with \(left) bytes of memory charged")
    }

    func beginTurn(_ kind: Turns.Kind) -> (dn_status, UInt64) {
        guard isWanted else { return (DN_CANCELLED, 0) }
        do throws(Failure) {
            let turn = try Turns.shared.begin(kind)
            return turns.withLock { turns in
                defer { turns.next += 1 }
                turns.had[turns.next] = turn
                return (DN_OK, turns.next)
            }
        } catch {
            return (error.kind == .busy ? DN_BUSY : DN_CANCELLED, 0)
        }
    }

    func endTurn(_ number: UInt64) {
        if let turn = turns.withLock({ $0.had.removeValue(forKey: number) }) { Turns.shared.end(turn) }
    }

    /// Whether what the plugin works at is of use.
    var isWanted: Bool { !isEnding.load(ordering: .acquiring) && !Turns.shared.isEnded }

    /// Waits until every job that was submitted has run; those that take long hear that they are not wanted.
    func drainJobs() {
        isEnding.store(true, ordering: .releasing)
        while pendingJobs.load(ordering: .acquiring) > 0 { usleep(1000) }
    }
}

internal import Dispatcher
internal import Engines
internal import Failure
internal import Platform
internal import Registry
internal import Synchronization
internal import Telemetry
internal import Values

/// Writes down what each tenant used: a file for each day (UTC) in the state folder, `accounts/2026-01-31.jsonl`, with a line for
/// each tenant and minute in which it used something. Lines are differences, so that a day's sum needs no other file and a restart
/// loses a minute at most, at `kill -9`.
final class AccountBook: Sendable {
    private let admission: Admission
    private let folder: StoreFolder
    private let parker = Parker()
    private let ended = Parker()
    private let stopping = Atomic<Bool>(false)
    private static let interval: Int64 = 60_000_000_000
    /// Nanoseconds that the end waits for the disk.
    private static let patienceAtEnd: Int64 = 5_000_000_000

    /// - Parameter state: the state folder, which must be there.
    init(_ admission: Admission, state: String) throws(Failure) {
        self.admission = admission
        folder = try StoreFolder("accounts", in: try StoreFolder(state))
    }

    func start() throws(SystemError) {
        try Thread.start(name: "accounts", core: nil) { self.work() }
    }

    /// Writes what is left, when nothing is used any more.
    func stop() {
        stopping.store(true, ordering: .releasing)
        parker.wake()
        ended.park(nanoseconds: Self.patienceAtEnd)
    }

    private func work() {
        var written = Written()
        var begin = Clock.wall()
        var isLast = false
        while !isLast {
            parker.park(nanoseconds: Self.interval)
            isLast = stopping.load(ordering: .acquiring)
            let end = Clock.wall()
            if write(from: begin, to: end, &written) { begin = end }
        }
        ended.wake()
    }

    /// What the file has of each tenant that is still there.
    private typealias Written = [ObjectIdentifier: (tenant: Tenant, sums: TenantUsage.Sums)]

    /// - Returns: false when it could not be written; the next time has it all.
    private func write(from begin: UInt64, to end: UInt64, _ written: inout Written) -> Bool {
        var lines: [UInt8] = []
        var next: Written = [:]
        // Those of before, too: one that could not be written may be gone meanwhile.
        let tenants = admission.takeTenants() + written.values.map(\.tenant)
        for tenant in tenants where next[ObjectIdentifier(tenant)] == nil {
            let sums = tenant.usage.sums
            let before = written[ObjectIdentifier(tenant)]?.sums ?? TenantUsage.Sums()
            next[ObjectIdentifier(tenant)] = (tenant, sums)
            guard sums != before else { continue }
            lines += Self.line(tenant.name, sums - before, from: begin, to: end)
        }
        do throws(Failure) {
            if !lines.isEmpty {
                try lines.withBytes { (bytes) throws(Failure) in
                    try folder.append("\(WallTime.text(end).prefix(10)).jsonl", bytes)
                }
            }
        } catch {
            Log.error("accounts are not written now: \(error.detail)")
            for (id, entry) in next where written[id] == nil { written[id] = (entry.tenant, TenantUsage.Sums()) }
            return false
        }
        // One that is gone and has ended all uses no more.
        written = next.filter { admission.knows($0.value.tenant) || $0.value.tenant.requests > 0 }
        return true
    }

    private static func line(_ tenant: String, _ used: TenantUsage.Sums, from begin: UInt64, to end: UInt64) -> [UInt8]
    {
        var json = JSONWriter()
        json.object { json in
            json.member("from", WallTime.text(begin))
            json.member("to", WallTime.text(end))
            json.member("tenant", tenant)
            json.member("invocations", Int(clamping: used.invocations))
            json.name("cpu_seconds")
            json.number(String(Double(used.coreTime) / 1e9))
            json.name("memory_byte_seconds")
            json.number(String(used.memoryByteSeconds))
            json.member("received_bytes", Int(clamping: used.received))
            json.member("sent_bytes", Int(clamping: used.sent))
            json.member("outgoing_requests", Int(clamping: used.outgoingRequests))
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }
}

extension [UInt8] {
    fileprivate func withBytes(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        let result: Result<Void, Failure> = withUnsafeBytes { bytes in
            do throws(Failure) {
                try body(bytes)
                return .success(())
            } catch { return .failure(error) }
        }
        try result.get()
    }
}

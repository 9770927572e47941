internal import Config
public import Engines
public import Failure
public import Memory
internal import Synchronization
internal import Telemetry

/// Decides who gets in. What the node cannot do in time is turned away at the door, where that is cheap, instead of
/// waiting in a line that only grows (Docs/decisions/0009).
public final class Admission: Sendable {
    public struct Settings: Sendable {
        /// Nanoseconds that a request may be expected to wait for an engine.
        public var queueDelay: UInt64
        /// Requests in progress at once, of all tenants.
        public var maxRequests: Int
        /// Tenants with settings of their own.
        public var tenants: [TenantSettings]
        /// What tenants get that are not among them, and requests that name none.
        public var others: TenantSettings

        public init(
            queueDelay: UInt64 = 0, maxRequests: Int = .max, tenants: [TenantSettings] = [],
            others: TenantSettings = TenantSettings(name: "default")
        ) {
            self.queueDelay = queueDelay
            self.maxRequests = maxRequests
            self.tenants = tenants
            self.others = others
        }
    }

    public struct TenantSettings: Sendable {
        public var name: String
        public var weight: Int
        public var maxRequests: Int
        public var quota: QuotaSettings

        public init(
            name: String, weight: Int = 1, maxRequests: Int = .max, quota: QuotaSettings = QuotaSettings()
        ) {
            self.quota = quota
            self.name = name
            self.weight = weight
            self.maxRequests = maxRequests
        }
    }

    private struct Strangers {
        var tenants: [String: Tenant] = [:]
        /// Those that were forgotten since somebody asked what tenants used.
        var gone: [Tenant] = []
    }

    private let settings: Settings
    private let budget: MemoryBudget
    private let everybody: Tenant
    /// Of requests that name no tenant.
    public let others: Tenant
    private let known: [String: Tenant]
    /// Tenants without settings that were seen lately.
    private let strangers = Mutex<Strangers>(Strangers())
    /// Of all tenants without settings together.
    private let strangersUsage = TenantUsage()
    private let refused = Metrics.shared.cell(
        "dandelion_refused_requests_total", "Requests turned away because the node or their tenant had too many.")
    private let inProgress = Metrics.shared.cell(
        "dandelion_requests_in_progress", "Invocations that have begun and not ended.", .gauge)

    /// Beyond, strangers share one line: names cost a client nothing.
    private static let mostStrangers = 1024

    /// `queueDelay` 0: no limit. Tenants' memory is charged to `budget`.
    public init(_ settings: Settings = Settings(), budget: MemoryBudget = MemoryBudget()) {
        self.settings = settings
        self.budget = budget
        everybody = Tenant(name: "", maxRequests: settings.maxRequests, memory: budget.own)
        others = Tenant(settings.others, budget)
        known = Dictionary(settings.tenants.map { ($0.name, Tenant($0, budget)) }) { first, _ in first }
    }

    /// The tenant of that name; nil = of a request that names none.
    /// - Throws: `.invalid` for a name that is none.
    public func tenant(named name: String?) throws(Failure) -> Tenant {
        guard let name, name != others.name else { return others }
        if let tenant = known[name] { return tenant }
        guard TenantName.isValid(name) else { throw Failure(.invalid, "a tenant's name must be \(TenantName.rule)") }
        return strangers.withLock { strangers in
            if let tenant = strangers.tenants[name] { return tenant }
            if strangers.tenants.count >= Self.mostStrangers, strangers.gone.count < Self.mostStrangers {
                strangers.gone += strangers.tenants.values.filter { $0.requests == 0 }
                strangers.tenants = strangers.tenants.filter { $0.value.requests > 0 }
            }
            guard strangers.tenants.count < Self.mostStrangers else { return others }
            var like = settings.others
            like.name = name
            let tenant = Tenant(like, budget, total: strangersUsage)
            strangers.tenants[name] = tenant
            return tenant
        }
    }

    /// What tenants have used: those with settings by name, all others together under nil.
    public func usageByTenant() -> [(name: String?, sums: TenantUsage.Sums)] {
        let named = [others] + known.values.sorted { $0.name < $1.name }
        return named.map { ($0.name, $0.usage.sums) } + [(nil, strangersUsage.sums)]
    }

    /// Every tenant that was seen since it was asked last; to be asked by who keeps accounts, alone.
    public func takeTenants() -> [Tenant] {
        strangers.withLock { strangers in
            defer { strangers.gone = [] }
            return [others] + known.values + strangers.tenants.values + strangers.gone
        }
    }

    /// Whether requests that name it still come to this one.
    public func knows(_ tenant: Tenant) -> Bool {
        tenant === others || known[tenant.name] === tenant || strangers.withLock { $0.tenants[tenant.name] === tenant }
    }

    /// Requests in progress, of all tenants.
    public var requests: Int { everybody.requests }

    /// Whether a request that came now would be turned away.
    /// - Throws: `.busy`.
    public func check(_ tenant: Tenant, in pool: WorkerPool) throws(Failure) {
        guard everybody.requests < everybody.maxRequests, tenant.requests < tenant.maxRequests else {
            throw tooMany(tenant)
        }
        do throws(Failure) { try tenant.checkQuota() } catch {
            refused.add()
            throw error
        }
        guard settings.queueDelay > 0 else { return }
        let wait = pool.expectedWait(of: tenant)
        guard wait > settings.queueDelay else { return }
        refused.add()
        throw .overloaded(wait: wait)
    }

    /// Whether there is room for work that can wait: it leaves half of what others may be kept waiting.
    public func hasRoom(for tenant: Tenant, in pool: WorkerPool) -> Bool {
        guard everybody.requests < everybody.maxRequests, tenant.requests < tenant.maxRequests else { return false }
        return settings.queueDelay == 0 || pool.expectedWait(of: tenant) <= settings.queueDelay / 2
    }

    /// How long the first task of a request may wait in fact, when functions take longer than they used to.
    var patience: UInt64 { settings.queueDelay &* 2 }

    /// Counts a request in, until `leave`.
    func enter(_ tenant: Tenant, in pool: WorkerPool) throws(Failure) {
        try check(tenant, in: pool)
        guard everybody.enter() else { throw tooMany(tenant) }
        guard tenant.enter() else {
            everybody.leave()
            throw tooMany(tenant)
        }
        do throws(Failure) { try tenant.takeQuota() } catch {
            tenant.leave()
            everybody.leave()
            refused.add()
            throw error
        }
        inProgress.add(1)
    }

    func leave(_ tenant: Tenant) {
        tenant.leave()
        everybody.leave()
        inProgress.add(-1)
    }

    private func tooMany(_ tenant: Tenant) -> Failure {
        refused.add()
        return Failure(
            .busy, "\(tenant.requests) requests of tenant '\(tenant.name)' are in progress already",
            [.init("tenant", tenant.name)])
    }
}

extension Tenant {
    fileprivate convenience init(
        _ settings: Admission.TenantSettings, _ budget: MemoryBudget, total: TenantUsage? = nil
    ) {
        self.init(
            name: settings.name, weight: settings.weight, maxRequests: settings.maxRequests,
            memory: budget.account(named: settings.name), quota: settings.quota, total: total)
    }
}

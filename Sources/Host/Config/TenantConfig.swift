internal import Values

/// A table `[tenants.NAME]`: how much of the node a tenant may have; NAME `default` is for all that have no table.
public struct TenantConfig: Sendable {
    public var name: Located<String>
    /// Share of the engines while others want them too, relative to the others' weights.
    public var weight: Int
    /// Requests in progress at once.
    public var maxRequests: Int
    /// Bytes that its requests and what it registered may hold; nil = three eighths of the node's memory.
    public var memory: UInt64?
    public var limits: TenantLimits
    public var egress: EgressConfig
    /// Names of what it registers that all tenants may use. Of `default`, the default tenant's alone.
    public var publishes: [Located<String>]

    /// The name of the table for tenants that have none, and of the tenant of those who show nothing.
    public static let fallback = "default"
}

/// What a tenant may use; nil = as much as there is.
public struct TenantLimits: Sendable, Equatable {
    public var requestsPerSecond: Double?
    /// Functions and compositions.
    public var names: Int?
    /// Bytes of images, bound items and texts.
    public var stored: UInt64?
    /// Nanoseconds of cores in a period.
    public var coreTime: UInt64?
    /// Bytes of replies and outgoing requests in a period.
    public var sent: UInt64?
    /// Nanoseconds.
    public var period: UInt64
}

extension NodeConfig {
    /// By name that all tenants may use, the tenant that registers it.
    public var publishers: [String: String] {
        let pairs = tenants.flatMap { tenant in tenant.publishes.map { ($0.value, tenant.name.value) } }
        return Dictionary(pairs) { first, _ in first }
    }
}

extension Decode {
    func tenants(_ root: TableReader) -> [TenantConfig] {
        let all = root.tables("tenants").map(tenant)
        var publishers: [String: String] = [:]
        for tenant in all {
            for name in tenant.publishes {
                if let other = publishers.updateValue(tenant.name.value, forKey: name.value) {
                    log.add(name.place, "'\(name.value)' is published by tenant '\(other)' already")
                }
            }
        }
        return all
    }

    private func tenant(_ name: Located<String>, _ table: TableReader) -> TenantConfig {
        if !TenantName.isValid(name.value) {
            log.add(name.place, "the tenant's name '\(name.value)' must be \(TenantName.rule)")
        }
        let decoded = TenantConfig(
            name: name, weight: Int(table.integer("weight", in: 1...1000, default: 1)), maxRequests: maxRequests(table),
            memory: table.optionalSize("memory", in: 1 << 20...1 << 50), limits: limits(table),
            egress: egress(in: table),
            publishes: table.locatedStrings("publishes", of: "a name of a function or composition") { (text: String) in
                text.isEmpty ? nil : text
            } ?? [])
        table.finish()
        return decoded
    }

    private func limits(_ table: TableReader) -> TenantLimits {
        let rate =
            table.entry("requests_per_second") == nil
            ? nil : table.number("requests_per_second", in: 0.001...1_000_000, default: 1)
        let names = table.entry("names") == nil ? nil : Int(table.integer("names", in: 0...1_000_000, default: 0))
        return TenantLimits(
            requestsPerSecond: rate, names: names, stored: table.optionalSize("stored", in: 0...1 << 50),
            coreTime: table.optionalTime("cpu", in: Self.millisecond...1000 * Self.day),
            sent: table.optionalSize("sent", in: 0...1 << 60),
            period: table.time("period", in: Self.second...366 * Self.day, default: Self.day))
    }
}

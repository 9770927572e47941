internal import Values

/// The table `[access]`: who may speak to the node.
public struct AccessSettings: Sendable, Equatable {
    /// Names, in lower case and without ports, under which the node may be addressed, beside IP addresses and localhost; nil =
    /// any.
    public var hosts: [String]?
    /// Origins, in lower case, whose pages may send requests.
    public var origins: [String]
    /// Peers whose field Dandelion-Tenant is believed; requests of others that have one are refused. Nil = anybody's.
    public var tenantsFrom: [AddressRange]?

    public init(hosts: [String]? = nil, origins: [String] = [], tenantsFrom: [AddressRange]? = nil) {
        self.hosts = hosts
        self.origins = origins
        self.tenantsFrom = tenantsFrom
    }
}

extension Decode {
    func accessSettings(_ table: TableReader) -> AccessSettings {
        let hosts = table.strings("hosts", of: "a host name without a port") { (text: String) -> String? in
            let name = text.lowercased()
            let allowed = "abcdefghijklmnopqrstuvwxyz0123456789-._"
            return !name.isEmpty && name.allSatisfy(allowed.contains) ? name : nil
        }
        let origins = table.strings("origins", of: "an origin such as \"https://app.example\"") {
            (text: String) -> String? in
            let origin = text.lowercased()
            let parts = origin.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty,
                origin.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), !parts[1].contains(where: "/?#@".contains)
            else { return nil }
            return origin
        }
        let tenantsFrom = table.strings("tenants_from", of: "an IP address or a range such as \"10.0.0.0/8\"") {
            AddressRange($0)
        }
        table.finish()
        return AccessSettings(hosts: hosts, origins: origins ?? [], tenantsFrom: tenantsFrom)
    }
}

internal import Values

/// A table `egress` of a tenant or a communication function: where requests may go; nil = anywhere that the plugin's own settings
/// allow.
public struct EgressConfig: Sendable, Equatable {
    /// Lower case; "*.example.org" is every name below that one.
    public var hosts: [String]?
    public var methods: [String]?
    public var ports: [UInt16]?
}

extension Decode {
    /// The table `egress` in `table`; one that is absent bounds nothing.
    func egress(in outer: TableReader) -> EgressConfig {
        let table = outer.table("egress")
        let hosts = table.strings("hosts", of: "a host name, an address, or \"*.\" and a name") { (text: String) in
            let name = text.lowercased()
            let bare = name.hasPrefix("*.") ? name.dropFirst(2) : name[...]
            let allowed = "abcdefghijklmnopqrstuvwxyz0123456789-._:"
            return bare.isEmpty || bare.hasPrefix(".") || bare.hasSuffix(".") || !bare.allSatisfy(allowed.contains)
                ? nil : name
        }
        let methods = table.strings("methods", of: "a method such as \"GET\"") { (text: String) in
            text.isEmpty || !text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f } ? nil : text
        }
        let ports = table.integers("ports", in: 1...65_535)?.map { UInt16(truncatingIfNeeded: $0) }
        table.finish()
        return EgressConfig(hosts: hosts, methods: methods, ports: ports)
    }
}

internal import PluginABI
internal import PluginKit

/// Where requests may go. Asked for the host as written (validate, submit, each redirect) and for each address that is
/// about to be connected, so that a name cannot lead to a place that its address could not.
struct EgressPolicy {
    private struct Rule {
        let cidr: CIDR
        let allows: Bool
    }

    var allowHTTP = true
    var allowHTTPS = true
    var allowLoopback = false
    var allowPrivate = false
    private var allowHosts: [HostPattern] = []
    private var denyHosts: [HostPattern] = []
    /// The operator's blocks, most specific first, denials before permissions of the same size.
    private var rules: [Rule] = []

    mutating func setHosts(allow: [HostPattern], deny: [HostPattern]) {
        allowHosts = allow
        denyHosts = deny
    }

    mutating func setBlocks(allow: [CIDR], deny: [CIDR]) {
        rules = deny.map { Rule(cidr: $0, allows: false) } + allow.map { Rule(cidr: $0, allows: true) }
        // Denials come first in the array, and the sort is stable.
        rules.sort { $0.cidr.prefix > $1.cidr.prefix }
    }

    /// Checks scheme, host name and, for a literal host, the address.
    func check(_ target: Target, of text: Bytes) throws(PluginError) {
        guard target.isTLS ? allowHTTPS : allowHTTP else {
            throw .denied("the scheme \(target.isTLS ? "https" : "http") is not among the allowed schemes")
        }
        try checkName(text.part(target.host))
        if let address = target.address, let reason = refusal(of: address) { throw .denied(reason) }
    }

    private func checkName(_ host: Bytes) throws(PluginError) {
        if denyHosts.isEmpty && allowHosts.isEmpty { return }
        if let pattern = denyHosts.first(where: { $0.matches(host) }) {
            throw .denied("host \(ASCII.printable(host)) is refused by deny_hosts (\(pattern.text))")
        }
        guard allowHosts.isEmpty || allowHosts.contains(where: { $0.matches(host) }) else {
            throw .denied("host \(ASCII.printable(host)) is not in allow_hosts")
        }
    }

    /// Why this address must not be connected, `nil` when it may. An address that leads to IPv4 must be allowed itself, and
    /// lead to an allowed one.
    func refusal(of address: IPAddress) -> String? {
        let rule = rules.first { $0.cidr.contains(address) }
        if let rule, !rule.allows { return "address \(address.text) is refused by deny_cidrs (\(rule.cidr.text))" }
        for embedded in address.embedded {
            if let reason = refusal(of: embedded) { return "address \(address.text) leads to IPv4: \(reason)" }
        }
        guard rule == nil, let block = SpecialAddresses.block(of: address) else { return nil }
        let place = "address \(address.text) is \(block.name) (\(block.cidr.text))"
        switch block.kind {
        case .loopback: return allowLoopback ? nil : "\(place), refused without allow_loopback"
        case .privateNetwork: return allowPrivate ? nil : "\(place), refused without allow_private"
        case .refused: return "\(place), refused unless allow_cidrs names it"
        case .reachable: return nil
        }
    }
}

/// A host name of the configuration: `example.org` is that name, `*.example.org` every name below it.
struct HostPattern {
    let text: String
    private let name: [UInt8]
    private let isSuffix: Bool

    /// `nil` when it is neither a host name, an address, nor `*.` and a name.
    init?(_ text: String) {
        self.text = text
        isSuffix = text.hasPrefix("*.")
        var name = (isSuffix ? text.dropFirst(1) : text[...]).utf8.map(ASCII.lower)
        if name.first == UInt8(ascii: "["), name.last == UInt8(ascii: "]") { name = Array(name[1..<(name.count - 1)]) }
        if name.last == UInt8(ascii: ".") { name.removeLast() }
        guard !name.isEmpty, name != [UInt8(ascii: ".")],
            name.allSatisfy({ Target.isHostByte($0) || $0 == ASCII.colon })
        else { return nil }
        self.name = name
    }

    func matches(_ host: Bytes) -> Bool {
        var length = host.count
        if length > 0, host[length - 1] == UInt8(ascii: ".") { length -= 1 }
        guard isSuffix ? length > name.count : length == name.count else { return false }
        let start = length - name.count
        for index in 0..<name.count where ASCII.lower(host[start + index]) != name[index] { return false }
        return true
    }
}

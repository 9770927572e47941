internal import PluginKit

/// The header lines that the host adds to a hop: secrets that are bound to where it goes. They stand in place of the request's own
/// fields of those names, and go to nobody else.
struct SecretFields {
    private var lines: [[UInt8]] = []

    init() {}

    /// What the host has for the hop.
    init(_ egress: HostEgress, _ caller: UInt64, _ target: HostEgress.Target) {
        egress.secrets(caller, target) { lines.append(Array($0)) }
    }

    /// Whether a line stands in place of the request's own of that name.
    func have(_ name: Bytes) -> Bool {
        lines.contains { line in
            line.count > name.count && line[name.count] == ASCII.colon
                && zip(line, name).allSatisfy { ASCII.lower($0) == ASCII.lower($1) }
        }
    }

    /// Appends the lines. False when there is no memory.
    func fill(_ headers: inout HeaderList) -> Bool {
        lines.allSatisfy { line in
            line.withUnsafeBytes { headers.append(line: $0, name: $0, isEmpty: false) }
        }
    }
}

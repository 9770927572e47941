internal import Config
public import Failure
internal import Values

/// Something that servers ask for, and that no function may know: a line that requests to one host are sent with.
public struct Secret: Sendable, Equatable {
    public var tenant: String
    public var name: String
    /// Lower case, without a dot at the end.
    public var host: String
    public var port: UInt16
    /// Sent also where others can read it.
    public var isPlain: Bool
    /// "Name: words {} words", in which the value stands for the braces.
    public var template: String
    var value: String

    public static let longestName = 128
    public static let longestValue = 16 << 10
    /// Fields that say how a message is read, which nobody but who sends it may say.
    private static let refused = [
        "host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect", "keep-alive",
    ]

    /// - Throws: `.invalid` for what could not be sent.
    public init(
        tenant: String, name: String, host: String, port: UInt16, isPlain: Bool, template: String, value: String
    ) throws(Failure) {
        func wrong(_ why: String) -> Failure { Failure(.invalid, why) }
        guard TenantName.isValid(tenant) else { throw wrong("a tenant's name must be \(TenantName.rule)") }
        guard 1...Self.longestName ~= name.utf8.count, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw wrong("a secret's name must be 1 to \(Self.longestName) printable ASCII characters without blanks")
        }
        let bare = host.lowercased().hasSuffix(".") ? String(host.lowercased().dropLast()) : host.lowercased()
        guard !bare.isEmpty, bare.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), !bare.contains(where: "/*@[]".contains)
        else {
            throw wrong("a secret is bound to one host, a name or an address without brackets")
        }
        guard let colon = template.firstIndex(of: ":"),
            template.split(separator: "{}", omittingEmptySubsequences: false).count == 2,
            template[colon...].contains("{}"), Self.isSendable(template)
        else { throw wrong("a template must be a line such as 'Authorization: Bearer {}', with one {} for the value") }
        let field = template[..<colon]
        guard !field.isEmpty, field.utf8.allSatisfy(Self.isToken), !Self.refused.contains(field.lowercased()) else {
            throw wrong("'\(field)' is no name of a field that a secret can stand in")
        }
        guard !value.isEmpty, value.utf8.count <= Self.longestValue, Self.isSendable(value) else {
            throw wrong("a value must be one line of 1 to \(Self.longestValue) bytes without control characters")
        }
        (self.tenant, self.name, self.host, self.port) = (tenant, name, bare, port)
        (self.isPlain, self.template, self.value) = (isPlain, template, value)
    }

    /// What is sent.
    public var line: [UInt8] {
        let parts = template.split(separator: "{}", maxSplits: 1, omittingEmptySubsequences: false)
        return Array("\(parts.first ?? "")\(value)\(parts.last ?? "")".utf8)
    }

    private static func isSendable(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f } }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    // MARK: As a record

    var record: [UInt8] {
        Array(
            ParsedValue.table([
                "tenant": .string(tenant), "name": .string(name), "host": .string(host), "port": .integer(Int64(port)),
                "plain": .boolean(isPlain), "template": .string(template), "value": .string(value),
            ]).json.utf8)
    }

    init(record: [UInt8]) throws(NotBelieved) {
        guard let value = try? JSONReader.read(bytes: record), let tenant = value["tenant"]?.text,
            let name = value["name"]?.text, let host = value["host"]?.text, let template = value["template"]?.text,
            let secret = value["value"]?.text, case .integer(let port)? = value["port"]?.kind,
            let port = UInt16(exactly: port), case .boolean(let isPlain)? = value["plain"]?.kind
        else { throw NotBelieved("its record is damaged") }
        do throws(Failure) {
            try self.init(
                tenant: tenant, name: name, host: host, port: port, isPlain: isPlain, template: template, value: secret)
        } catch { throw NotBelieved(error.detail) }
    }
}

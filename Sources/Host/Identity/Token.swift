public import Config
internal import Values
internal import Platform

/// A bearer token as the state folder knows it: by its digest. Its text is told once, when it is made.
public struct Token: Sendable, Equatable {
    /// Tells it from others; says nothing about its text.
    public let number: String
    let digest: Digest
    public let tenant: String
    public let roles: Roles
    /// Seconds since 1970.
    public let made: Int64
    /// Seconds since 1970 from which on it is worth nothing; nil = never.
    public let expires: Int64?
    public let note: String

    /// What every token's text begins with, so that it is known for one where it should not be.
    static let prefix = "dandelion_"
    private static let secretBytes = 32

    /// Makes one. - Returns: it, and its text.
    static func make(
        tenant: String, roles: Roles, made: Int64, expires: Int64?, note: String
    ) -> (token: Token, text: String) {
        var random = [UInt8](repeating: 0, count: secretBytes + 4)
        random.withUnsafeMutableBytes { Entropy.fill($0) }
        let text = prefix + Base64URL.encode(Array(random[..<secretBytes]))
        let number = Array(text.utf8).withUnsafeBytes { String(Digest(of: $0).hexadecimal.prefix(12)) }
        let token = Token(
            number: number, digest: Array(text.utf8).withUnsafeBytes { Digest(of: $0) }, tenant: tenant, roles: roles,
            made: made, expires: expires, note: note)
        return (token, text)
    }

    /// Whether it is worth nothing any more.
    public func isExpired(at now: Int64) -> Bool { expires.map { $0 <= now } ?? false }

    // MARK: As a record

    var json: String {
        ParsedValue.table([
            "sha256": .string(digest.hexadecimal), "tenant": .string(tenant),
            "roles": .array(roles.list.map { ParsedValue(.string($0)) }), "made": .integer(made),
            "expires": expires.map { .integer($0) } ?? .null, "note": .string(note),
        ]).json
    }
}

extension Token {
    /// Reads a record. Whatever is not exactly as it was written grants nothing.
    init(record bytes: [UInt8], number: String) throws(NotBelieved) {
        let value: ParsedValue
        do { value = try JSONReader.read(bytes: bytes) } catch { throw NotBelieved("its record is no JSON") }
        guard let digest = value["sha256"]?.text.flatMap(Digest.init(hexadecimal:)),
            digest.hexadecimal.hasPrefix(number), number.utf8.count == 12,
            let tenant = value["tenant"]?.text, TenantName.isValid(tenant),
            case .integer(let made)? = value["made"]?.kind, let note = value["note"]?.text
        else { throw NotBelieved("its record is damaged") }
        var roles: Roles = []
        for element in value["roles"]?.elements ?? [] {
            guard let role = element.text.flatMap(Roles.init(name:)) else {
                throw NotBelieved("it has an unknown role")
            }
            roles.formUnion(role)
        }
        let expires: Int64?
        switch value["expires"]?.kind {
        case .integer(let time)?: expires = time
        case .null?: expires = nil
        default: throw NotBelieved("its record does not say when it expires")
        }
        self.init(
            number: number, digest: digest, tenant: tenant, roles: roles, made: made, expires: expires, note: note)
    }
}

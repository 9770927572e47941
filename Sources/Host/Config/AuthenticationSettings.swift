internal import Values

/// The table `[authentication]`: who is believed to be whom, where a listener asks.
public struct AuthenticationSettings: Sendable {
    public var jwt: JWTSettings?
    public var certificates: [CertificateIdentity]

    public init(jwt: JWTSettings? = nil, certificates: [CertificateIdentity] = []) {
        self.jwt = jwt
        self.certificates = certificates
    }
}

/// JSON Web Tokens that are believed (RFC 7519).
public struct JWTSettings: Sendable {
    /// File of the issuer's public keys (JWKS, RFC 7517); read again when it changes.
    public var keys: String
    /// One of the token's `aud` must be this.
    public var audience: String
    /// The token's `iss` must be this; nil = any.
    public var issuer: String?
    /// Nanoseconds that clocks may differ by.
    public var skew: UInt64
    /// Names of the claims that say the tenant and the roles.
    public var tenantClaim: String
    public var rolesClaim: String
    /// What a token can grant at most.
    public var most: Roles

    public init(
        keys: String, audience: String, issuer: String? = nil, skew: UInt64 = 30_000_000_000,
        tenantClaim: String = "tenant", rolesClaim: String = "roles", most: Roles = [.invoke, .register, .read]
    ) {
        self.keys = keys
        self.audience = audience
        self.issuer = issuer
        self.skew = skew
        self.tenantClaim = tenantClaim
        self.rolesClaim = rolesClaim
        self.most = most
    }
}

/// Who shows a certificate with a subject.
public struct CertificateIdentity: Sendable, Equatable {
    /// As RFC 2253 writes it: "CN=alice,O=Example".
    public var subject: String
    public var tenant: String
    public var roles: Roles

    public init(subject: String, tenant: String, roles: Roles) {
        self.subject = subject
        self.tenant = tenant
        self.roles = roles
    }
}

/// What somebody may do. Each grants itself and nothing else.
public struct Roles: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Run functions and compositions.
    public static let invoke = Roles(rawValue: 1)
    /// Register, replace and remove them.
    public static let register = Roles(rawValue: 2)
    /// See them.
    public static let read = Roles(rawValue: 4)
    /// See and change what is the node's: counters of all tenants, plugins.
    public static let administer = Roles(rawValue: 8)

    public static let names: KeyValuePairs<String, Roles> = [
        "invoke": .invoke, "register": .register, "read": .read, "administer": .administer,
    ]

    /// The role of that name; nil = none has it.
    public init?(name: String) {
        guard let role = Self.names.first(where: { $0.key == name })?.value else { return nil }
        self = role
    }

    /// In a fixed order.
    public var list: [String] { Self.names.filter { contains($0.value) }.map(\.key) }
}

/// What a tenant may be called.
public enum TenantName {
    public static let longest = 64

    /// Printable ASCII without commas: names stand in header fields, of which proxies make lists.
    public static func isValid(_ name: String) -> Bool {
        1...longest ~= name.utf8.count && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != 0x2c }
    }

    public static let rule = "1 to 64 printable ASCII characters without commas"
}

extension Decode {
    func authentication(_ table: TableReader) -> AuthenticationSettings {
        let settings = AuthenticationSettings(
            jwt: jwt(table), certificates: table.tableList("certificates").compactMap(certificate))
        table.finish()
        return settings
    }

    private func jwt(_ outer: TableReader) -> JWTSettings? {
        guard outer.entry("jwt") != nil else { return nil }
        let table = outer.table("jwt")
        let keys = table.required("keys")
        let audience = table.required("audience")
        let settings = JWTSettings(
            keys: keys?.value ?? "", audience: audience?.value ?? "", issuer: table.string("issuer")?.value,
            skew: table.time("skew", in: 0...600 * Self.second, default: 30 * Self.second),
            tenantClaim: table.string("tenant_claim")?.value ?? "tenant",
            rolesClaim: table.string("roles_claim")?.value ?? "roles",
            most: table.entry("most") == nil ? [.invoke, .register, .read] : roles(table, "most"))
        for text in [keys, audience] where text?.value.isEmpty == true {
            log.add(text?.place, "'keys' and 'audience' in [authentication.jwt] must not be empty")
        }
        table.finish()
        return settings
    }

    private func certificate(_ table: TableReader) -> CertificateIdentity? {
        let subject = table.required("subject")
        let tenant = table.required("tenant")
        table.require("roles")
        let roles = roles(table, "roles")
        table.finish()
        if let tenant, !TenantName.isValid(tenant.value) {
            log.add(tenant.place, "'\(table.name("tenant"))' must be \(TenantName.rule)")
        }
        guard let subject, let tenant else { return nil }
        return CertificateIdentity(subject: subject.value, tenant: tenant.value, roles: roles)
    }

    private func roles(_ table: TableReader, _ key: String) -> Roles {
        guard let value = table.entry(key)?.value else { return [] }
        let wanted = "a list of \(Roles.names.map { "\"\($0.key)\"" }.joined(separator: ", "))"
        if case .array = value.kind {} else { log.add(value.place, "'\(table.name(key))' must be \(wanted)") }
        var roles: Roles = []
        for element in value.elements {
            if let role = element.text.flatMap(Roles.init(name:)) {
                roles.formUnion(role)
            } else {
                log.add(element.place, "'\(table.name(key))' must be \(wanted)")
            }
        }
        return roles
    }
}

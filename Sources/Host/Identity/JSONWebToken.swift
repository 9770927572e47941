internal import Config
internal import Values

/// Judges signed tokens in the compact form (RFC 7515, RFC 7519, RFC 8725).
struct JSONWebToken: Sendable {
    let settings: JWTSettings
    let keys: KeySet

    static let longest = 16 << 10

    /// - Parameter now: seconds since 1970.
    /// - Returns: who it speaks for, and from when on it is worth nothing, without the skew that is granted.
    func judge(_ token: UnsafeRawBufferPointer, now: Int64) throws(NotBelieved) -> (identity: Identity, expires: Double)
    {
        guard token.count <= Self.longest else { throw NotBelieved("it is longer than \(Self.longest) bytes") }
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw NotBelieved("it has \(parts.count) parts, not 3") }
        let header = try object(parts[0], "header")
        let algorithm = try algorithm(header)
        guard let signature = Base64URL.decode(parts[2]), !signature.isEmpty else {
            throw NotBelieved("its signature is not base64url")
        }
        var kid: [UInt8]?
        if let named = header["kid"] {
            guard let text = named.text else { throw NotBelieved("its kid is no text") }
            kid = Array(text.utf8)
        }
        let signed = UnsafeRawBufferPointer(rebasing: token[..<parts[1].endIndex])
        guard try keys.key(kid, algorithm).verifies(signature, of: signed) else {
            throw NotBelieved("its signature is wrong")
        }
        // Nothing of what it says was looked at before.
        return try claims(try object(parts[1], "claims"), Double(now))
    }

    private func object(_ part: Slice<UnsafeRawBufferPointer>, _ what: String) throws(NotBelieved) -> ParsedValue {
        guard let bytes = Base64URL.decode(part) else { throw NotBelieved("its \(what) is not base64url") }
        // Which refuses a member that is there twice.
        guard let value = try? JSONReader.read(bytes: bytes), case .table = value.kind else {
            throw NotBelieved("its \(what) is no JSON object")
        }
        return value
    }

    private func algorithm(_ header: ParsedValue) throws(NotBelieved) -> Algorithm {
        guard let algorithm = header["alg"]?.text.flatMap(Algorithm.init) else {
            throw NotBelieved("its alg is not one of ES256, EdDSA, RS256")
        }
        // Extensions that must be understood, of which we know none. Keys that it brings along or points to are not looked at.
        guard header["crit"] == nil, header["b64"] == nil else { throw NotBelieved("it has an unknown extension") }
        if let type = header["typ"] {
            guard ["jwt", "at+jwt"].contains(type.text?.lowercased()) else { throw NotBelieved("its typ is another") }
        }
        return algorithm
    }

    private func claims(_ claims: ParsedValue, _ now: Double) throws(NotBelieved) -> (Identity, Double) {
        let skew = Double(settings.skew) / 1e9
        guard let expires = claims["exp"]?.time else { throw NotBelieved("it does not say when it expires") }
        guard now < expires + skew else { throw NotBelieved("it has expired") }
        for name in ["nbf", "iat"] {
            guard let given = claims[name] else { continue }
            guard let time = given.time, time <= now + skew else { throw NotBelieved("its \(name) is in the future") }
        }
        guard let audience = claims["aud"], audience.holds(settings.audience) else {
            throw NotBelieved("its aud is another")
        }
        if let issuer = settings.issuer {
            guard let given = claims["iss"]?.text, given.isSame(as: issuer) else {
                throw NotBelieved("its iss is another")
            }
        }
        guard let tenant = claims[settings.tenantClaim]?.text, TenantName.isValid(tenant) else {
            throw NotBelieved("it names no tenant")
        }
        let name = claims["sub"]?.text ?? ""
        let roles = claims[settings.rolesClaim].map(Self.roles) ?? []
        return (Identity(tenant: tenant, roles: roles.intersection(settings.most), name: "jwt:\(name)"), expires)
    }

    /// Those that we know of a list, or of a text with spaces between them.
    private static func roles(_ value: ParsedValue) -> Roles {
        let names = value.text.map { $0.split(separator: " ").map(String.init) } ?? value.elements.compactMap(\.text)
        return names.reduce(into: []) { roles, name in roles.formUnion(Roles(name: name) ?? []) }
    }
}

extension ParsedValue {
    /// Seconds since 1970 (NumericDate); nil when it is no such number.
    fileprivate var time: Double? {
        switch kind {
        case .integer(let number): Double(number)
        case .float(let number) where number.isFinite: number
        default: nil
        }
    }

    /// Whether it is the text, or a list of texts with it.
    fileprivate func holds(_ wanted: String) -> Bool {
        if let text { return text.isSame(as: wanted) }
        return !elements.isEmpty && elements.allSatisfy { $0.text != nil }
            && elements.contains { $0.text?.isSame(as: wanted) == true }
    }
}

extension String {
    /// Byte by byte: texts that only look alike are others.
    fileprivate func isSame(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}

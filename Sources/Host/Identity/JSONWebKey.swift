internal import COpenSSL
internal import Config
internal import Values

/// What a token can be signed with (RFC 7518, RFC 8037). Nothing with a shared key, and no "none".
enum Algorithm: String {
    case es256 = "ES256"
    case edDSA = "EdDSA"
    case rs256 = "RS256"
}

/// A public key of a JWKS (RFC 7517).
final class JSONWebKey: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the key is not changed after init, and OpenSSL's verification only reads it.
    let kid: [UInt8]?
    let algorithm: Algorithm
    private let key: OpaquePointer

    private static let leastRSABits: Int32 = 2048
    private static let mostRSABits: Int32 = 8192

    /// Nil for a key that is not for signatures of ours, which others may use the file for, too.
    /// - Throws: for one that is, and is wrong.
    init?(_ value: ParsedValue) throws(NotBelieved) {
        guard case .table = value.kind else { throw NotBelieved("a key is no object") }
        if let use = value["use"], use.text != "sig" { return nil }
        if let operations = value["key_ops"], !operations.elements.contains(where: { $0.text == "verify" }) {
            return nil
        }
        if let kid = value["kid"], kid.text == nil { throw NotBelieved("a key's kid is no text") }
        guard let (algorithm, key) = try Self.read(value) else { return nil }
        self.key = key
        self.algorithm = algorithm
        kid = value["kid"]?.text.map { Array($0.utf8) }
        if let alg = value["alg"], alg.text != algorithm.rawValue { return nil }
    }

    deinit { EVP_PKEY_free(key) }

    private static func read(_ value: ParsedValue) throws(NotBelieved) -> (Algorithm, OpaquePointer)? {
        switch (value["kty"]?.text, value["crv"]?.text) {
        case ("EC"?, "P-256"?):
            let (x, y) = (try bytes(value, "x"), try bytes(value, "y"))
            guard x.count == 32, y.count == 32 else { throw NotBelieved("a key's x or y has not 32 bytes") }
            return (.es256, try point([4] + x + y))
        case ("OKP"?, "Ed25519"?):
            let x = try bytes(value, "x")
            guard x.count == 32, let key = EVP_PKEY_new_raw_public_key(CO_ED25519, nil, x, x.count) else {
                throw NotBelieved("a key's x has not 32 bytes")
            }
            return (.edDSA, key)
        case ("RSA"?, _): return (.rs256, try rsa(try bytes(value, "n"), try bytes(value, "e")))
        default: return nil
        }
    }

    private static func bytes(_ value: ParsedValue, _ member: String) throws(NotBelieved) -> [UInt8] {
        guard let text = value[member]?.text, let bytes = Base64URL.decode(Array(text.utf8)) else {
            throw NotBelieved("a key's \(member) is not base64url")
        }
        return bytes
    }

    /// A point that lies on P-256.
    private static func point(_ bytes: [UInt8]) throws(NotBelieved) -> OpaquePointer {
        ERR_clear_error()
        guard let key = co_p256_key(bytes, bytes.count) else {
            throw NotBelieved("a key's x and y are no point of P-256")
        }
        return key
    }

    private static func rsa(_ modulus: [UInt8], _ exponent: [UInt8]) throws(NotBelieved) -> OpaquePointer {
        let (n, e) = (BN_bin2bn(modulus, Int32(modulus.count), nil), BN_bin2bn(exponent, Int32(exponent.count), nil))
        defer {
            BN_free(n)
            BN_free(e)
        }
        let bits = n.map { BN_num_bits($0) } ?? 0
        guard leastRSABits...mostRSABits ~= bits, let e, BN_is_odd(e) == 1, BN_num_bits(e) > 1, BN_num_bits(e) <= 64
        else {
            throw NotBelieved("an RSA key has \(bits) bits, or a wrong exponent")
        }
        ERR_clear_error()
        guard let key = co_rsa_key(n, e) else { throw NotBelieved("an RSA key cannot be used") }
        return key
    }

    /// Whether `signature`, as RFC 7518 has it, is this key's of `message`.
    func verifies(_ signature: [UInt8], of message: UnsafeRawBufferPointer) -> Bool {
        guard let signature = algorithm == .es256 ? Self.der(signature) : signature,
            let context = EVP_MD_CTX_new()
        else { return false }
        defer { EVP_MD_CTX_free(context) }
        ERR_clear_error()
        let digest = algorithm == .edDSA ? nil : EVP_sha256()
        guard EVP_DigestVerifyInit(context, nil, digest, nil, key) == 1 else { return false }
        // SAFETY: message has message.count readable bytes.
        let bytes = message.baseAddress?.assumingMemoryBound(to: UInt8.self)
        return EVP_DigestVerify(context, signature, signature.count, bytes, message.count) == 1
    }

    /// An ECDSA signature, two numbers of 32 bytes, in the form that OpenSSL takes.
    private static func der(_ signature: [UInt8]) -> [UInt8]? {
        guard signature.count == 64, let made = ECDSA_SIG_new() else { return nil }
        defer { ECDSA_SIG_free(made) }
        let (r, s) = (BN_bin2bn(signature, 32, nil), BN_bin2bn(Array(signature[32...]), 32, nil))
        guard ECDSA_SIG_set0(made, r, s) == 1 else { return nil }
        var der = [UInt8](repeating: 0, count: Int(max(0, i2d_ECDSA_SIG(made, nil))))
        let count = der.withUnsafeMutableBufferPointer { room in
            // SAFETY: room has as many bytes as the call before asked for.
            var end = room.baseAddress
            return i2d_ECDSA_SIG(made, &end)
        }
        return count > 0 ? der : nil
    }
}

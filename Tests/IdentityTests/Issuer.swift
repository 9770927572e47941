import COpenSSL
import Testing

/// Makes keys, and tokens of them: good ones, and any that a forger could make.
final class Issuer: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the key does not change, and OpenSSL only reads it to sign.
    enum Kind: String, CaseIterable { case es256 = "ES256", edDSA = "EdDSA", rs256 = "RS256" }

    let kind: Kind
    let kid: String
    private let key: OpaquePointer

    init(_ kind: Kind, kid: String, bits: Int32 = 2048) throws {
        self.kind = kind
        self.kid = kid
        let name =
            switch kind {
            case .es256: "EC"
            case .edDSA: "ED25519"
            case .rs256: "RSA"
            }
        let context = try #require(EVP_PKEY_CTX_new_from_name(nil, name, nil))
        defer { EVP_PKEY_CTX_free(context) }
        try #require(EVP_PKEY_keygen_init(context) == 1)
        if kind == .es256 { try #require(EVP_PKEY_CTX_set_group_name(context, "P-256") == 1) }
        if kind == .rs256 { try #require(EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits) == 1) }
        var made: OpaquePointer?
        try #require(EVP_PKEY_keygen(context, &made) == 1)
        key = try #require(made)
    }

    deinit { EVP_PKEY_free(key) }

    // MARK: The public key

    /// Members of its JWK, without kid.
    var members: [(String, String)] {
        switch kind {
        case .es256: [("kty", "EC"), ("crv", "P-256"), ("x", number("qx", 32)), ("y", number("qy", 32))]
        case .edDSA: [("kty", "OKP"), ("crv", "Ed25519"), ("x", base64url(raw))]
        case .rs256: [("kty", "RSA"), ("n", number("n", 0)), ("e", number("e", 0))]
        }
    }

    var jwk: String { json(members + [("kid", kid)]) }

    func json(_ members: [(String, String)]) -> String {
        "{" + members.map { "\"\($0)\":\"\($1)\"" }.joined(separator: ",") + "}"
    }

    /// What somebody who takes a public key for a shared one would take: its PEM, DER or number.
    var publicBytes: [UInt8] {
        var count = i2d_PUBKEY(key, nil)
        var bytes = [UInt8](repeating: 0, count: Int(count))
        bytes.withUnsafeMutableBufferPointer { room in
            var end = room.baseAddress
            count = i2d_PUBKEY(key, &end)
        }
        return bytes
    }

    private var raw: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32)
        var count = bytes.count
        EVP_PKEY_get_raw_public_key(key, &bytes, &count)
        return bytes
    }

    private func number(_ name: String, _ width: Int) -> String {
        var number: OpaquePointer?
        guard EVP_PKEY_get_bn_param(key, name, &number) == 1, let number else { return "" }
        defer { BN_free(number) }
        var bytes = [UInt8](repeating: 0, count: width == 0 ? Int(BN_num_bits(number) + 7) / 8 : width)
        BN_bn2binpad(number, &bytes, Int32(bytes.count))
        return base64url(bytes)
    }

    // MARK: Tokens

    func sign(_ message: String) -> [UInt8] {
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        let bytes = Array(message.utf8)
        var count = 0
        EVP_DigestSignInit(context, nil, kind == .edDSA ? nil : EVP_sha256(), nil, key)
        EVP_DigestSign(context, nil, &count, bytes, bytes.count)
        var signature = [UInt8](repeating: 0, count: count)
        EVP_DigestSign(context, &signature, &count, bytes, bytes.count)
        signature = Array(signature[..<count])
        return kind == .es256 ? Self.plain(signature) : signature
    }

    /// ECDSA's two numbers, of 32 bytes each.
    private static func plain(_ der: [UInt8]) -> [UInt8] {
        der.withUnsafeBufferPointer { bytes in
            var start = bytes.baseAddress
            let signature = d2i_ECDSA_SIG(nil, &start, bytes.count)
            defer { ECDSA_SIG_free(signature) }
            var plain = [UInt8](repeating: 0, count: 64)
            plain.withUnsafeMutableBufferPointer { room in
                BN_bn2binpad(ECDSA_SIG_get0_r(signature), room.baseAddress, 32)
                BN_bn2binpad(ECDSA_SIG_get0_s(signature), room.baseAddress.map { $0 + 32 }, 32)
            }
            return plain
        }
    }

    func token(_ claims: String, header: String? = nil) -> String {
        let header = header ?? #"{"alg":"\#(kind.rawValue)","kid":"\#(kid)","typ":"JWT"}"#
        let message = base64url(Array(header.utf8)) + "." + base64url(Array(claims.utf8))
        return message + "." + base64url(sign(message))
    }
}

func base64url(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
        for place in 0...group.count { text.append(alphabet[bits >> (18 - 6 * place) & 63]) }
    }
    return text
}

func hmac(_ key: [UInt8], _ message: String) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var count: UInt32 = 0
    let bytes = Array(message.utf8)
    HMAC(EVP_sha256(), key, Int32(key.count), bytes, bytes.count, &digest, &count)
    return digest
}

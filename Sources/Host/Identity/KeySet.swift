internal import Config
internal import Values

/// The keys of a JWKS file.
struct KeySet: Sendable {
    let keys: [JSONWebKey]
    private static let most = 256

    /// - Throws: when it is no JWKS, or one of its keys of ours is wrong: half a file is not used.
    init(_ bytes: [UInt8]) throws(NotBelieved) {
        let value: ParsedValue
        do { value = try JSONReader.read(bytes: bytes) } catch {
            throw NotBelieved("\(error.place.line):\(error.place.column): \(error.message)")
        }
        guard case .array(let listed)? = value["keys"]?.kind, listed.count <= Self.most else {
            throw NotBelieved("it has no list 'keys', or one of more than \(Self.most)")
        }
        var keys: [JSONWebKey] = []
        for entry in listed {
            guard let key = try JSONWebKey(entry) else { continue }
            if let kid = key.kid, keys.contains(where: { $0.kid == kid }) { throw NotBelieved("two keys have one kid") }
            keys.append(key)
        }
        self.keys = keys
    }

    /// The key that a header means: the one of its `kid`, or the only one for its algorithm.
    func key(_ kid: [UInt8]?, _ algorithm: Algorithm) throws(NotBelieved) -> JSONWebKey {
        let fitting = keys.filter { $0.algorithm == algorithm && (kid == nil || $0.kid == kid) }
        guard fitting.count == 1, let key = fitting.first else {
            throw NotBelieved("\(fitting.count) keys fit its alg and kid")
        }
        return key
    }
}

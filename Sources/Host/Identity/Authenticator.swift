public import Config
public import Failure
internal import Platform
internal import Synchronization
internal import Telemetry

/// Knows who shows what: tokens of the state folder, JSON web tokens, certificates. For any thread.
public final class Authenticator: Sendable {
    private struct Known {
        var tokens: [Digest: Token] = [:]
        var web: JSONWebToken?
        /// JWTs that were found good, which takes up to 0.06 ms (`openssl speed ed25519`); none of other keys than `web` has.
        var judged: [Digest: (identity: Identity, expires: Double)] = [:]
    }

    private let settings: AuthenticationSettings
    private let folder: TokenFolder
    private let known = Mutex(Known())
    private static let mostJudged = 4096
    private static let largestKeySet = 1 << 20

    /// - Throws: `.unavailable`, naming the file that cannot be used.
    public init(_ settings: AuthenticationSettings, _ folder: TokenFolder) throws(Failure) {
        self.settings = settings
        self.folder = folder
        let tokens = Self.table(try folder.all())
        let web = try settings.jwt.map { (jwt) throws(Failure) in try Self.web(jwt) }
        known.withLock { $0 = Known(tokens: tokens, web: web) }
    }

    /// Files in whose folders changes concern it.
    public var files: [String] { ["\(folder.path)/"] + (settings.jwt.map { [$0.keys] } ?? []) }

    /// Reads tokens and keys again. What cannot be read stays as it was and is told to the log.
    /// - Returns: the tokens that were made or revoked meanwhile.
    @discardableResult
    public func reload() -> [(token: Token, isNew: Bool)] {
        let changes = reloadTokens()
        reloadKeys()
        return changes
    }

    private func reloadTokens() -> [(token: Token, isNew: Bool)] {
        do throws(Failure) {
            let tokens = Self.table(try folder.all())
            let old = known.withLock { known in
                defer { known.tokens = tokens }
                return known.tokens
            }
            return tokens.filter { old[$0.key] == nil }.map { ($0.value, true) }
                + old.filter { tokens[$0.key] == nil }.map { ($0.value, false) }
        } catch {
            Log.error("tokens cannot be read: \(error.detail); those that were read before stay")
            return []
        }
    }

    private func reloadKeys() {
        guard let jwt = settings.jwt else { return }
        do throws(Failure) {
            let web = try Self.web(jwt)
            known.withLock { ($0.web, $0.judged) = (web, [:]) }
        } catch { Log.error("\(error.detail); the keys that were read before stay") }
    }

    private static func table(_ tokens: [Token]) -> [Digest: Token] {
        Dictionary(tokens.map { ($0.digest, $0) }) { first, _ in first }
    }

    private static func web(_ settings: JWTSettings) throws(Failure) -> JSONWebToken {
        func failed(_ why: String) -> Failure { Failure(.unavailable, "no keys for JWTs in \(settings.keys): \(why)") }
        let bytes: [UInt8]
        do throws(WholeFile.Failed) { bytes = try WholeFile.read(settings.keys, limit: largestKeySet) } catch {
            throw failed(error.text)
        }
        do throws(NotBelieved) {
            return JSONWebToken(settings: settings, keys: try KeySet(bytes))
        } catch { throw failed(error.reason) }
    }

    // MARK: Asking

    /// Who shows a bearer token.
    /// - Parameter now: seconds since 1970.
    public func identify(bearer text: UnsafeRawBufferPointer, now: Int64) throws(NotBelieved) -> Identity {
        guard text.count <= JSONWebToken.longest else { throw NotBelieved("it is too long") }
        let digest = Digest(of: text)
        guard text.starts(with: Token.prefix.utf8) else { return try identify(web: text, digest, now) }
        guard let token = known.withLock({ $0.tokens[digest] }) else { throw NotBelieved("no such token") }
        guard !token.isExpired(at: now) else { throw NotBelieved("token \(token.number) has expired") }
        return Identity(tenant: token.tenant, roles: token.roles, name: "token:\(token.number)")
    }

    private func identify(
        web text: UnsafeRawBufferPointer, _ digest: Digest, _ now: Int64
    ) throws(NotBelieved) -> Identity {
        let (web, judged) = known.withLock { ($0.web, $0.judged[digest]) }
        guard let web else { throw NotBelieved("no JWTs are taken") }
        if let judged, Double(now) < judged.expires { return judged.identity }
        let fresh = try web.judge(text, now: now)
        known.withLock { known in
            // The keys may have changed meanwhile.
            guard known.web?.keys.keys.first === web.keys.keys.first else { return }
            if known.judged.count >= Self.mostJudged { known.judged = [:] }
            known.judged[digest] = fresh
        }
        return fresh.identity
    }

    /// Who shows a certificate, by its subject.
    public func identify(subject: String) throws(NotBelieved) -> Identity {
        guard let known = settings.certificates.first(where: { $0.subject.utf8.elementsEqual(subject.utf8) }) else {
            throw NotBelieved("nobody has the subject \(subject)")
        }
        return Identity(tenant: known.tenant, roles: known.roles, name: "certificate:\(subject)")
    }
}

public import Config
public import Failure
internal import Items
internal import Registry
internal import Telemetry

/// The tokens in a node's state folder. The node and the command `dandelion token` use it at the same time.
public struct TokenFolder: Sendable {
    private let folder: StoreFolder
    private let temporary: StoreFolder
    private static let largestRecord = 64 << 10

    /// - Parameter state: the node's state folder; made when it does not exist.
    /// - Throws: `.internal`.
    public init(state: String) throws(Failure) {
        let root = try StoreFolder(state)
        folder = try StoreFolder("tokens", in: root)
        // The node's own is swept when it starts.
        temporary = try StoreFolder("token-temporary", in: root)
    }

    public var path: String { folder.path }

    /// Makes a token and keeps its digest. - Returns: it, and its text, which nobody can find out later.
    public func make(
        tenant: String, roles: Roles, now: Int64, lifetime: Int64?, note: String
    ) throws(Failure) -> (token: Token, text: String) {
        guard TenantName.isValid(tenant) else {
            throw Failure(.invalid, "a tenant's name must be \(TenantName.rule)")
        }
        guard !roles.isEmpty else { throw Failure(.invalid, "a token without roles is of no use") }
        let expires = lifetime.map { now.addingReportingOverflow($0) }
        guard expires?.overflow != true else { throw Failure(.invalid, "the token would live too long") }
        let made = Token.make(tenant: tenant, roles: roles, made: now, expires: expires?.partialValue, note: note)
        try Blob(made.token.json).withUnsafeBytes { (bytes) throws(Failure) in
            try folder.write(made.token.number, bytes, by: temporary)
        }
        return made
    }

    /// All that can be read, in the order of their making; others are told to the log and grant nothing.
    public func all() throws(Failure) -> [Token] {
        var tokens: [Token] = []
        for number in try folder.names() {
            do throws(NotBelieved) {
                let record: Blob
                do throws(Failure) { record = try folder.read(number, limit: Self.largestRecord) } catch {
                    // It may have been revoked meanwhile.
                    if error.kind == .notFound { continue }
                    throw NotBelieved(error.detail)
                }
                tokens.append(try Token(record: record.withUnsafeBytes { Array($0) }, number: number))
            } catch {
                Log.warning("token \(number) is not believed: \(error.reason)")
            }
        }
        return tokens.sorted { ($0.made, $0.number) < ($1.made, $1.number) }
    }

    /// Removes a token, durably.
    /// - Throws: `.notFound`, `.internal`.
    public func revoke(_ number: String) throws(Failure) {
        guard number.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }), !number.isEmpty,
            try folder.remove(number)
        else { throw Failure(.notFound, "there is no token \(number)") }
    }
}

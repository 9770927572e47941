public import Config

/// Who makes a request.
public struct Identity: Sendable, Equatable {
    /// On whose behalf.
    public var tenant: String
    public var roles: Roles
    /// For logs: a token's number, a certificate's subject, the subject of a JWT.
    public var name: String

    public init(tenant: String, roles: Roles, name: String) {
        self.tenant = tenant
        self.roles = roles
        self.name = name
    }
}

/// Why somebody is not believed, for the log: a client is told no more than that.
public struct NotBelieved: Error, Equatable {
    public var reason: String
    public init(_ reason: String) { self.reason = reason }
}

internal import Config
internal import Dispatcher
internal import Engines
internal import Failure
internal import Glibc
internal import Identity
internal import Telemetry

/// Who made a request, where the listener asks.
final class Caller: Sendable {
    let identity: Identity
    let tenant: Tenant
    /// Whose names it may use. Not the name of `tenant`, which many share where there are very many.
    var space: String { identity.tenant }

    init(_ identity: Identity, _ tenant: Tenant) {
        self.identity = identity
        self.tenant = tenant
    }
}

/// Decides who gets through a listener that is not open for everything to everybody: the one place that does. What is not
/// allowed by `Route.need` is refused, before a body is read.
struct Gate: Sendable {
    private let parts: ServedParts
    /// Nil: nobody is asked.
    private let authenticator: Authenticator?
    private let access: AccessPolicy
    private let admission: Admission
    private static let refused = Metrics.shared.cell(
        "dandelion_denied_requests_total", "Requests that showed nothing that is believed, or lacked a role.")

    /// Nil for a listener that serves everything to everybody.
    init?(
        _ settings: ListenerSettings, _ authenticator: Authenticator?, _ access: AccessPolicy, _ admission: Admission
    ) {
        guard settings.authenticates || settings.serves != .all else { return nil }
        parts = settings.serves
        self.authenticator = settings.authenticates ? authenticator : nil
        self.access = access
        self.admission = admission
    }

    /// - Parameter subject: of the certificate that the connection's client has shown.
    /// - Returns: who makes the request; nil where nobody is asked, or anybody may.
    /// - Throws: 401, 403, or 404 for what is not served here.
    func admit(_ head: RequestHead, subject: @autoclosure () -> String?) throws(Problem) -> Caller? {
        guard let route = Route(head.pathBytes) else { throw .noRoute }
        let need = route.need(head.method)
        guard !parts.isDisjoint(with: need.part) else { throw .noRoute }
        // A browser that asks for a page shows nothing; it is answered and goes no further (Router.handle).
        guard let authenticator, let role = need.role, access.preflight(head) == nil else { return nil }
        let identity: Identity
        do throws(NotBelieved) { identity = try Self.identity(head, subject(), authenticator) } catch {
            Self.refused.add()
            Log.debug("a request is not believed: \(error.reason)")
            throw .notAuthenticated
        }
        guard identity.roles.contains(role) else {
            Self.refused.add()
            throw Problem(
                .forbidden, "denied", "this needs the role '\(role.list.joined())'",
                [.init("role", role.list.joined())])
        }
        if let named = head.value("dandelion-tenant"), !named.elementsEqual(identity.tenant.utf8) {
            throw Problem(.forbidden, "denied", "Dandelion-Tenant names another tenant than who makes the request")
        }
        do throws(Failure) { return Caller(identity, try admission.tenant(named: identity.tenant)) } catch {
            throw Problem(error)
        }
    }

    /// By the field Authorization, else by the certificate.
    private static func identity(
        _ head: RequestHead, _ subject: String?, _ authenticator: Authenticator
    ) throws(NotBelieved) -> Identity {
        let shown = head.fields.filter { head.bytes($0.name).equalsIgnoringCase("authorization") }
        guard let field = shown.first else {
            guard let subject else { throw NotBelieved("it shows nothing") }
            return try authenticator.identify(subject: subject)
        }
        let value = head.bytes(field.value)
        let scheme = "Bearer ".utf8.count
        guard shown.count == 1, value.count > scheme, value.part(0..<scheme).equalsIgnoringCase("bearer ") else {
            throw NotBelieved("its Authorization is no bearer token")
        }
        return try authenticator.identify(bearer: value.part(scheme..<value.count), now: Int64(time(nil)))
    }
}

extension Problem {
    fileprivate static var notAuthenticated: Problem {
        Problem(
            .unauthorized, "notAuthenticated",
            "show a token (Authorization: Bearer ...) or a certificate that this node knows and that has not expired")
    }
}

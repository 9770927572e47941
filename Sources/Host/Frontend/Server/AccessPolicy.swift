internal import Config

/// Tells requests that clients mean from those that a page of another site had a browser send (Docs/http-api.md, "Pages").
///
/// A browser lets any page send GET, HEAD and POST requests to a node that it reaches, but names the page in Origin and
/// Sec-Fetch-Site, and before it sends anything that a form could not it asks with OPTIONS, which is refused.
struct AccessPolicy: Sendable {
    private let settings: AccessSettings

    init(_ settings: AccessSettings) { self.settings = settings }

    /// - Throws: 400 for a field that may be there once and is there twice, 403 for a page's request, 421 for a host that is
    ///   not ours.
    func check(_ head: RequestHead) throws(Problem) {
        let fields = try AccessFields(head)
        try checkHost(head)
        if let origin = fields.origin {
            guard isOwn(origin, head) || allows(origin) else { throw .foreignPage("Origin", origin) }
        } else if let site = fields.site, !site.equals("none"), !site.equals("same-origin") {
            throw .foreignPage("Sec-Fetch-Site", site)
        }
        guard head.method == .post, fields.client == nil, !allows(fields.origin) else { return }
        try checkForm(fields)
    }

    /// Whether a field Dandelion-Tenant that passed `checkTenant` comes from somebody whom the operator believes it.
    var vouchesForTenants: Bool { settings.tenantsFrom != nil }

    /// Whether Dandelion-Tenant of a request from `peer` may be believed, if it is there.
    func checkTenant(_ head: RequestHead, from peer: @autoclosure () -> AddressRange.Address?) throws(Problem) {
        guard let name = head.value("dandelion-tenant") else { return }
        guard TenantName.isValid(name.text) else { throw .malformed("a tenant's name must be \(TenantName.rule)") }
        guard let ranges = settings.tenantsFrom else { return }
        guard let peer = peer(), ranges.contains(where: { $0.contains(peer) }) else {
            throw Problem(.forbidden, "denied", "this node's configuration does not let this peer name a tenant")
        }
    }

    /// A request that a form can send must come from a program: those say who they are, and no page can say that for a browser.
    private func checkForm(_ fields: AccessFields) throws(Problem) {
        let type = fields.contentType.map(MediaType.essence)
        if let type, type.equalsIgnoringCase("text/plain") { throw .formRequest }
        let isForm =
            type.map {
                $0.count == 0 || $0.equalsIgnoringCase("application/x-www-form-urlencoded")
                    || $0.equalsIgnoringCase("multipart/form-data")
            } ?? true
        if isForm, fields.agent?.hasPrefix("Mozilla/") == true { throw .formRequest }
    }

    private func checkHost(_ head: RequestHead) throws(Problem) {
        guard let hosts = settings.hosts else { return }
        let host = Authority.host(of: head.bytes(head.authority))
        guard !Authority.isAddress(host), !hosts.contains(host.text.lowercased()) else { return }
        throw Problem(.misdirectedRequest, "misdirected", "this node is not '\(host.text)'")
    }

    /// Whether the page came from this node's own address, by a name that no stranger can point here.
    private func isOwn(_ origin: Bytes, _ head: RequestHead) -> Bool {
        let authority = head.bytes(head.authority)
        let host = Authority.host(of: authority)
        guard let scheme = ["http://", "https://"].first(where: { origin.hasPrefix($0) }),
            origin.part(scheme.utf8CodeUnitCount..<origin.count).elementsEqual(authority)
        else { return false }
        return Authority.isAddress(host) || settings.hosts?.contains(host.text.lowercased()) == true
    }

    private func allows(_ origin: Bytes?) -> Bool {
        guard let origin, !settings.origins.isEmpty else { return false }
        return settings.origins.contains(origin.text.lowercased())
    }

    // MARK: Pages that are allowed (the Fetch standard's CORS protocol)

    /// The answer to a browser that asks whether a page may send a request; nil when this is something else.
    func preflight(_ head: RequestHead) -> Response? {
        guard head.method == .options, head.value("access-control-request-method") != nil, allows(head.value("origin"))
        else { return nil }
        var response = Response(.noContent)
        response.fields = [
            .init(name: "access-control-allow-methods", value: "GET, HEAD, POST, PUT, DELETE"),
            .init(
                name: "access-control-allow-headers",
                value: "Content-Type, Accept, Dandelion-Client, Dandelion-Timeout, Dandelion-Tenant, X-Request-Id"),
            .init(name: "access-control-max-age", value: "600"),
        ]
        return response
    }

    /// Some pages are allowed.
    var admitsPages: Bool { !settings.origins.isEmpty }

    /// Lets the page that sent a request read its answer, if that page is an allowed one.
    func admitReader(of response: inout Response, to head: RequestHead) {
        response.fields.append(.init(name: "vary", value: "Origin"))
        guard let origin = head.value("origin"), allows(origin) else { return }
        response.fields.append(.init(name: "access-control-allow-origin", value: origin.text))
        response.fields.append(
            .init(
                name: "access-control-expose-headers",
                value: "Server-Timing, Dandelion-Exit-Code, Retry-After, X-Request-Id"))
    }
}

/// What a request says about where it comes from; each field at most once.
private struct AccessFields {
    private(set) var origin: Bytes?
    private(set) var site: Bytes?
    private(set) var contentType: Bytes?
    private(set) var agent: Bytes?
    private(set) var client: Bytes?
    private var tenant: Bytes?
    private var timeout: Bytes?

    init(_ head: RequestHead) throws(Problem) {
        for field in head.fields {
            let name = head.bytes(field.name)
            let value = head.bytes(field.value)
            switch name.count {
            case 6 where name.equalsIgnoringCase("origin"): try Self.set(&origin, value, "Origin")
            case 10 where name.equalsIgnoringCase("user-agent"): agent = value
            case 12 where name.equalsIgnoringCase("content-type"): try Self.set(&contentType, value, "Content-Type")
            case 14 where name.equalsIgnoringCase("sec-fetch-site"): try Self.set(&site, value, "Sec-Fetch-Site")
            case 16 where name.equalsIgnoringCase("dandelion-client"): client = value
            case 16 where name.equalsIgnoringCase("dandelion-tenant"): try Self.set(&tenant, value, "Dandelion-Tenant")
            case 17 where name.equalsIgnoringCase("dandelion-timeout"):
                try Self.set(&timeout, value, "Dandelion-Timeout")
            default: break
            }
        }
    }

    private static func set(_ slot: inout Bytes?, _ value: Bytes, _ name: StaticString) throws(Problem) {
        guard slot == nil else { throw .malformed("more than one \(name) field") }
        slot = value
    }
}

extension Problem {
    fileprivate static func foreignPage(_ field: StaticString, _ value: Bytes) -> Problem {
        Problem(
            .forbidden, "denied",
            "\(field) '\(value.text)': pages of other sites may not send requests; [access] of the configuration can allow their origins"
        )
    }

    fileprivate static var formRequest: Problem {
        Problem(
            .forbidden, "denied",
            "a page of another site could have sent this request; name another Content-Type, such as application/octet-stream, or send the field Dandelion-Client"
        )
    }
}

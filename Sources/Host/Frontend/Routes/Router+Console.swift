internal import Items
internal import Values

/// What the node serves for people and their tools: its console and its description.
extension Router {
    /// `/console`, the page and its parts, which hold nothing of the node's.
    func console(_ request: Request) throws(Problem) {
        try request.allow([.get, .head], "GET, HEAD")
        guard settings.recent != nil else { throw .noRoute }
        let path = request.head.pathBytes
        var response: Response
        if path.equals("/console") {
            response = Response(
                .ok, contentType: "text/html; charset=utf-8", .blob(Blob(PackageResources.console_html)))
        } else if path.equals("/console/console.css") {
            response = Response(.ok, contentType: "text/css; charset=utf-8", .blob(Blob(PackageResources.console_css)))
        } else if path.equals("/console/console.js") {
            response = Response(
                .ok, contentType: "text/javascript; charset=utf-8", .blob(Blob(PackageResources.console_js)))
        } else {
            throw .noRoute
        }
        response.fields = Self.strictly
        request.exchange.respond(response)
    }

    /// Nothing but the page's own parts is loaded or run, and nobody shows it in a frame.
    private static let strictly: [Response.Field] = [
        .init(
            name: "content-security-policy",
            value: "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
                + "form-action 'none'; frame-ancestors 'none'"),
        .init(name: "x-content-type-options", value: "nosniff"), .init(name: "referrer-policy", value: "no-referrer"),
        .init(name: "cache-control", value: "no-cache"),
    ]

    /// `/v1/openapi.json`
    func description(_ request: Request) throws(Problem) {
        try request.allow([.get, .head], "GET, HEAD")
        request.exchange.respond(
            Response(.ok, contentType: "application/json", .blob(Blob(PackageResources.openapi_json))))
    }

    /// `/v1/recent`: some of the invocations that ended lately, the latest first.
    func recent(_ request: Request) throws(Problem) {
        try request.allow([.get, .head], "GET, HEAD")
        guard let recent = settings.recent else { throw .noRoute }
        var json = JSONWriter()
        json.object { json in
            json.name("invocations")
            json.array { json in
                for line in recent.lines { line.withUnsafeBytes { json.text($0) } }
            }
        }
        request.exchange.respond(.json(json))
    }
}

internal import Engines
internal import Failure
internal import Values

/// `/v1/plugins`: what became of the node's plugins, and loading one anew.
extension Router {
    func plugins(_ name: String?, _ request: Request, on worker: Worker) throws(Problem) {
        guard let operations = settings.plugins else { throw .noRoute }
        guard let name else {
            try request.allow([.get, .head], "GET, HEAD")
            return request.exchange.respond(.json(.plugins(operations.plugins())))
        }
        guard name.hasSuffix("/reload") else { throw .noRoute }
        try request.allow([.post], "POST")
        let plugin = String(name.dropLast("/reload".count))
        offload(request.exchange, on: worker, to: control) { () throws(Problem) in
            do throws(Failure) {
                let facts = try operations.reload(plugin)
                var json = JSONWriter()
                json.write(facts)
                return .json(json)
            } catch {
                throw Problem(error)
            }
        }
    }
}

extension JSONWriter {
    static func plugins(_ all: [PluginFacts]) -> JSONWriter {
        var json = JSONWriter()
        json.object { json in
            json.name("plugins")
            json.array { json in
                for one in all { json.write(one) }
            }
        }
        return json
    }

    mutating func write(_ plugin: PluginFacts) {
        object { json in
            json.member("name", plugin.name)
            // Its name alone: where the node's files lie is nobody's matter.
            json.member("file", plugin.path.split(separator: "/").last.map(String.init) ?? "")
            json.member("availability", plugin.availability)
            json.member("reason", ServerPaths.hidden(in: plugin.reason))
            json.member("id", plugin.id)
            json.member("version", plugin.version)
            json.member("sha256", plugin.sha256)
            json.strings("interfaces", plugin.interfaces)
            json.member("generation", plugin.generation)
            json.member("draining", plugin.draining)
            json.member("quarantined", ServerPaths.hidden(in: plugin.quarantine))
        }
    }
}

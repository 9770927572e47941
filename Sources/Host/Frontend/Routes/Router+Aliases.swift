internal import Engines
internal import Failure
internal import Registry
internal import Values

/// `/v1/aliases`: which versions callers get.
extension Router {
    func aliases(_ request: Request, on worker: Worker) throws(Problem) {
        try request.allow([.get, .head], "GET, HEAD")
        _ = try Query.parameters(request.head.queryBytes, known: [])
        let space = space(request.head)
        offload(request.exchange, on: worker, to: observers) { () throws(Problem) in
            var json = JSONWriter()
            json.object { json in
                json.name("aliases")
                json.array { json in
                    for alias in space.aliases() { json.write(alias) }
                }
            }
            return .json(json)
        }
    }

    func alias(_ text: String, _ request: Request, on worker: Worker) throws(Problem) {
        let space = space(request.head)
        switch request.head.method {
        case .get, .head:
            offload(request.exchange, on: worker, to: observers) { () throws(Problem) in
                do throws(Failure) { return .alias(try space.alias(text)) } catch { throw Problem(error) }
            }
        case .put:
            let shares = try Self.shares(request.head.queryBytes)
            offload(request.exchange, on: worker) { () throws(Problem) in
                do throws(Failure) { return .alias(try space.set(alias: text, to: shares)) } catch {
                    throw Problem(error)
                }
            }
        case .delete:
            offload(request.exchange, on: worker) { () throws(Problem) in
                do throws(Failure) { try space.remove(alias: text) } catch { throw Problem(error) }
                return Response(.noContent)
            }
        default: throw .methodNotAllowed("GET, HEAD, PUT, DELETE")
        }
    }

    /// `to=3`, `to=2:90,3:10`, or nil for `to=previous`.
    private static func shares(_ query: Bytes) throws(Problem) -> [VersionAlias.Share]? {
        let expected = "a version, versions with weights such as 2:90,3:10, or 'previous'"
        guard let text = try Query.parameters(query, known: ["to"])["to"] else {
            throw .malformed("parameter to is missing: \(expected)")
        }
        guard text != "previous" else { return nil }
        let shares = text.split(separator: ",", omittingEmptySubsequences: false).map { part -> VersionAlias.Share? in
            let numbers = part.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
            guard let version = numbers.first ?? nil, numbers.count <= 2, version > 0 else { return nil }
            guard numbers.count == 2 else { return VersionAlias.Share(version: version, weight: 1) }
            return numbers[1].map { VersionAlias.Share(version: version, weight: $0) }
        }
        guard !shares.contains(nil) else { throw .malformed("parameter to is '\(text)', not \(expected)") }
        return shares.compactMap { $0 }
    }
}

extension Response {
    fileprivate static func alias(_ alias: RegisteredAlias) -> Response {
        var json = JSONWriter()
        json.write(alias)
        return .json(json)
    }
}

extension JSONWriter {
    mutating func write(_ alias: RegisteredAlias) {
        object { json in
            json.member("name", alias.text)
            json.write("versions", alias.value.shares)
            json.write("previous", alias.value.previous)
        }
    }

    private mutating func write(_ name: String, _ shares: [VersionAlias.Share]) {
        self.name(name)
        array { json in
            for share in shares {
                json.object { json in
                    json.member("version", share.version)
                    json.member("weight", share.weight)
                }
            }
        }
    }

    /// The versions of a name from the oldest on, and its aliases.
    mutating func write(history name: String, _ space: Space) {
        self.name("history")
        array { json in
            for entry in space.versions(of: name) {
                json.object { json in
                    switch entry {
                    case .function(let function):
                        json.member("version", function.version)
                        json.member("image", "sha256:\(function.digest)")
                    case .composition(let composition): json.member("version", composition.version)
                    case .communication: break
                    }
                }
            }
        }
        self.name("aliases")
        array { json in
            for alias in space.aliases(of: name) { json.write(alias) }
        }
    }
}

internal import Config
internal import Engines
internal import Failure
internal import Identity
internal import Items
internal import Memory
internal import Registry
internal import Values

/// `/v1/…`: the routes for people with curl.
extension Router {
    func routePlain(_ route: Route, _ request: Request, _ worker: Worker) throws(Problem) {
        switch route {
        case .invoke:
            let name = try request.name()
            try request.allow([.post], "POST")
            try invokePlain(name, request, on: worker)
        case .function: try function(try request.name(), request, on: worker)
        case .composition: try composition(try request.name(), request, on: worker)
        case .functions: try list(request, on: worker) { space, page in .functions(space, page) }
        case .compositions: try list(request, on: worker) { space, page in .compositions(space, page) }
        case .aliases: try aliases(request, on: worker)
        case .alias: try alias(try request.name(), request, on: worker)
        case .plugins: try plugins(nil, request, on: worker)
        case .plugin: try plugins(try request.name(), request, on: worker)
        case .invocations: try invocations(request, on: worker)
        case .invocation: try invocation(try request.name(), request, on: worker)
        case .schedules: try schedules(request, on: worker)
        case .schedule: try schedule(try request.name(), request, on: worker)
        case .nodes: try nodes(request, on: worker)
        case .content: try content(try request.name(), request, on: worker)
        case .payload: try payload(try request.name(), request, on: worker)
        default: throw .noRoute
        }
    }

    private func list(
        _ request: Request, on worker: Worker, _ write: @escaping @Sendable (Space, ListingPage) -> JSONWriter
    ) throws(Problem) {
        try request.allow([.get, .head], "GET, HEAD")
        let page = try ListingPage(request.head.queryBytes)
        let space = space(request.head)
        offload(request.exchange, on: worker, to: observers) { () throws(Problem) in
            .json(write(space, page))
        }
    }

    private func function(_ name: String, _ request: Request, on worker: Worker) throws(Problem) {
        let space = space(request.head)
        switch request.head.method {
        case .get, .head:
            guard case .function(let function) = space.entry(named: name) else {
                throw Problem(space.nothing(named: name, kind: "function"))
            }
            let wanted = try Query.parameters(request.head.queryBytes, known: ["image"])["image"]
            guard wanted == nil || wanted == "true" || wanted == "false" else {
                throw .malformed("parameter image is '\(wanted ?? "")', not true or false")
            }
            guard wanted != "true" else { return try image(of: function, request, on: worker) }
            // It may have a thousand sets with long names.
            offload(request.exchange, on: worker, to: observers) { () throws(Problem) in
                var json = JSONWriter()
                json.write(function, history: space)
                return .json(json)
            }
        case .put: try putFunction(name, request, on: worker)
        case .delete:
            offload(request.exchange, on: worker) { () throws(Problem) in
                do throws(Failure) { try space.removeFunction(name) } catch { throw Problem(error) }
                return Response(.noContent)
            }
        default: throw .methodNotAllowed("GET, HEAD, PUT, DELETE")
        }
    }

    /// What it was registered with, for who may register; published functions are for running.
    private func image(of function: RegisteredFunction, _ request: Request, on worker: Worker) throws(Problem) {
        guard request.head.caller?.identity.roles.contains(.register) ?? true else {
            throw Problem(.forbidden, "denied", "an image is given to who has the role 'register'")
        }
        let (own, account) = (space(request.head).name, account(request.head))
        offload(request.exchange, on: worker) { [catalogue] () throws(Problem) in
            do throws(Failure) {
                guard function.definition.space == own else {
                    throw Failure(
                        .denied, "'\(function.definition.name)' is another tenant's: its image is not given away")
                }
                let image = try catalogue.content(function.digest, account)
                return Response(.ok, contentType: "application/octet-stream", .blob(image))
            } catch { throw Problem(error) }
        }
    }

    private func composition(_ name: String, _ request: Request, on worker: Worker) throws(Problem) {
        let space = space(request.head)
        switch request.head.method {
        case .get, .head:
            guard case .composition(let composition) = space.entry(named: name) else {
                throw Problem(space.nothing(named: name, kind: "composition"))
            }
            offload(request.exchange, on: worker, to: observers) { () throws(Problem) in
                var json = JSONWriter()
                // What is published is what it takes and gives, not how it is made.
                json.write(composition, history: composition.space.name == space.name ? space : nil)
                return .json(json)
            }
        case .put:
            let body = request.body
            let account = account(request.head)
            offload(request.exchange, on: worker) { () throws(Problem) in
                guard let text = body.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else {
                    throw .malformed("the composition's text is not valid UTF-8")
                }
                let made: [(name: String, version: Int)]
                do throws(Failure) {
                    made = try space.register(compositions: text, account: account, expecting: name, as: .next)
                } catch {
                    throw Problem(error)
                }
                var json = JSONWriter()
                json.object { json in
                    json.strings("compositions", made.map(\.name))
                    json.name("versions")
                    json.array { json in
                        for one in made { json.number(one.version) }
                    }
                }
                return .json(json, .created)
            }
        case .delete:
            offload(request.exchange, on: worker) { () throws(Problem) in
                do throws(Failure) { try space.removeComposition(name) } catch { throw Problem(error) }
                return Response(.noContent)
            }
        default: throw .methodNotAllowed("GET, HEAD, PUT, DELETE")
        }
    }

    private func putFunction(_ name: String, _ request: Request, on worker: Worker) throws(Problem) {
        let parameters = try FunctionParameters(request.head.queryBytes)
        let body = request.body
        let type = request.head.value("content-type").map { [UInt8]($0) } ?? []
        let router = self
        let registrant = registrant(request.head)
        let account = registrant.account
        offload(request.exchange, on: worker) { () throws(Problem) in
            var sets: [ItemSet] = []
            var image = body
            if type.withUnsafeBytes({ MediaType(contentType: $0) }) == .multipart {
                sets = try type.parseMultipart(body, account).sets
                image = sets.first { $0.name.text == "image" }?.items.first?.data ?? .empty
            }
            let definition = try parameters.definition(of: name, bound: sets)
            let made: (version: Int, hasReplaced: Bool)
            let place: VersionPlace = parameters.replace ? .newest : .next
            if let path = parameters.path {
                made = try router.register(definition, localPath: path, registrant, as: place)
            } else {
                do throws(Failure) {
                    made = try registrant.space.register(
                        definition, image: image, account: account, weight: registrant.weight, as: place)
                } catch { throw Problem(error) }
            }
            guard case .function(let function) = registrant.space.version(made.version, of: name) else {
                throw Problem(registrant.space.nothing(named: name, kind: "function"))
            }
            var json = JSONWriter()
            json.write(function, history: registrant.space)
            return .json(json, made.hasReplaced ? .ok : .created)
        }
    }
}

extension Request {
    /// What follows `/v1/COLLECTION/`.
    fileprivate func name() throws(Problem) -> String {
        let path = head.pathBytes
        let slash = path.firstIndex(of: ASCII.slash, from: "/v1/".utf8.count) ?? path.count - 1
        guard let name = Query.decode(path.part(slash + 1..<path.count)), !name.isEmpty else {
            throw .malformed("the name in the path is empty or not percent-encoded UTF-8")
        }
        return name
    }
}

extension [UInt8] {
    /// Reads `body` with these bytes as its Content-Type.
    func parseMultipart(_ body: Blob, _ account: MemoryAccount) throws(Problem) -> DecodedSets {
        // Array's own withUnsafeBytes has no typed errors; a Blob's has.
        try Blob(self).withUnsafeBytes { (type) throws(Problem) in
            try Multipart.parse(body, contentType: type, account: account)
        }
    }
}

internal import Dispatcher
internal import Engines
internal import Failure
internal import Items
internal import Memory
internal import Registry
internal import Telemetry

/// The original's routes: BSON in, BSON out.
extension Router {
    /// `/hot/…` and `/cold/…`: the body says what to run, the rest of the path means nothing.
    func invokeDocument(_ request: Request, fresh: Bool, on worker: Worker) throws(Problem) {
        let fleet = fleet(for: request)
        let tenant = fleet == nil ? try tenant(request.head) : try anyTenant(request.head)
        let terms = InvocationTerms(
            tenant: tenant, space: space(request.head), deadline: try deadline(request), fresh: fresh)
        let exchange = named(request.exchange, request.head)
        let body = request.body
        if let fleet {
            let passage = Passage(
                request, name: nil, entry: nil, space: terms.space.name, tenant: tenant, deadline: terms.deadline,
                exchange: request.exchange
            ) { [self] () throws(Problem) in try begin(body, terms, exchange, worker) }
            if try passOn(passage, fleet, on: worker) { return }
            try admit(tenant)
        }
        try begin(body, terms, exchange, worker)
    }

    private func begin(
        _ body: Blob, _ terms: InvocationTerms, _ exchange: Exchange, _ worker: Worker
    ) throws(Problem) {
        terms.tenant.received(body.count)
        if let read = try document(body, terms, itemsAtMost: Self.fewItems), read.textLength <= Self.longText,
            let target = try target(of: read, in: terms.space, suggests: false)
        {
            return start(read, target, terms, exchange, worker)
        }
        try takeApart(body, terms, exchange, worker)
    }

    private func takeApart(
        _ body: Blob, _ terms: InvocationTerms, _ exchange: Exchange, _ worker: Worker
    ) throws(Problem) {
        try takeApart(for: exchange, on: worker) { [self] () throws(Problem) in
            guard let whole = try document(body, terms, itemsAtMost: ItemCounter.most),
                let target = try target(of: whole, in: terms.space, suggests: true)
            else { return nil }
            return (whole, target)
        } next: { (document, target) throws(Problem) in
            self.start(document, target, terms, exchange, worker)
        }
    }

    /// Documents with more sets and items are read by a helper thread.
    private static let fewItems = 64
    /// Compositions beyond this are compiled there: a short text takes some microseconds, a megabyte tenths of a second.
    private static let longText = 4 << 10

    /// - Returns: nil when there are more items than `limit`, which is less than any body may have.
    private func document(
        _ body: Blob, _ terms: InvocationTerms, itemsAtMost limit: Int
    ) throws(Problem) -> InvocationDocument? {
        do {
            return try InvocationDocument(body, counter: ItemCounter(terms.tenant.memory, limit: limit))
        } catch {
            if limit < ItemCounter.most, error.refusal?.status == .contentTooLarge { return nil }
            throw error.problem
        }
    }

    /// - Parameter suggests: Errors name the nearest of the registered names, which takes a while: without, nil is returned
    ///   where there is an error.
    private func target(
        of document: InvocationDocument, in space: Space, suggests: Bool
    ) throws(Problem) -> InvocationRequest.Target? {
        switch document.target {
        case .name(let name): return .name(name.text)
        case .composition(let text):
            do throws(Failure) {
                return .composition(try space.compileOnce(text.text, suggests: suggests))
            } catch {
                if suggests { throw Problem(error) }
                return nil
            }
        case nil: throw .malformed("neither name nor composition is given")
        }
    }

    private func start(
        _ document: InvocationDocument, _ target: InvocationRequest.Target, _ terms: InvocationTerms,
        _ exchange: Exchange, _ worker: Worker
    ) {
        let invocation = InvocationRequest(
            target: target, inputs: document.inputs.sets, fresh: terms.fresh, deadline: terms.deadline,
            tenant: terms.tenant, space: terms.space)
        invoke(invocation, holding: document.inputs.charge, for: exchange, on: worker) {
            [self, tenant = terms.tenant] exchange, outcome, outputs in
            // The original's replies name no type.
            reply(OutputReply(original: outputs, of: outcome), to: exchange, for: tenant, on: worker)
        }
    }

    /// `POST /register/function`
    func registerFunction(_ request: Request, on worker: Worker) {
        let body = request.body
        let router = self
        let registrant = registrant(request.head)
        let account = registrant.account
        offload(request.exchange, on: worker) { () throws(Problem) in
            let document: FunctionDocument
            do throws(BSONError) { document = try FunctionDocument(body, counter: ItemCounter(account)) } catch {
                throw error.problem
            }
            defer { withExtendedLifetime(document.charge) {} }
            if let path = document.localPath {
                try router.register(document.definition, localPath: path, registrant)
            } else {
                do throws(Failure) {
                    try registrant.space.register(
                        document.definition, image: document.binary, account: account, weight: registrant.weight)
                } catch { throw Problem(error) }
            }
            return .registered(document.definition.name)
        }
    }

    /// `POST /register/composition`
    func registerComposition(_ request: Request, on worker: Worker) {
        let body = request.body
        let registrant = registrant(request.head)
        offload(request.exchange, on: worker) { () throws(Problem) in
            let document: CompositionDocument
            do throws(BSONError) { document = try CompositionDocument(body) } catch { throw error.problem }
            let names: [String]
            do throws(Failure) {
                names = try registrant.space.register(compositions: document.text, account: registrant.account)
                    .map(\.name)
            } catch { throw Problem(error) }
            return .registered(names.joined(separator: ", "))
        }
    }

    /// Registers a function whose image is a file of this machine, if the operator allows that. Blocks.
    /// - Returns: which version it is, and whether it took another's place.
    /// - Throws: the same for a file that is not there, cannot be read, or is no image: clients are not told what exists.
    @discardableResult
    func register(
        _ definition: FunctionDefinition, localPath path: String, _ registrant: Registrant,
        as place: VersionPlace = .free
    ) throws(Problem) -> (version: Int, hasReplaced: Bool) {
        guard settings.allowsLocalPath else {
            throw Problem(Failure(.denied, "this node's configuration does not allow local paths"))
        }
        let space = registrant.space
        do throws(Failure) { try space.check(definition, as: place) } catch { throw Problem(error) }
        do throws(Failure) {
            return try space.register(
                definition, image: try LocalFile.read(path, registrant.account), account: registrant.account,
                weight: registrant.weight, as: place)
        } catch {
            switch error.kind {
            case .conflict, .busy, .memory, .unavailable, .deadline, .cancelled: throw Problem(error)
            default:
                Log.info("no image for '\(definition.name)': \(error.detail)")
                throw .malformed("the local path names no image that the class '\(definition.className)' can run")
            }
        }
    }
}

extension Response {
    /// The original's words, whatever it was.
    fileprivate static func registered(_ name: String) -> Response {
        var response = Response(.ok, .text("Function registered"))
        response.subject = name
        return response
    }
}

/// What a request says beside its document.
private struct InvocationTerms: Sendable {
    let tenant: Tenant
    let space: Space
    let deadline: UInt64
    let fresh: Bool
}

extension InvocationDocument {
    /// Bytes of a composition's text; 0 for a name.
    fileprivate var textLength: Int {
        if case .composition(let text) = target { text.count } else { 0 }
    }
}

extension FunctionDocument {
    var definition: FunctionDefinition {
        FunctionDefinition(
            name: name, className: engineType, memoryLimit: contextSize == 0 ? nil : UInt64(contextSize),
            inputs: inputs.map { FunctionDefinition.Input(name: $0.name, bound: $0.fixed) }, outputs: outputs,
            minSetBytes: minimumSizes.map { UInt64($0) })
    }
}

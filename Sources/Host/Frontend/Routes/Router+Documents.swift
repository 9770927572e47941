internal import Dispatcher
internal import Engines
internal import Failure
internal import Items
internal import Memory
internal import Registry

/// The original's routes: BSON in, BSON out.
extension Router {
    /// `/hot/…` and `/cold/…`: the body says what to run, the rest of the path means nothing.
    func invokeDocument(_ request: Request, fresh: Bool, on worker: Worker) throws(Problem) {
        let body = request.body
        let exchange = request.exchange
        let terms = InvocationTerms(
            tenant: try tenant(request.head), deadline: try deadline(request), fresh: fresh)
        let read = body.count <= Self.longDocument ? try Self.document(body) : nil
        if let read, read.textLength <= Self.longText {
            return start(read, try target(of: read), terms, exchange, worker)
        }
        try takeApart(for: exchange, on: worker) { () throws(Problem) in
            let document = if let read { read } else { try Self.document(body) }
            return (document, try self.target(of: document))
        } next: { (document, target) throws(Problem) in
            self.start(document, target, terms, exchange, worker)
        }
    }

    /// Documents beyond this may hold so many items that a helper thread reads them.
    private static let longDocument = 1 << 20
    /// Compositions beyond this are compiled there: a short text takes some microseconds, a megabyte tenths of a second.
    private static let longText = 4 << 10

    private static func document(_ body: Blob) throws(Problem) -> InvocationDocument {
        do { return try InvocationDocument(body) } catch { throw error.problem }
    }

    private func target(of document: InvocationDocument) throws(Problem) -> InvocationRequest.Target {
        switch document.target {
        case .name(let name): return .name(name.text)
        case .composition(let text):
            do { return .composition(try catalogue.compileOnce(text.text)) } catch { throw Problem(error) }
        case nil: throw .malformed("neither name nor composition is given")
        }
    }

    private func start(
        _ document: InvocationDocument, _ target: InvocationRequest.Target, _ terms: InvocationTerms,
        _ exchange: Exchange, _ worker: Worker
    ) {
        let invocation = InvocationRequest(
            target: target, inputs: document.sets, fresh: terms.fresh, deadline: terms.deadline,
            tenant: terms.tenant)
        invoke(invocation, for: exchange, on: worker) { outcome, sets in
            do throws(Failure) {
                let reply = try BSONReply(sets.map(\.set))
                // The original's replies name no type.
                var response = Response(.ok, .bson(reply))
                response.add(exitCode: outcome.exitCode)
                response.add(outcome.timeline)
                exchange.respond(response)
            } catch {
                exchange.fail(Problem(error))
            }
        }
    }

    /// `POST /register/function`
    func registerFunction(_ request: Request, on worker: Worker) {
        let body = request.body
        let router = self
        let account = account(request.head)
        offload(request.exchange, on: worker) { () throws(Problem) in
            let document: FunctionDocument
            do throws(BSONError) { document = try FunctionDocument(body) } catch { throw error.problem }
            let image = try document.localPath.map { (path) throws(Problem) in
                try router.localImage(path, account)
            }
            do throws(Failure) {
                try router.catalogue.register(document.definition, image: image ?? document.binary, account: account)
            } catch {
                throw Problem(error)
            }
            return Response(.ok, .text("Function registered"))
        }
    }

    /// `POST /register/composition`
    func registerComposition(_ request: Request, on worker: Worker) {
        let body = request.body
        let account = account(request.head)
        offload(request.exchange, on: worker) { [catalogue] () throws(Problem) in
            let document: CompositionDocument
            do throws(BSONError) { document = try CompositionDocument(body) } catch { throw error.problem }
            do throws(Failure) { _ = try catalogue.register(compositions: document.text, account: account) } catch {
                throw Problem(error)
            }
            return Response(.ok, .text("Function registered"))
        }
    }

    /// Reads an image from a file of this machine, if the operator allows that. Blocks.
    func localImage(_ path: String, _ account: MemoryAccount) throws(Problem) -> Blob {
        guard settings.allowsLocalPath else {
            throw Problem(Failure(.denied, "this node's configuration does not allow local paths"))
        }
        do { return try LocalFile.read(path, account) } catch { throw Problem(error) }
    }
}

/// What a request says beside its document.
private struct InvocationTerms: Sendable {
    let tenant: Tenant
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

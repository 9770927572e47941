internal import Composition
internal import Config
internal import Dispatcher
internal import Durable
internal import Engines
internal import Failure
internal import Items
internal import Memory
internal import Platform
internal import Registry

/// `POST /v1/invoke/{name}`: input sets and reply in the formats that the request's fields name.
extension Router {
    /// Bytes of a body of text that the worker reads itself.
    private static let shortText = 16 << 10

    func invokePlain(_ name: String, _ request: Request, on worker: Worker) throws(Problem) {
        let terms = try DurableTerms(request.head)
        let waits = terms?.isAsync == true && settings.durable != nil
        let fleet = terms == nil ? fleet(for: request) : nil
        let wish = try PlainWish(
            name, request,
            tenant: waits
                ? try lenientTenant(request.head)
                : fleet != nil ? try anyTenant(request.head) : try tenant(request.head),
            space: space(request.head), time: try time(request))
        let entry = wish.space.entry(named: name)
        let form = entry.map { InvocationForm(request, $0, account: wish.tenant.memory) }
        let exchange = named(request.exchange, request.head)
        if let fleet {
            let deadline = Self.deadline(in: wish.time)
            let passage = Passage(
                request, name: name, entry: entry, space: wish.space.name, tenant: wish.tenant,
                deadline: deadline, exchange: request.exchange
            ) { [self] () throws(Problem) in
                if let form { try begin(wish.left(until: deadline), form, exchange, worker) }
            }
            if try passOn(passage, fleet, on: worker) { return }
            try admit(wish.tenant)
        }
        guard let form else { throw Problem(wish.space.nothing(named: name)) }
        // A preference need not be heeded, a key must.
        if let terms, settings.durable != nil || terms.key != nil {
            wish.tenant.received(request.body.count)
            return try keep(wish, terms, form, request, on: worker)
        }
        try begin(wish, form, exchange, worker)
    }

    private func begin(
        _ wish: PlainWish, _ form: InvocationForm, _ exchange: Exchange, _ worker: Worker
    ) throws(Problem) {
        wish.tenant.received(form.count)
        guard form.isShort(Self.shortText) else {
            return try takeApart(for: exchange, on: worker, form.readOn) { inputs in
                self.start(wish, inputs, exchange, worker)
            }
        }
        start(wish, try form.sets(), exchange, worker)
    }

    private func keep(
        _ wish: PlainWish, _ terms: DurableTerms, _ form: InvocationForm, _ request: Request, on worker: Worker
    ) throws(Problem) {
        let exchange = request.exchange
        let limit = Int(try durable().settings.maxPayload)
        let order = InvocationOrder(
            owner: try owner(request.head), name: wish.name, className: wish.className, fresh: wish.fresh,
            time: wish.time)
        let prepare: @Sendable () throws(Problem) -> DurableInput? = { () throws(Problem) in
            guard let sets = try form.readOn() else { return nil }
            return try DurableInput(
                sets, order, key: terms.key, type: form.type, limit: limit, wish.tenant.memory)
        }
        let next: @Sendable (DurableInput) throws(Problem) -> Void = { [self] (input) throws(Problem) in
            try keep(order, input, terms, accept: wish.accept, for: exchange, on: worker)
        }
        guard request.body.count <= Self.shortText, let input = try prepare() else {
            return try takeApart(for: exchange, on: worker, prepare, next: next)
        }
        try next(input)
    }

    private func start(_ wish: PlainWish, _ inputs: DecodedSets, _ exchange: Exchange, _ worker: Worker) {
        let invocation = InvocationRequest(
            target: .name(wish.name), inputs: inputs.sets, fresh: wish.fresh, deadline: Self.deadline(in: wish.time),
            className: wish.className, tenant: wish.tenant, space: wish.space)
        invoke(invocation, holding: inputs.charge, for: exchange, on: worker) {
            [self, tenant = wish.tenant, accept = wish.accept] exchange, outcome, outputs in
            reply(OutputReply(outputs, of: outcome, accept: accept), to: exchange, for: tenant, on: worker)
        }
    }
}

/// What a request says beside its body.
private struct PlainWish: Sendable {
    let name: String
    let className: String?
    let fresh: Bool
    /// Nanoseconds; 0 = no matter.
    private(set) var time: UInt64
    let tenant: Tenant
    let space: Space
    let accept: [UInt8]?

    init(_ name: String, _ request: Request, tenant: Tenant, space: Space, time: UInt64) throws(Problem) {
        let parameters = try Query.parameters(request.head.queryBytes, known: ["class", "fresh"])
        self.name = name
        self.time = time
        self.tenant = tenant
        self.space = space
        className = parameters["class"]
        fresh = parameters["fresh"] == "true"
        accept = request.head.value("accept").map { [UInt8]($0) }
        guard accept.preferred(of: MediaType.allCases) != nil else { throw .notAcceptable }
    }

    /// With what is left of its time when another node has had the request.
    func left(until deadline: UInt64) -> PlainWish {
        guard deadline != 0 else { return self }
        var left = self
        let now = Clock.now()
        left.time = deadline > now ? deadline - now : 1
        return left
    }
}

/// How a request carries its input sets.
final class InvocationForm: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: only `json` changes, and one thread at a time reads.
    let type: MediaType
    private let contentType: [UInt8]?
    private let body: Blob
    /// Names of inputs; nil = of nothing that has a signature: sets are taken as they come.
    private let declared: [String]?
    private let account: MemoryAccount
    private var json: JSONSetsReader?

    init(_ request: Request, _ entry: CatalogueEntry?, account: MemoryAccount) {
        let contentType = request.head.value("content-type")
        type = MediaType(contentType: contentType)
        self.contentType = contentType.map { [UInt8]($0) }
        body = request.body
        declared = entry.map { $0.signature.variants.first?.inputs ?? [] }
        self.account = account
    }

    /// Bytes of the body.
    var count: Int { body.count }

    /// The body is an item as it is, or of so many bytes at most.
    func isShort(_ limit: Int) -> Bool { type == .raw || body.count <= limit }

    /// By position.
    func sets() throws(Problem) -> DecodedSets {
        while true {
            if let sets = try readOn() { return sets }
        }
    }

    /// Reads a part of a long body.
    /// - Returns: nil when there is more to read.
    func readOn() throws(Problem) -> DecodedSets? {
        switch type {
        case .raw:
            // Neither content nor a type for it: no input.
            if body.count == 0, contentType == nil { return DecodedSets() }
            return try place(DecodedSets(sets: [ItemSet(name: .empty, items: [Item(ident: .empty, data: body)])]))
        case .json:
            var reader = json.take() ?? JSONSetsReader(body, account)
            guard let sets = try reader.advance(by: Self.slice) else {
                json = reader
                return nil
            }
            return try place(sets)
        case .multipart: return try place(try (contentType ?? []).parseMultipart(body, account))
        case .bson:
            do {
                return try InvocationDocument(body, counter: ItemCounter(account), needsTarget: false).inputs
            } catch { throw error.problem }
        }
    }

    /// Bytes of JSON that are read at a time.
    private static let slice = 1 << 20

    /// Named sets at the places of their inputs, those without a name at their own.
    private func place(_ decoded: DecodedSets) throws(Problem) -> DecodedSets {
        guard let declared else { return decoded }
        var places: [String: Int] = [:]
        for (index, name) in declared.enumerated() where places[name] == nil { places[name] = index }
        var placed: [ItemSet?] = declared.map { _ in nil }
        for (position, set) in decoded.sets.enumerated() {
            let name = set.name.text
            let index = name.isEmpty ? position : places[name] ?? declared.count
            guard index < declared.count else {
                throw .malformed("no input '\(name)' (set \(position)); there are: \(declared.joined(separator: ", "))")
            }
            guard placed[index] == nil else { throw .malformed("input '\(declared[index])' is given twice") }
            placed[index] = ItemSet(name: Blob(declared[index]), items: set.items)
        }
        let sets = zip(declared, placed).map { name, set in set ?? ItemSet(name: Blob(name)) }
        return DecodedSets(sets: sets, charge: decoded.charge)
    }
}

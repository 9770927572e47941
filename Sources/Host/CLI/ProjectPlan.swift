internal import Config
internal import Items
internal import Registry
internal import Transport
internal import Values

/// One step that brings a node nearer to a project.
struct ProjectStep {
    enum Sign: String {
        case make = "+"
        case change = "~"
        case remove = "-"
    }

    let sign: Sign
    /// "function", "composition", "alias" or "schedule".
    let kind: String
    let name: String
    /// What differs, in words.
    let difference: String
    let request: NodeRequest

    var line: [String] { [sign.rawValue + " " + kind, name, difference] }
}

/// What a node lacks of a project.
struct ProjectPlan {
    let node: NodeOptions
    let folder: String
    let project: Project

    /// Absent = 404.
    func facts(_ collection: String, _ name: String) throws -> ParsedValue? {
        let reply = try node.reach(NodeRequest("GET", ["v1", collection, name]))
        if reply.status == 404 { return nil }
        guard reply.isSuccess else { throw NodeOptions.refused(reply) }
        return try NodeOptions.json(reply)
    }

    private func file(_ path: String) -> String { path.hasPrefix("/") ? path : "\(folder)/\(path)" }

    // MARK: Functions

    func step(for function: Project.Function) throws -> ProjectStep? {
        let image = try Input.read(file(function.image.value))
        var body = Multipart()
        var definition = FunctionDefinition(
            name: function.name.value, className: function.className,
            inputs: function.inputs.map { FunctionDefinition.Input(name: $0) }, outputs: function.outputs)
        body.add(set: "image", ident: function.name.value, key: 0, data: image)
        for (input, files) in function.bound {
            var items: [Item] = []
            for path in files.map(\.value) {
                let data = try Input.read(file(path))
                let ident = path.split(separator: "/").last.map(String.init) ?? path
                body.add(set: input, ident: ident, key: 0, data: data)
                items.append(Item(ident: Blob(ident), data: Blob(data)))
            }
            for index in definition.inputs.indices where definition.inputs[index].name == input {
                definition.inputs[index].bound = items
            }
        }
        var request = NodeRequest(
            "PUT", ["v1", "functions", function.name.value],
            [
                "class": function.className, "inputs": function.inputs.joined(separator: ","),
                "outputs": function.outputs.joined(separator: ","), "memory": function.memory.map(Units.sizeText),
                "timeout": function.timeout.map(Units.timeText), "entry": function.entry,
                "min_set_bytes": function.minimumSizes.isEmpty
                    ? nil : function.minimumSizes.map(String.init).joined(separator: ","),
            ])
        if function.bound.isEmpty {
            request.fields = [("Content-Type", "application/octet-stream")]
            request.body = image
        } else {
            let (type, bytes) = body.body()
            request.fields = [("Content-Type", type)]
            request.body = bytes
        }
        let wanted = Self.traits(function, "sha256:\(Store.digest(of: Blob(image)))", definition.boundDigest)
        guard let now = try facts("functions", function.name.value) else {
            return ProjectStep(
                sign: .make, kind: "function", name: function.name.value, difference: "", request: request)
        }
        return Self.difference(wanted, Self.traits(now)).map {
            ProjectStep(sign: .change, kind: "function", name: function.name.value, difference: $0, request: request)
        }
    }

    /// What can differ, by name; "" where it is not given.
    private static func traits(_ function: Project.Function, _ image: String, _ bound: String?) -> [(String, String)] {
        [
            ("image", image), ("class", function.className.lowercased()),
            ("inputs", function.inputs.joined(separator: ",")), ("outputs", function.outputs.joined(separator: ",")),
            ("bind", bound.map { "sha256:\($0)" } ?? ""), ("entry", function.entry ?? ""),
            ("memory", function.memory.map(Units.sizeText) ?? ""),
            ("timeout", function.timeout.map(Units.timeText) ?? ""),
            ("min_set_bytes", function.minimumSizes.map(String.init).joined(separator: ",")),
        ]
    }

    private static func traits(_ facts: ParsedValue) -> [(String, String)] {
        func text(_ key: String) -> String { facts[key]?.text ?? "" }
        func list(_ key: String) -> String {
            (facts[key]?.elements ?? []).map { $0.text ?? $0.json }.joined(separator: ",")
        }
        return [
            ("image", text("image")), ("class", text("class").lowercased()), ("inputs", list("inputs")),
            ("outputs", list("outputs")), ("bind", text("bound_items")), ("entry", text("entry")),
            ("memory", text("memory")), ("timeout", text("timeout")), ("min_set_bytes", list("min_set_bytes")),
        ]
    }

    /// Nil: none.
    private static func difference(_ wanted: [(String, String)], _ now: [(String, String)]) -> String? {
        func shown(_ text: String) -> String { text.isEmpty ? "none" : text.count > 40 ? "\(text.prefix(15))…" : text }
        let changes = zip(wanted, now).filter { $0.1 != $1.1 }.map { wanted, now in
            "\(wanted.0) \(shown(now.1)) -> \(shown(wanted.1))"
        }
        return changes.isEmpty ? nil : changes.joined(separator: ", ")
    }

    // MARK: The others

    func step(for composition: Project.Composition) throws -> ProjectStep? {
        let text = try Input.read(file(composition.text.value))
        var request = NodeRequest("PUT", ["v1", "compositions", composition.name.value])
        request.fields = [("Content-Type", "text/plain; charset=utf-8")]
        request.body = text
        let now = try facts("compositions", composition.name.value)
        guard now?["text"]?.text != String(decoding: text, as: UTF8.self) else { return nil }
        return ProjectStep(
            sign: now == nil ? .make : .change, kind: "composition", name: composition.name.value,
            difference: now == nil ? "" : "text", request: request)
    }

    /// - Parameter isChanging: names that get a version more before.
    func step(for alias: Project.Alias, isChanging: Set<String>) throws -> ProjectStep? {
        let name = alias.name.value
        var versions = alias.versions
        if versions == "newest" {
            let base = String(name.prefix(upTo: name.lastIndex(of: "@") ?? name.endIndex))
            let facts = try facts("functions", base) ?? facts("compositions", base)
            guard case .integer(let newest)? = facts?["version"]?.kind else {
                return ProjectStep(
                    sign: .make, kind: "alias", name: name, difference: "-> 1",
                    request: NodeRequest("PUT", ["v1", "aliases", name], ["to": "1"]))
            }
            versions = "\(newest + (isChanging.contains(base) ? 1 : 0))"
        }
        let request = NodeRequest("PUT", ["v1", "aliases", name], ["to": versions])
        let reply = try node.reach(NodeRequest("GET", ["v1", "aliases", name]))
        guard reply.isSuccess else {
            return ProjectStep(sign: .make, kind: "alias", name: name, difference: "-> \(versions)", request: request)
        }
        let now = try NodeOptions.json(reply)["versions"]?.elements ?? []
        let text = Self.shares(now)
        guard text != versions, Self.shares(now, weights: true) != versions else { return nil }
        return ProjectStep(
            sign: .change, kind: "alias", name: name, difference: "\(text) -> \(versions)", request: request)
    }

    static func shares(_ shares: [ParsedValue], weights: Bool = false) -> String {
        shares.map { share in
            let version = share["version"]?.json ?? ""
            return shares.count > 1 || weights ? "\(version):\(share["weight"]?.json ?? "1")" : version
        }.joined(separator: ",")
    }

    func step(for schedule: Project.Schedule) throws -> ProjectStep? {
        let name = schedule.name.value
        var request = NodeRequest(
            "PUT", ["v1", "schedules", name],
            [
                "invoke": schedule.invoke, "cron": schedule.cron, "every": schedule.every.map(Units.timeText),
                "zone": schedule.zone, "missed": schedule.missed, "class": schedule.className,
            ])
        let timeout = schedule.timeout.map(Units.timeText)
        if let timeout { request.fields.append(("Dandelion-Timeout", timeout)) }
        guard let now = try facts("schedules", name) else {
            return ProjectStep(sign: .make, kind: "schedule", name: name, difference: "", request: request)
        }
        func text(_ key: String) -> String { now[key]?.text ?? "" }
        let wanted = [
            ("invoke", schedule.invoke), ("cron", schedule.cron ?? ""),
            ("every", schedule.every.map(Units.timeText) ?? ""),
            ("zone", schedule.cron == nil ? "" : schedule.zone ?? "UTC"), ("missed", schedule.missed ?? "skip"),
            ("class", schedule.className ?? ""), ("timeout", timeout ?? ""),
        ]
        return Self.difference(wanted, wanted.map { ($0.0, text($0.0)) }).map {
            ProjectStep(sign: .change, kind: "schedule", name: name, difference: $0, request: request)
        }
    }
}

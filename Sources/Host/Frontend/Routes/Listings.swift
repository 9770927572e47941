internal import Composition
internal import Config
internal import Items
internal import Registry
internal import Values

/// What is registered, as JSON.
extension JSONWriter {
    /// A page of a tenant's functions; with the first one, the node's communication functions and those that are published.
    static func functions(_ space: Space, _ page: ListingPage) -> JSONWriter {
        var json = JSONWriter()
        json.object { json in
            let functions = space.functions(after: page.after, limit: page.limit + 1)
            json.page("functions", functions, page, of: \.definition.name) { $0.write($1) }
            guard page.after == nil else { return }
            json.name("communication")
            json.array { json in
                for function in space.communications() {
                    json.write(communication: function.name, space.entry(named: function.name)?.signature)
                }
            }
            json.published(space) { entry in
                if case .function(let function) = entry { function } else { nil }
            } write: {
                $0.write($1)
            }
        }
        return json
    }

    static func compositions(_ space: Space, _ page: ListingPage) -> JSONWriter {
        var json = JSONWriter()
        json.object { json in
            let compositions = space.compositions(after: page.after, limit: page.limit + 1)
            json.page("compositions", compositions, page, of: \.graph.name) { $0.write($1) }
            guard page.after == nil else { return }
            json.published(space) { entry in
                if case .composition(let composition) = entry { composition } else { nil }
            } write: {
                $0.write($1)
            }
        }
        return json
    }

    /// What other tenants registered for all, if there is any of that kind.
    private mutating func published<Kind>(
        _ space: Space, _ kind: (CatalogueEntry) -> Kind?, write: (inout JSONWriter, Kind) -> Void
    ) {
        let all = space.published().compactMap(kind)
        guard !all.isEmpty else { return }
        name("published")
        array { json in
            for one in all { write(&json, one) }
        }
    }

    /// - Parameter space: where its versions and aliases are to be told from; nil: they are not.
    mutating func write(_ function: RegisteredFunction, history space: Space? = nil) {
        let definition = function.definition
        object { json in
            json.member("name", definition.name)
            json.member("class", definition.className)
            json.strings("inputs", definition.inputs.map(\.name))
            json.strings("bound", definition.inputs.filter { $0.bound != nil }.map(\.name))
            json.strings("outputs", definition.outputs)
            if let entry = definition.entry { json.member("entry", entry) }
            if let memory = definition.memoryLimit { json.member("memory", Units.sizeText(memory)) }
            if let timeout = definition.timeout { json.member("timeout", Units.timeText(timeout)) }
            json.member("image", "sha256:\(function.digest)")
            json.member("image_bytes", function.imageSize)
            json.member("version", function.version)
            json.name("versions")
            json.array { json in
                for version in function.versions {
                    json.object { json in
                        json.member("backend", version.backend)
                        json.member("version", version.name)
                        if let reason = version.reason { json.member("reason", reason) }
                    }
                }
            }
            if !definition.minSetBytes.isEmpty {
                json.name("min_set_bytes")
                json.array { json in
                    for size in definition.minSetBytes { json.number("\(size)") }
                }
            }
            guard let space else { return }
            if let digest = definition.boundDigest { json.member("bound_items", "sha256:\(digest)") }
            json.write(history: definition.name, space)
        }
    }

    private mutating func write(communication name: String, _ signature: Signature?) {
        object { json in
            json.member("name", name)
            json.name("signatures")
            json.array { json in
                for variant in signature?.variants ?? [] {
                    json.object { json in
                        json.strings("inputs", variant.inputs)
                        json.strings("outputs", variant.outputs)
                    }
                }
            }
        }
    }

    /// - Parameter space: where its versions and aliases are to be told from, with its text; nil: they are not.
    mutating func write(_ composition: RegisteredComposition, history space: Space? = nil) {
        let graph = composition.graph
        object { json in
            json.member("name", graph.name)
            json.member("version", composition.version)
            json.strings("inputs", graph.inputNames)
            json.strings("outputs", graph.outputNames)
            guard let space else { return }
            json.member("text", composition.text)
            json.write(history: graph.name, space)
            json.name("calls")
            json.array { json in
                for call in graph.calls { json.write(call, of: graph) }
            }
        }
    }

    /// What is called, with which sets, and what that makes.
    private mutating func write(_ call: Call, of graph: CompositionGraph) {
        object { json in
            json.member("function", graph.targets[call.target].name)
            json.name("inputs")
            json.array { json in
                for case let binding? in call.inputs {
                    json.object { json in
                        json.member("set", graph.setNames[binding.set])
                        json.member("sharding", binding.sharding.rawValue)
                        json.name("optional")
                        json.number(binding.optional ? "true" : "false")
                    }
                }
            }
            json.strings("outputs", call.outputs.compactMap { $0.map { graph.setNames[$0] } })
        }
    }

    mutating func strings(_ name: String, _ values: [String]) {
        self.name(name)
        array { json in
            for value in values { json.string(value) }
        }
    }
}

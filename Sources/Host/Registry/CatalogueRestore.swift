internal import Composition
internal import Failure
internal import Memory
internal import Synchronization
internal import Telemetry

/// What was registered before the node was started.
extension Catalogue {
    /// Brings it back; damaged or no longer fitting entries are told to the log and stay stored.
    public func restore() {
        for stored in store.functions() { adopt(stored) }
        for stored in store.aliases() {
            kept(space(of: stored.space)).table.withLock { $0.set(stored.value, stored.alias, of: stored.name) }
        }
        var waiting = store.compositions()
        while !waiting.isEmpty {
            var failed: [(StoredComposition, Failure)] = []
            var last: CompiledText?
            for stored in waiting {
                let compiled = last.flatMap { $0.serves(stored) ? $0 : nil } ?? compile(stored)
                last = compiled
                do { try adopt(stored, compiled) } catch { failed.append((stored, error)) }
            }
            if failed.count == waiting.count {
                for (stored, failure) in failed {
                    Log.error("composition '\(stored.name)' cannot be restored: \(failure.detail)")
                }
                return
            }
            waiting = failed.map(\.0)
        }
    }

    private func adopt(_ stored: StoredFunction) {
        let account = store.memory.account(named: stored.definition.tenant)
        defer { account.close() }
        var charge = MemoryCharge(account, .functions)
        charge.note(stored.definition.recordBytes)
        let function = RegisteredFunction(
            stored.definition, version: stored.version, digest: stored.digest, imageSize: stored.imageSize,
            catalogue: self, charge: charge)
        kept(space(of: stored.definition.space)).table.withLock { $0.add(function) }
    }

    /// One text may define thousands of compositions, each of which is stored: it is compiled and charged once for all, as
    /// when it was registered.
    private struct CompiledText {
        let text: String
        let tenant: String
        let space: Space
        let graphs: Result<[String: CompositionGraph], Failure>
        let charge: MemoryHold

        func serves(_ stored: StoredComposition) -> Bool {
            text == stored.text && tenant == stored.tenant && space.name == stored.space
        }
    }

    private func compile(_ stored: StoredComposition) -> CompiledText {
        let account = store.memory.account(named: stored.tenant)
        defer { account.close() }
        let space = kept(space(of: stored.space))
        let charge = MemoryHold(noting: Self.bytes(ofText: stored.text), account, .compositions)
        return CompiledText(
            text: stored.text, tenant: stored.tenant, space: space, graphs: Self.graphs(of: stored.text, in: space),
            charge: charge)
    }

    private static func graphs(of text: String, in space: Space) -> Result<[String: CompositionGraph], Failure> {
        // Whatever the config says by now: the bound of the invocation holds in any case.
        var environment = space.environment()
        environment.mostCalls = .max
        do throws(Failure) {
            let graphs = try CompositionGraph.compile(text, in: environment, taken: .shadowed)
            return .success(Dictionary(graphs.map { ($0.name, $0) }) { first, _ in first })
        } catch {
            return .failure(error)
        }
    }

    private func adopt(_ stored: StoredComposition, _ compiled: CompiledText) throws(Failure) {
        guard let graph = try compiled.graphs.get()[stored.name] else {
            throw Failure(.invalid, "its text does not define it")
        }
        let composition = RegisteredComposition(
            graph, version: stored.version, text: compiled.text, of: (try compiled.graphs.get()).count,
            space: compiled.space,
            charge: compiled.charge)
        compiled.space.table.withLock { $0.add(composition) }
    }
}

internal import Failure
internal import Items
internal import Memory
internal import Platform
internal import PluginHost
internal import Registry
internal import Synchronization
internal import Telemetry

/// The fleet's registry and this node's part of it: what is registered here is claimed there first, and what others have
/// registered is brought here.
///
/// A name is claimed by compare-and-set in two steps, pending and done, so that a node which dies between them leaves nothing
/// that nobody has. Names that were removed stay as such: else a node that was away would bring them back.
final class SharedRegistry: RegistrationWitness {
    let engine: FleetEngine
    private let catalogue: Catalogue
    private let budget: MemoryBudget
    private let members: Members
    private let fetch: ContentFetch
    /// This node's.
    private let address: String
    private let state = Mutex(State())
    private let worker = Parker()
    /// Called when `applied` has grown.
    private let told: @Sendable () -> Void

    static let prefix = "name"
    /// Of one call to the engine, ns.
    static let patience: UInt64 = 2_000_000_000
    /// How long a registration waits for a second node to have it, ns.
    private static let copyTime: UInt64 = 2_000_000_000
    private static let failed = Metrics.shared.cell(
        "dandelion_fleet_failed_copies_total", "Attempts to bring here what another node registered that failed.")

    struct Known: Sendable {
        var revision: UInt64
        var shared: SharedName
    }

    fileprivate struct State {
        var names: [String: Known] = [:]
        /// What is registered here, by key.
        var local: [String: SharedName.Content] = [:]
        /// Keys whose names may have to change here, with the moment to look at them.
        var due: [String: UInt64] = [:]
        /// How often bringing a key here has failed.
        var failures: [String: Int] = [:]
        /// Claims whose end could not be told to the engine.
        var untold: [String: Known] = [:]
        var seen: UInt64 = 0
        /// All that there was at the begin of the watch has been told.
        var isCurrent = false
        var hasJoined = false
        var isOver = false
    }

    init(
        _ engine: FleetEngine, _ catalogue: Catalogue, _ budget: MemoryBudget, _ members: Members,
        _ fetch: ContentFetch,
        address: String, told: @escaping @Sendable () -> Void
    ) {
        (self.engine, self.catalogue, self.budget, self.members) = (engine, catalogue, budget, members)
        (self.fetch, self.address, self.told) = (fetch, address, told)
    }

    static func key(_ space: String, _ name: String) -> String {
        "\(prefix).\(Store.digest(of: Blob("\(space)\0\(name)")))"
    }

    /// All changes up to this revision are in place here.
    var applied: UInt64 {
        state.withLock { state in
            let waiting = state.due.keys.compactMap { state.names[$0]?.revision }.min()
            return state.isCurrent ? waiting.map { $0 - 1 } ?? state.seen : 0
        }
    }

    var count: Int { state.withLock { $0.local.count } }

    /// The revision at which a name holds, for those that are registered somewhere and not here.
    func revision(of name: String, in space: String) -> UInt64? {
        let key = Self.key(space, VersionedName(name)?.choice == .version(1) ? String(name.dropLast(2)) : name)
        return state.withLock { state in
            guard let known = state.names[key], known.shared.present != .nothing else { return nil }
            return known.revision
        }
    }

    // MARK: Claims

    func claim(_ changes: [SharedChange]) throws(Failure) -> any RegistrationClaim {
        var made: [String: Known] = [:]
        for change in changes {
            let content = SharedName.Content(change.content)
            let key = Self.key(change.space, change.name)
            do throws(Failure) {
                made[key] = try claim(key, change, content)
            } catch {
                Claim(self, made).abandon()
                throw error
            }
        }
        return Claim(self, made)
    }

    private func claim(
        _ key: String, _ change: SharedChange, _ content: SharedName.Content
    ) throws(Failure) -> Known {
        let name = change.name
        guard state.withLock({ $0.isCurrent }) else {
            throw Failure(
                .unavailable, "the fleet's registry is out of reach: nothing can be registered or removed now")
        }
        var known = state.withLock { $0.names[key] }
        // What is known here may be a moment old; what the engine says counts.
        for _ in 0..<2 {
            let before = known?.shared.present ?? .nothing
            if let other = known?.shared.pending, other != address, members.holds(other) {
                throw Failure(.conflict, "'\(name)' is being changed by another node", [.init("name", name)])
            }
            // It may not be here yet.
            guard change.replaces || before == .nothing else {
                throw Failure(
                    .conflict, "'\(name)' is registered already, at another node; replace it at once by replace=true",
                    [.init("name", name)])
            }
            let wanted = SharedName(space: change.space, name: name, content: content, pending: address, before: before)
            do throws(Failure) {
                let revision = try engine.put(
                    .lasting, key, wanted.json, expected: known.map { .revision($0.revision) } ?? .absent,
                    timeout: Self.patience)
                return Known(revision: revision, shared: wanted)
            } catch {
                guard error.kind == .conflict || error.kind == .deadline else { throw Self.away(error) }
                let now = try read(key)
                if let now, now.shared == wanted { return now }
                guard error.kind == .conflict else { throw Self.away(error) }
                guard now?.shared.present == before else {
                    throw Failure(.conflict, "another node has just changed '\(name)'", [.init("name", name)])
                }
                known = now
            }
        }
        throw Failure(.conflict, "another node changes '\(name)' at the same moment", [.init("name", name)])
    }

    private static func away(_ failure: Failure) -> Failure {
        let isAway = failure.kind == .unavailable || failure.kind == .deadline
        return isAway ? Failure(.unavailable, "the fleet's registry is out of reach: \(failure.detail)") : failure
    }

    private func read(_ key: String) throws(Failure) -> Known? {
        do throws(Failure) {
            guard let value = try engine.get(.lasting, key, timeout: Self.patience) else { return nil }
            return SharedName(value.bytes).map { Known(revision: value.revision, shared: $0) }
        } catch { throw Self.away(error) }
    }

    private final class Claim: RegistrationClaim {
        private let registry: SharedRegistry
        private let made: [String: Known]
        /// The revision that was told last.
        private let done = Mutex<UInt64?>(nil)

        init(_ registry: SharedRegistry, _ made: [String: Known]) { (self.registry, self.made) = (registry, made) }

        func confirm() throws(Failure) {
            let (newest, taken) = registry.end(made) { $0.content }
            done.withLock { $0 = newest }
            if let taken {
                throw Failure(
                    .conflict, "another node took '\(taken)' when this one seemed to be gone", [.init("name", taken)])
            }
        }

        func waitForCopy() {
            if let newest = done.withLock({ $0 }) { registry.waitForCopy(of: newest) }
        }

        func abandon() { _ = registry.end(made) { $0.before } }
    }

    private enum Telling {
        case told(UInt64)
        /// Taken over by another, when this node seemed to be gone: what that says holds.
        case taken
        /// The engine is away; it is told later.
        case postponed
    }

    /// - Returns: the newest revision that the engine was told, and a name that is another's now.
    private func end(
        _ claims: [String: Known], _ outcome: (SharedName) -> SharedName.Content
    ) -> (newest: UInt64?, taken: String?) {
        var newest: UInt64?
        var taken: String?
        for (key, claim) in claims {
            let content = outcome(claim.shared)
            let done = Known(
                revision: claim.revision,
                shared: SharedName(space: claim.shared.space, name: claim.shared.name, content: content))
            state.withLock { $0.local[key] = content == .nothing ? nil : content }
            switch tell(key, done) {
            case .told(let revision): newest = max(newest ?? 0, revision)
            case .taken: taken = claim.shared.name
            case .postponed: break
            }
        }
        return (newest, taken)
    }

    private func tell(_ key: String, _ done: Known) -> Telling {
        do throws(Failure) {
            let revision = try engine.put(
                .lasting, key, done.shared.json, expected: .revision(done.revision), timeout: Self.patience)
            state.withLock { $0.untold[key] = nil }
            return .told(revision)
        } catch {
            // An answer that was lost looks like another's change; whose it is, is asked later if nobody can tell now.
            guard error.kind == .conflict, case .success(let now) = found(key) else {
                state.withLock { $0.untold[key] = done }
                return .postponed
            }
            state.withLock { $0.untold[key] = nil }
            guard let now, now.shared == done.shared else { return .taken }
            return .told(now.revision)
        }
    }

    private func found(_ key: String) -> Result<Known?, Failure> {
        do throws(Failure) { return .success(try read(key)) } catch { return .failure(error) }
    }

    /// Until another node has it, so that the loss of this one loses nothing; where there is none, not at all.
    private func waitForCopy(of revision: UInt64) {
        let end = Clock.now() &+ Self.copyTime
        while !members.all.isEmpty, !members.all.contains(where: { $0.record.applied >= revision }) {
            guard Clock.now() < end else {
                return Log.warning("fleet: no other node has taken over what was just registered; it is here alone")
            }
            Sleep.milliseconds(2)
        }
    }

    // MARK: Watching

    /// Watches until `stop`. A thread of its own.
    func watch() {
        while !state.withLock({ $0.isOver }) {
            do throws(Failure) { try watchOnce() } catch {
                Log.debug("fleet: the registry's watch is over: \(error.detail)")
                Sleep.milliseconds(100)
            }
        }
    }

    private func watchOnce() throws(Failure) {
        let watch = try engine.watch(.lasting, below: Self.prefix, timeout: Self.patience)
        let opened = Clock.now()
        while !state.withLock({ $0.isOver }) {
            let change = try watch.next(timeout: 200_000_000)
            switch change {
            case .put(let key, let value):
                guard let shared = SharedName(value.bytes) else { continue }
                note(key, Known(revision: value.revision, shared: shared))
            case .current:
                state.withLock { $0.isCurrent = true }
                join()
                told()
            case .removed, nil: break
            }
            // A watch whose server has forgotten it tells nothing any more; others have gone on meanwhile.
            if change == nil, isBehind, Clock.now() &- opened > 5_000_000_000 {
                throw Failure(.unavailable, "other nodes have seen later changes")
            }
        }
    }

    private var isBehind: Bool {
        let seen = state.withLock { $0.seen }
        return members.all.contains { $0.record.applied > seen }
    }

    private func note(_ key: String, _ known: Known) {
        state.withLock { state in
            state.seen = max(state.seen, known.revision)
            guard state.names[key].map({ $0.revision < known.revision }) ?? true else { return }
            state.names[key] = known
            state.due[key] = 0
        }
        worker.wake()
    }

    /// What was registered here before the node was of the fleet becomes the fleet's; what it began and did not end is ended.
    private func join() {
        guard
            state.withLock({ state in
                defer { state.hasJoined = true }
                return !state.hasJoined
            })
        else { return }
        for change in catalogue.sharedNames() {
            let key = Self.key(change.space, change.name)
            let content = SharedName.Content(change.content)
            state.withLock { $0.local[key] = content }
            let known = state.withLock { $0.names[key] }
            let shared = SharedName(space: change.space, name: change.name, content: content)
            if known == nil {
                _ = try? engine.put(.lasting, key, shared.json, expected: .absent, timeout: Self.patience)
            }
        }
        let begun = state.withLock { state in
            state.names.filter { $0.value.shared.pending == address }
        }
        for (key, known) in begun {
            let isHere = state.withLock { $0.local[key] ?? .nothing } == known.shared.content
            let content = isHere ? known.shared.content : known.shared.before
            let shared = SharedName(space: known.shared.space, name: known.shared.name, content: content)
            _ = tell(key, Known(revision: known.revision, shared: shared))
        }
    }

    // MARK: Applying

    /// Brings here what the registry says, until `stop`. A thread of its own.
    func apply() {
        while !state.withLock({ $0.isOver }) {
            let now = Clock.now()
            let untold = state.withLock { $0.untold }
            for (key, done) in untold { _ = tell(key, done) }
            let ready = state.withLock { state in
                state.isCurrent ? state.due.filter { $0.value <= now }.map(\.key).sorted(by: state.isBefore) : []
            }
            for key in ready { apply(key) }
            if !ready.isEmpty { told() }
            let next = state.withLock { state in state.untold.isEmpty ? state.due.values.min() : now &+ 500_000_000 }
            let wait = next.map { $0 > Clock.now() ? $0 - Clock.now() : 0 } ?? 1_000_000_000
            if wait > 0 { worker.park(nanoseconds: Int64(clamping: min(wait, 1_000_000_000))) }
        }
    }

    private func apply(_ key: String) {
        let (known, have) = state.withLock { ($0.names[key], $0.local[key] ?? .nothing) }
        guard let known, known.shared.present != have else { return settle(key, known?.revision) }
        do throws(Failure) {
            try bring(known.shared, key, from: have)
            settle(key, known.revision)
        } catch {
            Self.failed.add()
            let failures = state.withLock { state in
                state.failures[key, default: 0] += 1
                let count = state.failures[key] ?? 1
                let pause = min(UInt64(20_000_000) << UInt64(min(count, 8)), 5_000_000_000)
                state.due[key] = Clock.now() &+ pause
                return count
            }
            let text = "fleet: '\(known.shared.name)' of another node cannot be registered here: \(error.detail)"
            if failures == 5 { Log.warning(text) } else { Log.debug(text) }
        }
    }

    /// Done, unless it has changed meanwhile.
    private func settle(_ key: String, _ revision: UInt64?) {
        state.withLock { state in
            guard state.names[key]?.revision == revision else { return }
            state.due[key] = nil
            state.failures[key] = nil
        }
    }

    private func bring(_ shared: SharedName, _ key: String, from have: SharedName.Content) throws(Failure) {
        let space = catalogue.space(of: shared.space)
        let wanted = shared.present
        // A function takes the place of one, and an alias that of one; what is of another kind goes first.
        switch (have, wanted) {
        case (.nothing, _), (.function, .function), (.alias, .alias): break
        default:
            try space.removeShared(shared.name)
            state.withLock { $0.local[key] = nil }
        }
        switch wanted {
        case .nothing: break
        case .function(let record): try bring(function: record, to: space)
        case .composition(let text):
            let account = budget.account(named: shared.space)
            defer { account.close() }
            let (name, version) = shared.version
            _ = try space.register(
                compositions: text, account: account, expecting: name, as: .version(version), isShared: true)
        case .alias(let record): try space.takeShared(try StoredAlias(sharedRecord: record))
        }
        state.withLock { $0.local[key] = wanted == .nothing ? nil : wanted }
    }

    private func bring(function record: String, to space: Space) throws(Failure) {
        let stored = try StoredFunction(sharedRecord: record) { (digest, size) throws(Failure) in
            try fetch.content(digest, size, budget.own)
        }
        let account = budget.account(named: stored.definition.tenant)
        defer { account.close() }
        let image = try fetch.content(stored.digest, stored.imageSize, account)
        try space.register(
            stored.definition, image: image, account: account, as: .version(stored.version), isShared: true)
    }

    func stop() {
        state.withLock { $0.isOver = true }
        worker.wake()
    }
}

extension SharedRegistry.State {
    /// Functions are brought before the compositions that call them, and aliases that compositions call, too; an alias of a
    /// composition is tried again.
    func isBefore(_ one: String, _ other: String) -> Bool {
        func rank(_ key: String) -> (Int, UInt64) {
            guard let known = names[key] else { return (0, 0) }
            if case .composition = known.shared.present { return (1, known.revision) }
            return (0, known.revision)
        }
        return rank(one) < rank(other)
    }
}

internal import Config
public import Failure
public import Items
public import Memory
internal import Synchronization
internal import Values

// What nodes that share one registry need of it.

/// What one registration or removal is about to make of a name.
public struct SharedChange: Sendable {
    public enum Content: Sendable {
        case nothing
        case function(StoredFunction)
        /// The text that defines it.
        case composition(String)
        case alias(StoredAlias)
    }

    /// The tenant's whose space it is.
    public let space: String
    /// `NAME`, `NAME@2` from the second version on, or `NAME@ALIAS`.
    public let name: String
    public let content: Content
    /// It takes the place of what has the name; else nothing may have it.
    public var replaces = false
}

/// Who is asked before something is registered or removed, and must agree: a fleet.
public protocol RegistrationWitness: Sendable {
    /// All or none; blocks.
    /// - Throws: `.conflict` when somebody else has changed a name, `.unavailable` when nobody can tell.
    func claim(_ changes: [SharedChange]) throws(Failure) -> any RegistrationClaim
}

/// Names on which the witness has agreed. Ends by `confirm` or `abandon`, once; blocks.
public protocol RegistrationClaim: Sendable {
    /// It is done here, durably.
    /// - Throws: `.conflict` when somebody else has taken a name meanwhile, whose change holds and comes here too.
    func confirm() throws(Failure)
    /// It was not done.
    func abandon()
    /// After `confirm`, and with no lock held: waits until the loss of this node would lose nothing of it.
    func waitForCopy()
}

extension Catalogue {
    /// Registers and removes with the consent of `witness` from now on.
    public func agree(with witness: any RegistrationWitness) { self.witness.withLock { $0 = witness } }

    /// Does `body` between claim and confirmation.
    /// - Parameters:
    ///   - isShared: Others have it already: nobody is asked.
    ///   - claim: What is to be waited for, when locks are given back.
    func agreed<R>(
        _ changes: @autoclosure () -> [SharedChange], isShared: Bool, _ claim: inout (any RegistrationClaim)?,
        _ body: () throws(Failure) -> R
    ) throws(Failure) -> R {
        guard !isShared, let witness = witness.withLock({ $0 }) else { return try body() }
        let made = try witness.claim(changes())
        let result: R
        do throws(Failure) { result = try body() } catch {
            made.abandon()
            throw error
        }
        try made.confirm()
        claim = made
        return result
    }

    /// All that is registered, each with what others need to have it too.
    public func sharedNames() -> [SharedChange] {
        store.functions().map { stored in
            SharedChange(
                space: stored.definition.space, name: VersionedName.shared(stored.definition.name, stored.version),
                content: .function(stored))
        }
            + store.compositions().map { stored in
                SharedChange(
                    space: stored.space, name: VersionedName.shared(stored.name, stored.version),
                    content: .composition(stored.text))
            }
            + store.aliases().map { stored in
                SharedChange(
                    space: stored.space, name: VersionedName.text(stored.name, stored.alias), content: .alias(stored))
            }
    }

    /// Bytes that a registered function needs, by their digest: its image or an item that is bound to it.
    /// - Throws: `.notFound`.
    public func content(_ digest: String, _ account: MemoryAccount) throws(Failure) -> Blob {
        guard Store.isDigest(digest), store.holds(digest) else {
            throw Failure(.notFound, "no content has the digest '\(digest.prefix(80))'")
        }
        return try store.image(digest, account)
    }
}

extension Store {
    func holds(_ digest: String) -> Bool { index.withLock { $0.uses.keys.contains { $0.digest == digest } } }
}

extension StoredFunction {
    /// The function without its data, which are named by their digests: what another node makes it of.
    public var sharedRecord: String { json(sequence: 0) }

    /// - Parameter content: gives the data of bound items, by SHA-256 and size.
    /// - Throws: what `content` throws; `.invalid` for a text that is no record.
    public init(
        sharedRecord text: String, content: (_ digest: String, _ size: Int) throws(Failure) -> Blob
    ) throws(Failure) {
        var failure: Failure?
        do {
            let fields = RecordFields(try JSONReader.read(text))
            self = try StoredFunction(fields) { (wanted, _) throws(UnusableRecord) in
                do throws(Failure) { return try content(wanted.digest, wanted.size) } catch {
                    failure = error
                    throw UnusableRecord(reason: error.detail)
                }
            }
        } catch {
            throw failure ?? Failure(.invalid, "the record of a shared function cannot be used: \(error)")
        }
    }

    /// Whether both are registered alike, whatever the names of their classes are here.
    public func isLike(_ record: String) -> Bool { sharedRecord == record }
}

extension StoredAlias {
    /// What another node makes it of.
    public var sharedRecord: String { json }

    /// - Throws: `.invalid` for a text that is no record.
    public init(sharedRecord text: String) throws(Failure) {
        do {
            self = try StoredAlias(RecordFields(try JSONReader.read(text)))
        } catch {
            throw Failure(.invalid, "the record of a shared alias cannot be used: \(error)")
        }
    }
}

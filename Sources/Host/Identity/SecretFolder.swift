public import Failure
internal import Items
internal import Registry
internal import Telemetry

/// The secrets in a node's state folder, each sealed in a file of its own. The node and the command `dandelion secret` use it at the
/// same time.
public struct SecretFolder: Sendable {
    private let folder: StoreFolder
    private let temporary: StoreFolder
    private static let largest = 64 << 10

    /// - Parameter state: the node's state folder; made when it does not exist.
    /// - Throws: `.internal`.
    public init(state: String) throws(Failure) {
        let root = try StoreFolder(state)
        folder = try StoreFolder("secrets", in: root)
        // The node's own is swept when it starts.
        temporary = try StoreFolder("secret-temporary", in: root)
    }

    public var path: String { folder.path }

    /// Keeps a secret, in the place of one of that tenant and name.
    public func set(_ secret: Secret, by key: SecretKey) throws(Failure) {
        let file = Self.file(secret.tenant, secret.name)
        let sealed: [UInt8]
        do throws(NotBelieved) { sealed = try key.seal(secret.record, as: file) } catch {
            throw Failure(.internal, error.reason)
        }
        try Blob(sealed).withUnsafeBytes { (bytes) throws(Failure) in try folder.write(file, bytes, by: temporary) }
    }

    /// All that the key opens, by tenant and name; others are told to the log and are sent to nobody.
    public func all(_ key: SecretKey) throws(Failure) -> [Secret] {
        var secrets: [Secret] = []
        for file in try folder.names() {
            do throws(NotBelieved) {
                let sealed: Blob
                do throws(Failure) { sealed = try folder.read(file, limit: Self.largest) } catch {
                    // It may have been removed meanwhile.
                    if error.kind == .notFound { continue }
                    throw NotBelieved(error.detail)
                }
                let secret = try Secret(record: try key.open(sealed: sealed.array, as: file))
                guard Self.file(secret.tenant, secret.name) == file else { throw NotBelieved("it is another's") }
                secrets.append(secret)
            } catch {
                Log.warning("the secret in \(file) is not used: \(error.reason)")
            }
        }
        return secrets.sorted { ($0.tenant, $0.name) < ($1.tenant, $1.name) }
    }

    /// - Throws: `.notFound`, `.internal`.
    public func remove(_ name: String, of tenant: String) throws(Failure) {
        guard try folder.remove(Self.file(tenant, name)) else {
            throw Failure(.notFound, "tenant '\(tenant)' has no secret '\(name)'")
        }
    }

    /// Names of tenants and secrets have no line ends.
    private static func file(_ tenant: String, _ name: String) -> String {
        Store.digest(of: Blob("\(tenant)\n\(name)"))
    }
}

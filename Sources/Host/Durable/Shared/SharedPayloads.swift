internal import Failure
internal import Fleet
internal import Items
internal import Memory
internal import PluginHost
internal import Registry
internal import Values

/// Inputs, results and answers of the fleet's durable invocations: in the engine where they are short, else in files of two nodes,
/// and in the engine where these are.
final class SharedPayloads: Sendable {
    let folder: PayloadFolder
    private let place: FleetPlace
    /// Bytes of the longest that the engine keeps, if it takes as many.
    private static let longest = 128 << 10
    private static let (isHere, isElsewhere): (UInt8, UInt8) = (0, 1)

    init(_ folder: PayloadFolder, _ place: FleetPlace) {
        self.folder = folder
        self.place = place
    }

    /// What the engine is to keep for `blob`; kept by two nodes when this returns, if it is long.
    /// - Parameter name: of the file.
    func encode(_ blob: Blob, as name: String) throws(Failure) -> [UInt8] {
        let fleet = try place.joined()
        let most = Int(clamping: try fleet.engine.facts().mostBytes)
        guard blob.count > min(Self.longest, most / 2) else {
            return [Self.isHere] + blob.withUnsafeBytes { [UInt8]($0) }
        }
        try folder.put(name, blob)
        let digest = Store.digest(of: blob)
        let copy = try fleet.haveCopied(name, size: blob.count, digest: digest)
        var json = JSONWriter()
        json.object { json in
            json.member("size", blob.count)
            json.member("digest", digest)
            json.name("nodes")
            json.array { json in for node in [fleet.address] + (copy.map { [$0] } ?? []) { json.string(node) } }
        }
        return [Self.isElsewhere] + json.bytes
    }

    /// - Parameter value: what `encode` gave for that name.
    func decode(_ value: ArraySlice<UInt8>, _ name: String, _ account: MemoryAccount) throws(Failure) -> Blob {
        switch value.first {
        case Self.isHere?: return Blob(Array(value.dropFirst()))
        case Self.isElsewhere?: break
        default: throw Self.damaged(name)
        }
        guard let read = try? JSONReader.read(bytes: Array(value.dropFirst())), let digest = read["digest"]?.text,
            case .integer(let size)? = read["size"]?.kind, size >= 0, let nodes = read["nodes"]?.elements
        else { throw Self.damaged(name) }
        if let own = try folder.get(name, account), own.count == size, Store.digest(of: own) == digest { return own }
        return try place.joined().payload(
            name, size: Int(size), digest: digest, at: nodes.compactMap(\.text), account)
    }

    private static func damaged(_ name: String) -> Failure {
        Failure(.internal, "what the fleet's engine holds of \(name) is damaged")
    }
}

extension FleetPlace {
    /// - Throws: `.unavailable` before the node has joined its fleet.
    func joined() throws(Failure) -> Fleet {
        guard let current else {
            throw Failure(.unavailable, "this node has not joined its fleet, which keeps durable invocations")
        }
        return current
    }
}

internal import CNettle
public import Failure
public import Items
internal import Synchronization

/// A function as it is stored.
public struct StoredFunction: Sendable {
    public var definition: FunctionDefinition
    /// SHA-256 of the image, hexadecimal.
    public var digest: String
    public var imageSize: Int
}

/// A composition as it is stored: the text may define more than this one.
public struct StoredComposition: Sendable {
    public var name: String
    public var text: String
}

/// What is registered, in a folder. Any thread; calls block on files.
public final class Store: Sendable {
    /// Where backends may keep compiled images.
    public let cacheDirectory: String
    private let table = Mutex((functions: [StoredFunction](), compositions: [StoredComposition](), images: [String: Blob]()))

    public init(directory: String) throws(Failure) { cacheDirectory = directory + "/cache" }

    /// SHA-256, hexadecimal.
    public static func digest(of image: Blob) -> String {
        var context = sha256_ctx()
        nettle_sha256_init(&context)
        image.withUnsafeBytes {
            nettle_sha256_update(&context, $0.count, $0.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
        var digest = [UInt8](repeating: 0, count: 32)
        nettle_sha256_digest(&context, 32, &digest)
        return digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    public func functions() -> [StoredFunction] { table.withLock { $0.functions } }
    public func compositions() -> [StoredComposition] { table.withLock { $0.compositions } }

    public func save(_ definition: FunctionDefinition, image: Blob, digest: String) throws(Failure) {
        table.withLock { table in
            table.functions.append(StoredFunction(definition: definition, digest: digest, imageSize: image.count))
            table.images[digest] = image
        }
    }

    /// Stores the text under each of the names, all or none.
    public func save(compositions names: [String], text: String) throws(Failure) {
        table.withLock { $0.compositions += names.map { StoredComposition(name: $0, text: text) } }
    }

    public func removeFunction(_ name: String) throws(Failure) {
        table.withLock { $0.functions.removeAll { $0.definition.name == name } }
    }

    public func removeComposition(_ name: String) throws(Failure) {
        table.withLock { $0.compositions.removeAll { $0.name == name } }
    }

    /// The bytes of an image, read anew.
    public func image(_ digest: String) throws(Failure) -> Blob {
        guard let image = table.withLock({ $0.images[digest] }) else {
            throw Failure(.internal, "image \(digest) is missing")
        }
        return image
    }
}

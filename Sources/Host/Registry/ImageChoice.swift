internal import PluginHost

/// The image of a function, and where in it a run begins.
struct ImageChoice: Hashable {
    /// SHA-256 of its bytes, hexadecimal.
    let digest: String
    /// An exported function; nil = the one that the format has.
    let entry: String?
    /// Whose. Each tenant's images are loaded for that tenant alone, so that nobody learns from the time that it takes whether
    /// somebody else has the same.
    let space: String

    /// Of the digest: it is looked up for each run, and few images differ in the rest alone.
    private let fingerprint: UInt64

    init(digest: String, entry: String? = nil, space: String) {
        self.digest = digest
        self.entry = entry
        self.space = space
        fingerprint = UInt64(digest.prefix(16), radix: 16) ?? 0
    }

    func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }
}

/// The code that a loaded image runs now, on a backend that makes it better while it serves.
public struct CodeVersion: Sendable {
    public let backend: String
    /// `first`: a better one is being made, or waits for its turn; `best`; `stays`: the first one stays.
    public let name: String
    /// Why it stays.
    public let reason: String?

    init?(_ image: ComputeImage) {
        guard let version = image.version else { return nil }
        (backend, name) = (image.backend.name, version.name)
        reason = if case .stays(let reason) = version { reason } else { nil }
    }
}

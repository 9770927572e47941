internal import PluginHost

/// The image of a function, and where in it a run begins.
struct ImageChoice: Hashable {
    /// SHA-256 of its bytes, hexadecimal.
    let digest: String
    /// An exported function; nil = the one that the format has.
    var entry: String?
    /// Whose. Each tenant's images are loaded for that tenant alone, so that nobody learns from the time that it takes whether
    /// somebody else has the same.
    var space: String

    /// Few differ in the rest alone.
    func hash(into hasher: inout Hasher) { hasher.combine(digest) }
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

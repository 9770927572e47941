public import Failure

/// What is known of one plugin of the node.
public struct PluginFacts: Sendable {
    public var name: String
    public var path: String
    /// available, degraded or unavailable.
    public var availability: String
    /// Why, for an operator; may be empty.
    public var reason: String
    public var id: String
    public var version: String
    /// Of its file.
    public var sha256: String
    public var interfaces: [String]
    /// Counts from 1; 0 = does not run.
    public var generation: Int
    /// Earlier generations that requests still use.
    public var draining: Int
    /// Why the file that was tried last was refused; empty when it was not.
    public var quarantine: String

    public init(
        name: String, path: String, availability: String, reason: String, id: String, version: String, sha256: String,
        interfaces: [String], generation: Int, draining: Int, quarantine: String
    ) {
        self.name = name
        self.path = path
        self.availability = availability
        self.reason = reason
        self.id = id
        self.version = version
        self.sha256 = sha256
        self.interfaces = interfaces
        self.generation = generation
        self.draining = draining
        self.quarantine = quarantine
    }
}

/// What the front end can ask of the node's plugins.
public protocol PluginOperations: Sendable {
    /// As of a moment ago; does not wait.
    func plugins() -> [PluginFacts]
    /// Loads a plugin anew; blocks until it is in place or refused.
    func reload(_ name: String) throws(Failure) -> PluginFacts
}

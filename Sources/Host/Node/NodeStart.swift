public import Config
public import Failure
internal import Telemetry
internal import Transport

/// What is done before plugins are loaded and threads are made.
public struct NodeStart: Sendable {
    let signals: NodeSignals
    /// For each listener of the config; nil for those that are no addresses.
    let sockets: [ListeningSocket.Bound?]

    /// Takes the node's signals and addresses, and then gives up what the node needs no more.
    ///
    /// Call from the main thread before there is another one.
    /// - Throws: `.unavailable`, naming the address, the user or what could not be given up.
    public init(_ config: NodeConfig) throws(Failure) {
        // Before anything is told.
        if let level = LogLevel(name: config.node.log.rawValue) { Log.setLevel(level) }
        Log.setFormat(config.node.logLines == .json ? .json : .text)
        signals = try NodeSignals()
        sockets = try config.listeners.map { (listener) throws(Failure) in try ListeningSocket.bind(listener.place) }
        try NodeRights(config).giveUp()
    }
}

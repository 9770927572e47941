public import Dispatcher
public import Engines
public import Failure
public import Registry

/// The node's HTTP side: accepts connections on every worker and serves the routes of Docs/http-api.md.
public final class Frontend: Sendable {
    public struct Settings: Sendable {
        /// Bytes of one request's body.
        public var maxBody: UInt64
        public var maxConnections: Int
        /// Nanoseconds after which a connection without a complete request is closed.
        public var idleTimeout: UInt64
        /// Whether a registration may name a file of this machine instead of carrying the image.
        public var allowsLocalPath: Bool

        public init(maxBody: UInt64, maxConnections: Int, idleTimeout: UInt64, allowsLocalPath: Bool) {
            self.maxBody = maxBody
            self.maxConnections = maxConnections
            self.idleTimeout = idleTimeout
            self.allowsLocalPath = allowsLocalPath
        }
    }

    public init(dispatcher: Dispatcher, catalogue: Catalogue, pool: WorkerPool, settings: Settings) {}

    /// Begins to accept on all workers, whose threads are running. Not from a worker's thread.
    /// - Returns: the port, also when 0 was asked for.
    /// - Throws: `.unavailable` naming the address.
    public func listen(host: String, port: UInt16) throws(Failure) -> UInt16 { port }

    /// Accepts no more, lets requests in progress finish for at most `drain` ns, then closes every connection.
    /// Not from a worker's thread.
    public func stop(drain: UInt64) {}
}

internal import Config
internal import Failure
internal import Glibc
internal import Transport

/// A place where connections are accepted, and what holds for all of them.
final class Listener: Sendable {
    let descriptor: Int32
    let place: ListenPlace
    let tls: TLSContext?
    /// Nil: everything is served to everybody.
    let gate: Gate?

    private static let protocols = ["h2", "http/1.1"]

    /// - Throws: `.unavailable` naming the place or a file, also when the place turns out to be one that others reach.
    init(_ settings: ListenerSettings, _ bound: ListeningSocket.Bound?, _ gate: Gate?) throws(Failure) {
        self.gate = gate
        tls = try settings.tls.map { (tls) throws(Failure) in try TLSContext(tls, protocols: Self.protocols) }
        let socket = try ListeningSocket.open(settings.place, bound)
        if let reason = settings.exposure(isLocal: socket.isLocal) {
            close(socket.descriptor)
            throw Failure(.unavailable, "\(reason); if that is what you want, say insecure = true")
        }
        (descriptor, place) = (socket.descriptor, socket.place)
    }
}

internal import Failure
internal import PluginABI

/// The required slots of dn_fleet, checked once.
struct FleetSlots {
    typealias Error = UnsafeMutablePointer<dn_error>
    typealias Handle = OpaquePointer
    typealias Out = UnsafeMutablePointer<OpaquePointer?>
    typealias Argument = UnsafeMutableRawPointer?

    let facts: @convention(c) (Handle, UnsafeMutablePointer<dn_fleet_facts>, Error) -> dn_status
    let get: @convention(c) (Handle, Int32, dn_bytes, UInt64, dn_fleet_told, Argument, Error) -> dn_status
    let put:
        @convention(c) (
            Handle, Int32, dn_bytes, dn_bytes, UInt64, UInt64, UnsafeMutablePointer<UInt64>, Error
        ) -> dn_status
    let remove: @convention(c) (Handle, Int32, dn_bytes, UInt64, UInt64, Error) -> dn_status
    let watchOpen: @convention(c) (Handle, Int32, dn_bytes, UInt64, Out, Error) -> dn_status
    let watchNext: @convention(c) (Handle, UInt64, dn_fleet_told, Argument, Error) -> dn_status
    let watchClose: @convention(c) (Handle) -> Void
    let queueOpen: @convention(c) (Handle, dn_bytes, UInt64, Out, Error) -> dn_status
    let publish: @convention(c) (Handle, dn_bytes, dn_bytes, UInt64, Error) -> dn_status
    let pull: @convention(c) (Handle, UInt64, dn_fleet_given, Argument, Error) -> dn_status
    let settle: @convention(c) (Handle, UInt64, Int32, UInt64, UInt64, Error) -> dn_status
    let queueClose: @convention(c) (Handle) -> Void

    init(_ table: dn_fleet, _ what: String) throws(Failure) {
        guard let facts = table.facts, let get = table.get, let put = table.put, let remove = table.remove,
            let watchOpen = table.watch_open, let watchNext = table.watch_next, let watchClose = table.watch_close,
            let queueOpen = table.queue_open, let publish = table.publish, let pull = table.pull,
            let settle = table.settle, let queueClose = table.queue_close
        else {
            let missing = [
                ("facts", table.facts == nil), ("get", table.get == nil), ("put", table.put == nil),
                ("remove", table.remove == nil), ("watch_open", table.watch_open == nil),
                ("watch_next", table.watch_next == nil), ("watch_close", table.watch_close == nil),
                ("queue_open", table.queue_open == nil), ("publish", table.publish == nil), ("pull", table.pull == nil),
                ("settle", table.settle == nil), ("queue_close", table.queue_close == nil),
            ].filter(\.1).map(\.0)
            throw Failure(.unavailable, "\(what): \(DN_FLEET_1) lacks \(missing.joined(separator: ", "))")
        }
        (self.facts, self.get, self.put, self.remove) = (facts, get, put, remove)
        (self.watchOpen, self.watchNext, self.watchClose) = (watchOpen, watchNext, watchClose)
        (self.queueOpen, self.publish, self.pull) = (queueOpen, publish, pull)
        (self.settle, self.queueClose) = (settle, queueClose)
    }
}

internal import Failure
internal import PluginABI

/// The required slots of dn_comm, checked once.
struct CommSlots {
    typealias Error = UnsafeMutablePointer<dn_error>
    let protocols:
        @convention(c) (
            OpaquePointer, UnsafeMutablePointer<UnsafePointer<dn_comm_protocol>?>, UnsafeMutablePointer<UInt64>, Error
        ) -> dn_status
    let validate:
        @convention(c) (
            OpaquePointer, UnsafePointer<dn_comm_request>, UnsafeMutablePointer<dn_request_info>, Error
        ) -> dn_status
    let reactorCreate:
        @convention(c) (
            OpaquePointer, UnsafePointer<dn_reactor_params>, UnsafeMutablePointer<OpaquePointer?>, Error
        ) -> dn_status
    let reactorDestroy: @convention(c) (OpaquePointer) -> Void
    let reactorFd: @convention(c) (OpaquePointer) -> Int32
    let submit: @convention(c) (OpaquePointer, UnsafePointer<dn_comm_request>, Error) -> dn_status
    let poll:
        @convention(c) (
            OpaquePointer, UInt64, UnsafeMutablePointer<dn_completion>, UInt64, UnsafeMutablePointer<UInt64>, Error
        ) -> dn_status
    let wake: @convention(c) (OpaquePointer) -> Void
    let cancel: @convention(c) (OpaquePointer, UInt64) -> Void
    let release: @convention(c) (OpaquePointer, UInt64) -> Void

    init(_ table: dn_comm, _ what: String) throws(Failure) {
        guard let protocols = table.protocols, let validate = table.validate, let reactorCreate = table.reactor_create,
            let reactorDestroy = table.reactor_destroy, let reactorFd = table.reactor_fd, let submit = table.submit,
            let poll = table.poll, let wake = table.wake, let cancel = table.cancel, let release = table.release
        else {
            let missing = [
                ("protocols", table.protocols == nil), ("validate", table.validate == nil),
                ("reactor_create", table.reactor_create == nil), ("reactor_destroy", table.reactor_destroy == nil),
                ("reactor_fd", table.reactor_fd == nil), ("submit", table.submit == nil), ("poll", table.poll == nil),
                ("wake", table.wake == nil), ("cancel", table.cancel == nil), ("release", table.release == nil),
            ].filter(\.1).map(\.0)
            throw Failure(.unavailable, "\(what): \(DN_COMM_1) lacks \(missing.joined(separator: ", "))")
        }
        self.protocols = protocols
        self.validate = validate
        self.reactorCreate = reactorCreate
        self.reactorDestroy = reactorDestroy
        self.reactorFd = reactorFd
        self.submit = submit
        self.poll = poll
        self.wake = wake
        self.cancel = cancel
        self.release = release
    }
}

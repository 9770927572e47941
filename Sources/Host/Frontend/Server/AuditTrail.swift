internal import Config
public import Identity

/// What the audit log keeps of requests: those that change something, those that were refused for who made them, and invocations
/// where they are wanted.
public struct AuditTrail: Sendable {
    enum Action: String {
        case invoke, register, remove
        case reloadPlugin = "reload_plugin"
        /// Looking on, which is told only when it is refused.
        case read
    }

    let log: AuditLog
    let invocations: Bool

    public init(_ log: AuditLog, invocations: Bool) {
        (self.log, self.invocations) = (log, invocations)
    }

    func action(of head: RequestHead) -> Action? {
        guard let route = Route(head.pathBytes) else { return nil }
        return switch route.need(head.method) {
        case let need where route == .plugin && need.part == .register: .reloadPlugin
        case let need where need.part == .invoke: .invoke
        case let need where need.part == .register: head.method == .delete ? .remove : .register
        default: .read
        }
    }

    func add(_ record: RequestRecord, _ response: Response) {
        guard let action = record.action else { return }
        let isDenied = response.status == .unauthorized || response.status == .forbidden
        guard isDenied || action != .read && (action != .invoke || invocations) else { return }
        var event = AuditLog.Event(
            isDenied ? "denied" : action.rawValue, time: record.wall, result: String(response.status.rawValue))
        event.who = record.caller
        event.tenant = record.tenant
        event.target = response.subject ?? record.name ?? record.target
        event.request = record.id
        event.remote = record.remote
        log.add(event)
    }
}

internal import CNats
internal import PluginABI
internal import PluginKit
internal import Synchronization

/// libnats' state of the process, its threads included: there while somebody uses it.
enum Library {
    private static let users = Mutex(0)

    static func enter() throws(PluginError) {
        try users.withLock { users throws(PluginError) in
            if users == 0 {
                let status = nats_Open(-1)
                guard status == NATS_OK else { throw PluginError(nats: status, what: "libnats cannot be opened") }
            }
            users += 1
        }
    }

    /// All objects of whoever leaves have been destroyed.
    static func leave() {
        users.withLock { users in
            users -= 1
            // Its threads end, so that an instance leaves none behind.
            if users == 0 { nats_CloseAndWait(5_000) }
        }
    }
}

internal import CNats
internal import Glibc
internal import PluginABI
internal import PluginKit

extension PluginError {
    /// What a call of libnats that failed means for the host.
    /// - Parameter code: of JetStream, 0 when it said nothing.
    init(nats status: natsStatus, _ code: jsErrCode = jsErrCode(rawValue: 0), what: String) {
        var last = status
        // SAFETY: a static or thread-local text of libnats, copied before its next call.
        let detail = nats_GetLastError(&last).map { String(cString: $0) } ?? ""
        let text = detail.isEmpty ? String(cString: natsStatus_GetText(status)) : detail
        self.init(Self.kind(status, code), "\(what): \(text)", retryable: status != NATS_ERR)
    }

    private static func kind(_ status: natsStatus, _ code: jsErrCode) -> dn_status {
        switch code {
        case JSStreamWrongLastSequenceErr: return DN_CONFLICT
        case JSStreamMessageExceedsMaximumErr, JSStreamStoreFailedErr: return DN_LIMIT
        case JSClusterNotAvailErr, JSClusterNotLeaderErr, JSClusterNoPeersErr, JSNotEnabledErr, JSStreamNotFoundErr,
            JSInsufficientResourcesErr, JSStreamOfflineErr, JSConsumerOfflineErr:
            return DN_UNAVAILABLE
        default: break
        }
        switch status {
        case NATS_TIMEOUT: return DN_TIMED_OUT
        case NATS_MAX_PAYLOAD: return DN_LIMIT
        case NATS_NO_MEMORY: return DN_NO_MEMORY
        case NATS_NOT_PERMITTED, NATS_CONNECTION_AUTH_FAILED: return DN_PERMISSION
        case NATS_CONNECTION_CLOSED, NATS_CONNECTION_DISCONNECTED, NATS_NO_SERVER, NATS_NOT_YET_CONNECTED,
            NATS_NO_RESPONDERS, NATS_STALE_CONNECTION, NATS_DRAINING, NATS_INVALID_SUBSCRIPTION, NATS_MISSED_HEARTBEAT,
            NATS_IO_ERROR, NATS_NOT_FOUND:
            return DN_UNAVAILABLE
        default: return DN_IO
        }
    }

    static func away(_ why: String) -> PluginError {
        PluginError(DN_UNAVAILABLE, "no NATS server is reached: \(why)", retryable: true)
    }
}

/// Nanoseconds as libnats counts, at least one millisecond.
func milliseconds(_ nanoseconds: UInt64) -> Int64 { max(1, Int64(clamping: nanoseconds / 1_000_000)) }

/// What is left until a moment.
struct Deadline {
    private let end: UInt64
    init(after timeout: UInt64) {
        let (end, overflow) = Clock.now().addingReportingOverflow(timeout)
        self.end = overflow ? .max : end
    }
    var left: UInt64 {
        let now = Clock.now()
        return now < end ? end - now : 0
    }
}

/// Gives `body` an array of C strings that lives as long as the call.
func withCStrings<R>(_ texts: [String], _ body: (UnsafeMutablePointer<UnsafePointer<CChar>?>, Int32) -> R) -> R {
    let list = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: max(1, texts.count))
    let copies = texts.map { strdup($0) }
    for (index, copy) in copies.enumerated() { (list + index).initialize(to: copy.map { UnsafePointer($0) }) }
    defer {
        for copy in copies { free(copy) }
        list.deallocate()
    }
    return body(list, Int32(texts.count))
}

internal import Glibc

/// What the service manager that started this process is told, by the protocol of sd_notify(3): a datagram of lines to the socket that
/// the environment names.
public final class ServiceManager: Sendable {
    private let descriptor: Int32
    /// Nanoseconds within which the manager wants to hear from the process; nil: it does not.
    public let watchdog: UInt64?

    /// Nil where nobody asks to be told, or the socket cannot be reached.
    public init?() {
        guard let path = Self.variable("NOTIFY_SOCKET"), let descriptor = Self.connected(to: path) else { return nil }
        self.descriptor = descriptor
        let isMeant = Self.variable("WATCHDOG_PID").map { Int32($0) == getpid() } ?? true
        let time = Self.variable("WATCHDOG_USEC").flatMap { UInt64($0) }.flatMap { $0 > 0 ? $0 : nil }
        watchdog =
            isMeant
            ? time.map { $0.multipliedReportingOverflow(by: 1000) }.map { $0.overflow ? .max : $0.partialValue } : nil
    }

    deinit { close(descriptor) }

    /// Sends `NAME=VALUE` lines. A manager that does not read loses them: the node waits for nobody.
    public func tell(_ lines: String) {
        let bytes = Array(lines.utf8)
        // SAFETY: bytes has bytes.count readable bytes.
        _ = bytes.withUnsafeBytes {
            send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
        }
    }

    private static func connected(to path: String) -> Int32? {
        var address = sockaddr_un()
        var bytes = Array(path.utf8)
        // A name outside of the file system begins with a zero byte, which is written '@'.
        guard let first = bytes.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@"),
            bytes.count < MemoryLayout.size(ofValue: address.sun_path)
        else { return nil }
        if first == UInt8(ascii: "@") { bytes[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + (bytes[0] == 0 ? 0 : 1))
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        // SAFETY: address is a sockaddr_un of at least `length` bytes during the call.
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, length) == 0 }
        }
        if isConnected { return descriptor }
        close(descriptor)
        return nil
    }

    private static func variable(_ name: String) -> String? {
        // SAFETY: getenv(3) gives a NUL-terminated text, and nothing here changes the environment.
        getenv(name).map { String(cString: $0) }
    }
}

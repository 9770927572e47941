import Foundation
import Testing

/// What the node tells a service manager (sd_notify(3)).
@Suite(.serialized) struct ServiceManagerTests {
    /// A manager's socket, by a path or by a name outside of the file system.
    private final class Manager {
        let name: String
        private let descriptor: Int32

        init(abstract: Bool) throws {
            let path = "/tmp/dandelion-\(UUID().uuidString.prefix(8))"
            name = abstract ? "@" + path : path
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let bytes = (abstract ? [0] : []) + Array(path.utf8)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
            let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
            let isBound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
            }
            try #require(isBound)
            var limit = timeval(tv_sec: 10, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        }

        deinit {
            close(descriptor)
            unlink(name)
        }

        /// The next datagram; "" when none comes.
        func next() -> String {
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : ""
        }
    }

    @Test(arguments: [false, true]) func readyAliveAndStopping(abstract: Bool) throws {
        let manager = try Manager(abstract: abstract)
        let node = try RunningNode(wrapper: ["NOTIFY_SOCKET=\(manager.name)", "WATCHDOG_USEC=200000"])
        #expect(manager.next().hasPrefix("READY=1\nSTATUS=serving on "))
        let begun = Date()
        for _ in 0..<4 { #expect(manager.next() == "WATCHDOG=1") }
        #expect(-begun.timeIntervalSinceNow < 5)
        node.signal(SIGTERM)
        var last = manager.next()
        while last == "WATCHDOG=1" { last = manager.next() }
        #expect(last.hasPrefix("STOPPING=1\n"))
        #expect(node.stop() == 0)
    }

    /// Without a watchdog's time there are no signs, and one that is meant for another process is none.
    @Test func nobodyIsToldUnasked() throws {
        let manager = try Manager(abstract: false)
        let node = try RunningNode(
            wrapper: ["NOTIFY_SOCKET=\(manager.name)", "WATCHDOG_USEC=20000", "WATCHDOG_PID=1"])
        #expect(manager.next().hasPrefix("READY=1"))
        usleep(200_000)
        node.signal(SIGTERM)
        #expect(manager.next().hasPrefix("STOPPING=1"))
        #expect(node.stop() == 0)
        // A place that is not there is no reason not to serve.
        let other = try RunningNode(wrapper: ["NOTIFY_SOCKET=/nowhere/at/all", "WATCHDOG_USEC=20000"])
        #expect(other.stop() == 0)
    }
}

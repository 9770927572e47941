internal import CPlatform
internal import Glibc

/// Real kernel threads: engines are bound to them, so Swift's cooperative pool will not do.
public enum Thread {
    /// CPUs that this process may use, ascending; never empty.
    public static func allowedCores() -> [Int32] {
        var cores = [Int32](repeating: 0, count: 1024)
        let count = Int(cp_affinity(&cores, 1024))
        return count == 0 ? [0] : Array(cores.prefix(count))
    }

    /// Starts a detached thread, pinned to `core` if one is given.
    /// - Throws: the errno of pthread_create(3).
    public static func start(name: String, core: Int32?, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let start = Unmanaged.passRetained(Start(name: name, core: core, body: body))
        var thread = pthread_t()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        defer { pthread_attr_destroy(&attributes) }
        let result = pthread_create(
            &thread, &attributes,
            { argument in
                // SAFETY: argument is the +1 reference made above, consumed exactly once, here.
                guard let argument else { return nil }
                Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, start.toOpaque())
        if result != 0 {
            start.release()
            throw SystemError(result, "pthread_create")
        }
    }

    /// Lets other threads that wait for this CPU go first.
    public static func yield() { sched_yield() }

    private final class Start: Sendable {
        let name: String
        let core: Int32?
        let body: @Sendable () -> Void

        init(name: String, core: Int32?, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.core = core
            self.body = body
        }

        func run() {
            cp_name_thread(String(name.prefix(15)))
            if let core { _ = cp_pin(core) }
            body()
        }
    }
}

/// A failed system call: what was called and the errno it left.
public struct SystemError: Error, CustomStringConvertible, Sendable {
    public let code: Int32
    public let call: String

    public init(_ code: Int32, _ call: String) {
        self.code = code
        self.call = call
    }

    /// Of the call that has just failed.
    public static func last(_ call: String) -> SystemError { SystemError(errno, call) }

    public var description: String { "\(call): \(String(cString: strerror(code)))" }
}

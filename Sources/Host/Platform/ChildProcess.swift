internal import CPlatform
internal import Glibc

/// A child process that must end in time: what is not trusted to return runs in one.
public enum ChildProcess {
    public enum Ending: Sendable, Equatable {
        case exited(Int32)
        case signalled(Int32)
        case timedOut
        /// Killed because `isWanted` said so.
        case abandoned
        /// The child could not be made; errno.
        case failed(Int32)
    }

    /// Runs a program with standard output captured (at most 1 MiB) and `input` as its standard input: what is secret goes
    /// there, because everybody can read a command line. The child has `folder`, an open one, as `folderDescriptor`.
    ///
    /// At `timeout` ns, or when `isWanted`, which is asked all 50 ms, is false, the child is killed with all processes of
    /// its group.
    public static func run(
        _ path: String, _ arguments: [String], input: [UInt8] = [], folder: Int32? = nil, timeout: UInt64,
        while isWanted: () -> Bool = { true }
    ) -> (ending: Ending, output: String) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return (.failed(errno), "") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        let given = cp_memory_file(input, input.count)
        guard given >= 0 else {
            close(ends[1])
            return (.failed(-given), "")
        }
        let child = spawn(path, arguments, input: given, output: ends[1], folder: folder)
        close(ends[1])
        close(given)
        guard let child = child.pid else { return (.failed(child.errno), "") }
        let deadline = Clock.now() &+ timeout
        func mayGoOn() -> Bool { Clock.now() < deadline && isWanted() }
        let bytes = collect(ends[0], until: deadline, while: isWanted)
        var status: Int32 = 0
        // It may have closed its output and live on.
        var hasEnded = waitpid(child, &status, WNOHANG) != 0
        while !hasEnded, mayGoOn() {
            usleep(500)
            hasEnded = waitpid(child, &status, WNOHANG) != 0
        }
        // The group: the child may have made processes that outlive it.
        kill(-child, SIGKILL)
        if !hasEnded { while waitpid(child, &status, 0) < 0, errno == EINTR {} }
        let text = String(decoding: bytes, as: UTF8.self)
        guard hasEnded else { return (Clock.now() < deadline ? .abandoned : .timedOut, text) }
        return (status & 0x7f == 0 ? .exited(status >> 8 & 0xff) : .signalled(status & 0x7f), text)
    }

    /// Where a child finds the folder that it was lent.
    public static let folderDescriptor: Int32 = 3

    private static func spawn(
        _ path: String, _ arguments: [String], input: Int32, output: Int32, folder: Int32?
    ) -> (pid: pid_t?, errno: Int32) {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        if let folder { posix_spawn_file_actions_adddup2(&actions, folder, folderDescriptor) }
        // Nothing is blocked, whatever the caller has blocked for itself.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        let argv = ([path] + arguments).map { strdup($0) }
        defer { for argument in argv { free(argument) } }
        var pid: pid_t = 0
        // The first of a name counts; a crash here is an answer, which a backtrace would only delay.
        let quiet = strdup("SWIFT_BACKTRACE=enable=no")
        defer { free(quiet) }
        var environment = [quiet]
        var next = environ
        // SAFETY: environ ends with null (environ(7)), and nobody changes it while the node runs.
        while let variable = next.pointee {
            environment.append(variable)
            next += 1
        }
        let status = posix_spawn(&pid, path, &actions, &attributes, argv + [nil], environment + [nil])
        return (status == 0 ? pid : nil, status)
    }

    /// What was written up to the end of the pipe or the deadline, or until nobody wants it.
    private static func collect(_ descriptor: Int32, until deadline: UInt64, while isWanted: () -> Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let now = Clock.now()
            guard now < deadline, isWanted() else { return bytes }
            var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let milliseconds = min(50, (deadline &- now) / 1_000_000 &+ 1)
            guard poll(&watched, 1, Int32(milliseconds)) > 0 else { continue }
            // SAFETY: buffer has buffer.count writable bytes.
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return bytes }
            if bytes.count < 1 << 20 { bytes += buffer[..<count] }
        }
    }
}

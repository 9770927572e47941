internal import CPlatform
internal import Glibc

/// What this process has taken from the machine.
public enum ProcessUse {
    /// Resident memory, 0 when the kernel does not tell.
    public static var residentBytes: Int {
        let fields = (WholeFile.text(of: "/proc/self/statm") ?? "").split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return 0 }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    /// CPU time, user and system.
    public static var cpuMicroseconds: Int {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        func microseconds(_ time: timeval) -> Int { time.tv_sec * 1_000_000 + Int(time.tv_usec) }
        return microseconds(usage.ru_utime) + microseconds(usage.ru_stime)
    }
}

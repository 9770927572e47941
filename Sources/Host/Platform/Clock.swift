internal import CPlatform

/// Clocks, in nanoseconds.
public enum Clock {
    /// CLOCK_MONOTONIC: deadlines and durations.
    @inline(__always)
    public static func now() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// CLOCK_REALTIME: what functions are told the time is.
    public static func wall() -> UInt64 { read(CLOCK_REALTIME) }

    /// The same as of the last tick of the kernel, some milliseconds ago; cheaper.
    public static func coarseWall() -> UInt64 { read(CLOCK_REALTIME_COARSE) }

    /// CPU time that the process has used.
    public static func processCPU() -> UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    /// CPU time that the calling thread has used.
    public static func threadCPU() -> UInt64 { read(CLOCK_THREAD_CPUTIME_ID) }

    /// How fast the counter runs that every program can read (rdtsc, cntvct_el0), in Hz; 0 while it is not known.
    /// Measured against CLOCK_MONOTONIC since the first call, until that was a second ago.
    public static var counterHz: UInt64 { cp_counter_hz() }

    @inline(__always)
    private static func read(_ id: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(id, &time)
        return UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000 &+ UInt64(bitPattern: Int64(time.tv_nsec))
    }
}

/// Blocking waits, for threads that have nothing else to do.
public enum Sleep {
    public static func milliseconds(_ count: UInt32) { usleep(count * 1000) }
}

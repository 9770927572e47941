internal import Glibc

/// How busy the machine is with the work of all.
public enum MachineLoad {
    /// Threads that wanted a CPU, for each CPU of this process, in the last minute (getloadavg(3)); 0 when it is not known.
    public static var crowd: Double {
        var load = [0.0]
        guard getloadavg(&load, 1) == 1 else { return 0 }
        return load[0] / Double(Thread.allowedCores().count)
    }
}

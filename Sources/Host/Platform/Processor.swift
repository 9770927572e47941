internal import Glibc

/// The machine's processor, as far as it decides what programs find out about it.
public enum Processor {
    /// Its model and what it can do, in the words of /proc/cpuinfo; empty where there are none.
    public static let identity: String = {
        guard let file = fopen("/proc/cpuinfo", "re") else { return "" }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var room = 0
        defer { free(line) }
        var facts = ""
        // Of the first of them: a blank line ends it.
        while getline(&line, &room, file) > 1, let line {
            // SAFETY: getline gives a NUL-terminated text.
            let text = String(cString: line)
            if wanted.contains(where: text.hasPrefix) { facts += text }
        }
        return facts
    }()

    private static let wanted = ["vendor_id", "cpu family", "model", "stepping", "flags", "CPU ", "Features"]
}

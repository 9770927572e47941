internal import Foundation

/// Where tests put what they need for a while.
public enum Temporary {
    /// TMPDIR, which ./dev test removes at the end; without a slash at its end.
    // SAFETY: getenv(3) gives a NUL-terminated text, and tests change the environment of child processes only.
    public static let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"

    /// Removes a file, or a folder with all that is in it.
    public static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }
}

/// How long a request and its answer may take, in seconds (Docs/http-api.md, "Limits"); the same for both versions of HTTP.
enum Patience {
    /// From the first byte of a head to its last.
    static let head: UInt32 = 10
    /// For the client to take note of an answer that ends a connection or a stream before its request is complete.
    static let lingering: UInt32 = 3

    /// So that trickling does not hold memory for long: a grace, then an average of 8 KiB/s.
    static func seconds(forBytes progress: Int) -> UInt32 { 20 &+ UInt32(clamping: progress >> 13) }
}

import PluginABI

/// An answer's bytes, and what is to become of them.
struct HostileAnswer: Sendable {
    var bytes: [UInt8]
    var method = "GET"
    /// DN_COMM_*.
    var outcome = DN_COMM_PROTOCOL
    /// Of the message, or of the whole answer when the outcome is DN_COMM_OK.
    var words: String

    /// Refused as no HTTP, for a reason with these words.
    static func bad(_ text: String, _ words: String, _ method: String = "GET") -> HostileAnswer {
        HostileAnswer(bytes: latin(text), method: method, words: words)
    }

    /// Refused as too much.
    static func large(_ text: String, _ words: String) -> HostileAnswer {
        HostileAnswer(bytes: latin(text), outcome: DN_COMM_TOO_LARGE, words: words)
    }

    /// Broken off.
    static func cut(_ text: String) -> HostileAnswer {
        HostileAnswer(bytes: latin(text), outcome: DN_COMM_RESET, words: "closed")
    }

    /// Given to the function as `HEAD|BODY`, the head's lines joined by `|`.
    static func good(_ text: String, _ whole: String, _ method: String = "GET") -> HostileAnswer {
        HostileAnswer(bytes: latin(text), method: method, outcome: DN_COMM_OK, words: whole)
    }

    /// An HTTP/1.1 answer of status 200 with these header lines, `\r\n` behind each, and this body.
    static func ok(_ lines: String..., body: String = "") -> String {
        "HTTP/1.1 200 OK\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n" + body
    }

    static func chunked(_ body: String) -> String { ok("Transfer-Encoding: chunked", body: body) }

    /// One byte for each character, so that every byte can be written.
    private static func latin(_ text: String) -> [UInt8] {
        text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    }

    static func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }
}

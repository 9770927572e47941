internal import Values

/// The table `[access_log]`: a line for each request.
public struct AccessLogSettings: Sendable, Equatable {
    public enum Format: String, Sendable, CaseIterable {
        /// An object of JSON.
        case json
        /// The combined format of web servers, then the request's id and its time.
        case text
    }

    /// Nil: no such log.
    public var path: String?
    public var format: Format

    public init(path: String? = nil, format: Format = .json) {
        self.path = path
        self.format = format
    }
}

/// How lines of the node's log are written.
public enum LogLines: String, Sendable, CaseIterable {
    case text, json
}

extension Decode {
    func accessLogSettings(_ table: TableReader) -> AccessLogSettings {
        let settings = AccessLogSettings(
            path: nonEmpty(table, "path"), format: table.choice("format", default: .json))
        table.finish()
        return settings
    }
}

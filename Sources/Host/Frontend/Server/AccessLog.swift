public import Config
internal import Dispatcher
public import Failure
internal import Platform
internal import Telemetry
internal import Traces
internal import Values

/// A line for each request that was answered, in a file; no worker waits for it.
public final class AccessLog: Sendable {
    private let file: LineFile
    private let format: AccessLogSettings.Format
    private static let lost = Metrics.shared.cell(
        "dandelion_access_log_lost_lines_total", "Lines of the access log that could not be written in time.")
    /// Characters of what a function wrote to standard error before it failed.
    private static let mostErrorText = 1024

    /// Nil when the settings name no file.
    /// - Throws: `.unavailable` naming the file.
    public init?(_ settings: AccessLogSettings) throws(Failure) {
        guard let path = settings.path else { return nil }
        format = settings.format
        do throws(SystemError) { file = try LineFile(path: path, lost: Self.lost) } catch {
            throw Failure(.unavailable, "the access log '\(path)' cannot be opened: \(error)")
        }
    }

    /// Goes on in the file that has the name now.
    public func reopen() { file.reopen() }

    /// When no request is answered any more.
    public func stop() { file.stop() }

    func add(_ record: RequestRecord, _ response: Response, _ problem: Problem?) {
        file.add(format == .json ? Self.json(record, response, problem) : Self.text(record, response))
    }

    /// The line as an object of JSON.
    static func json(_ record: RequestRecord, _ response: Response, _ problem: Problem?) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("time", WallTime.text(record.wall))
            json.member("request_id", record.id)
            if let trace = record.trace { json.member("trace_id", trace.id) }
            json.member("remote", record.remote)
            json.member("method", record.methodName)
            json.member("target", record.target)
            json.member("protocol", "HTTP/\(record.version)")
            json.member("status", Int(response.status.rawValue))
            json.member("request_bytes", record.requestBytes)
            json.member("response_bytes", record.bytes(of: response))
            json.milliseconds("duration_ms", record.duration)
            json.member("tenant", record.tenant)
            if let agent = record.agent { json.member("user_agent", agent) }
            if let name = record.name { json.member("name", name) }
            json.write(record)
            if let problem { json.write(problem) }
        }
        return json.bytes
    }

    /// The combined format of web servers, then the id and milliseconds.
    private static func text(_ record: RequestRecord, _ response: Response) -> [UInt8] {
        func quoted(_ text: String) -> String {
            "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        let request = "\(record.methodName) \(record.target) HTTP/\(record.version)"
        let duration = record.duration / 1000
        let rest = String(duration % 1000 + 1000).dropFirst()
        return Array(
            "\(record.remote) - \(quoted(record.tenant)) [\(WallTime.text(record.wall))] \(quoted(request)) \(response.status.rawValue) \(record.bytes(of: response)) \"-\" \(quoted(record.agent ?? "-")) \(record.id) \(duration / 1000).\(rest)"
                .utf8)
    }

    fileprivate static func bounded(_ text: String) -> String { String(text.suffix(mostErrorText)) }
}

extension JSONWriter {
    fileprivate mutating func milliseconds(_ name: String, _ nanoseconds: UInt64) {
        let (whole, rest) = (nanoseconds / 1000).quotientAndRemainder(dividingBy: 1000)
        self.name(name)
        number("\(whole).\(String(rest + 1000).dropFirst())")
    }

    /// Where the time of an invocation went.
    fileprivate mutating func write(_ record: RequestRecord) {
        guard let timeline = record.timeline else { return }
        milliseconds("queue_ms", timeline.queue)
        milliseconds("load_ms", timeline.load)
        milliseconds("input_ms", timeline.input)
        milliseconds("run_ms", timeline.run)
        milliseconds("output_ms", timeline.output)
        milliseconds("communication_ms", timeline.communication)
        member("sandboxes", timeline.sandboxes)
        member("requests", timeline.requests)
    }

    fileprivate mutating func write(_ problem: Problem) {
        member("problem", problem.kind)
        member("detail", problem.detail)
        if let text = problem.facts.first(where: { $0.name == "stderr" })?.value {
            member("stderr", AccessLog.bounded(text))
        }
    }
}

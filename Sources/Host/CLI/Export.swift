internal import ArgumentParser
internal import Config
internal import Glibc
internal import Transport
internal import Values

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write what a node has into a folder that can be applied.",
        discussion: """
            Makes dandelion.project.toml with the newest versions, images and texts beside
            it. Bound items, older versions and inputs of schedules are not written;
            what is left out is told.

              dandelion export backup
              dandelion apply backup --node http://other:8080
            """)

    @Argument(help: "The folder; made when it does not exist. What it names already is not overwritten.")
    var folder: String

    @OptionGroup var node: NodeOptions

    func run() throws {
        guard mkdir(folder, 0o777) == 0 || errno == EEXIST else { throw failed(folder) }
        var toml = Toml()
        for (number, name) in try node.names("functions").enumerated() { try function(name, number, &toml) }
        var files: [[UInt8]: String] = [:]
        for (number, name) in try node.names("compositions").enumerated() {
            let facts = try get("compositions", name)
            let text = Array((facts["text"]?.text ?? "").utf8)
            let file = files[text] ?? "compositions-\(number).dandelion"
            if files.updateValue(file, forKey: text) == nil { try write(file, text) }
            toml.table("compositions", name)
            toml.text("text", file)
        }
        try aliases(&toml)
        for name in try node.names("schedules") {
            let facts = try get("schedules", name)
            toml.table("schedules", name)
            for key in ["invoke", "cron", "zone", "every", "missed", "class", "timeout"] {
                if let text = facts[key]?.text { toml.text(key, text) }
            }
        }
        try write(Project.fileName, Array(toml.lines.joined().utf8))
        Output.line("wrote \(folder)/\(Project.fileName)")
    }

    private func function(_ name: String, _ number: Int, _ toml: inout Toml) throws {
        let facts = try get("functions", name)
        guard facts["bound"]?.elements.isEmpty != false else {
            return Output.note(
                "dandelion: function '\(name)' is left out: its bound items cannot be read from the node")
        }
        let file = "function-\(number).image"
        try write(file, try node.send(NodeRequest("GET", ["v1", "functions", name], ["image": "true"])).body)
        toml.table("functions", name)
        toml.text("image", file)
        for key in ["class", "entry", "memory", "timeout"] {
            if let text = facts[key]?.text { toml.text(key, text) }
        }
        for key in ["inputs", "outputs"] { toml.list(key, facts[key]?.elements ?? []) }
        if let sizes = facts["min_set_bytes"]?.elements { toml.list("min_set_bytes", sizes) }
    }

    private func aliases(_ toml: inout Toml) throws {
        let all = try NodeOptions.json(try node.send(NodeRequest("GET", ["v1", "aliases"])))["aliases"]?.elements ?? []
        guard !all.isEmpty else { return }
        // Numbers are the node's own: another begins with 1.
        Output.note("dandelion: aliases are written as \"newest\": another node counts versions anew")
        toml.lines.append("\n[aliases]\n")
        for alias in all { toml.text(alias["name"]?.text ?? "", "newest") }
    }

    private func get(_ collection: String, _ name: String) throws -> ParsedValue {
        try NodeOptions.json(try node.send(NodeRequest("GET", ["v1", collection, name])))
    }

    private func write(_ name: String, _ bytes: [UInt8]) throws {
        let path = "\(folder)/\(name)"
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard file >= 0 else { throw failed(path) }
        defer { close(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            // SAFETY: rest has rest.count readable bytes.
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else { throw failed(path) }
            rest = rest.dropFirst(count)
        }
    }

    private func failed(_ path: String) -> ExitCode {
        Output.note("dandelion: \(path): \(String(cString: strerror(errno)))")
        return .cannotCreate
    }
}

/// Lines of TOML.
private struct Toml {
    var lines: [String] = []

    mutating func table(_ kind: String, _ name: String) { lines.append("\n[\(kind).\(Self.quoted(name))]\n") }
    mutating func text(_ key: String, _ value: String) { lines.append("\(Self.quoted(key)) = \(Self.quoted(value))\n") }
    mutating func list(_ key: String, _ values: [ParsedValue]) {
        lines.append("\(key) = [\(values.map { $0.text.map(Self.quoted) ?? $0.json }.joined(separator: ", "))]\n")
    }

    /// A basic string of TOML 1.0 is one of JSON, but for a slash that JSON may escape.
    private static func quoted(_ text: String) -> String {
        ParsedValue(.string(text)).json.replacing("\\/", with: "/").replacing("\u{7f}", with: "\\u007F")
    }
}

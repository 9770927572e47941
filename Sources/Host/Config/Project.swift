internal import Failure
internal import Values

/// What `dandelion apply` makes true at a node: the file `dandelion.project.toml` of a folder, checked.
public struct Project: Sendable {
    public static let fileName = "dandelion.project.toml"

    public struct Function: Sendable {
        public var name: Located<String>
        /// Relative to the folder.
        public var image: Located<String>
        /// A command of the shell that makes the image, run in the folder by `dandelion dev`.
        public var build: String?
        public var className: String
        public var entry: String?
        public var inputs: [String]
        public var outputs: [String]
        /// Bytes; nil = the class's.
        public var memory: UInt64?
        /// Nanoseconds; nil = the class's.
        public var timeout: UInt64?
        public var minimumSizes: [UInt64]
        /// By input, files whose content every run finds there.
        public var bound: [(input: String, files: [Located<String>])]
    }

    public struct Composition: Sendable {
        public var name: Located<String>
        /// File of its text, relative to the folder.
        public var text: Located<String>
    }

    public struct Alias: Sendable {
        /// `NAME@ALIAS`.
        public var name: Located<String>
        /// As `to` of the route, or `newest`.
        public var versions: String
    }

    public struct Schedule: Sendable {
        public var name: Located<String>
        public var invoke: String
        public var cron: String?
        public var zone: String?
        /// Nanoseconds.
        public var every: UInt64?
        public var missed: String?
        public var className: String?
        /// Nanoseconds.
        public var timeout: UInt64?
    }

    /// In the order of the file, as are the others.
    public var functions: [Function]
    public var compositions: [Composition]
    public var aliases: [Alias]
    public var schedules: [Schedule]
    /// Names of secrets that must have been set.
    public var secrets: [String]
}

extension Project {
    /// Reads and checks the file of a folder. The error holds every mistake.
    public static func load(_ folder: String) throws(ConfigError) -> Project {
        let path = "\(folder)/\(fileName)"
        let log = MistakeLog(file: path, text: try NodeConfig.text(of: path))
        let project = TOMLReader.read(log.text, log: log).map { ProjectDecode($0, log: log).project() }
        try log.finish()
        guard let project else {
            throw ConfigError(mistakes: [Mistake(file: path, place: nil, message: "the file could not be read")])
        }
        return project
    }
}

/// From a tree of values to a `Project`.
private struct ProjectDecode {
    let log: MistakeLog
    let root: TableReader

    init(_ tree: ParsedValue, log: MistakeLog) {
        self.log = log
        root = TableReader(tree, path: "", at: Place(line: 1, column: 1), log: log)
    }

    func project() -> Project {
        let project = Project(
            functions: root.tables("functions").compactMap(function),
            compositions: root.tables("compositions").compactMap { name, table in
                defer { table.finish() }
                return table.required("text").map { Project.Composition(name: name, text: $0) }
            },
            aliases: (root.entry("aliases")?.value).map(aliases) ?? [],
            schedules: root.tables("schedules").compactMap(schedule),
            secrets: texts(root, "secrets").map(\.value))
        root.finish()
        return project
    }

    private func function(_ name: Located<String>, _ table: TableReader) -> Project.Function? {
        let image = table.required("image")
        let inputs = texts(table, "inputs").map(\.value)
        let bind = table.entry("bind")?.value
        var bound: [(input: String, files: [Located<String>])] = []
        if let bind, case .table = bind.kind {
            let reader = TableReader(bind, path: table.name("bind"), at: bind.place, log: log)
            for entry in bind.entries {
                if !inputs.contains(entry.key) {
                    log.add(
                        entry.keyPlace,
                        "'\(entry.key)' is not one of the inputs, \(Nearest.hint(for: entry.key, among: inputs))")
                }
                bound.append((entry.key, texts(reader, entry.key)))
            }
        } else if let bind {
            log.add(bind.place, "'\(table.name("bind"))' must be a table, not \(bind.kindName)")
        }
        let sizes = table.entry("min_set_bytes")?.value
        let numbers = (sizes?.elements ?? []).map { value -> UInt64? in
            if case .integer(let number) = value.kind { UInt64(exactly: number) } else { nil }
        }
        if let sizes, numbers.contains(nil) || numbers.count != inputs.count {
            log.add(sizes.place, "'\(table.name("min_set_bytes"))' must be a list of a number for each input")
        }
        let (build, entry) = (table.string("build")?.value, table.string("entry")?.value)
        let className = table.string("class")?.value ?? "default"
        let outputs = texts(table, "outputs").map(\.value)
        let memory = table.optionalSize("memory", in: 1...UInt64(Int64.max))
        let timeout = table.optionalTime("timeout", in: 1...UInt64(Int64.max))
        table.finish()
        return image.map { image in
            Project.Function(
                name: name, image: image, build: build, className: className, entry: entry, inputs: inputs,
                outputs: outputs, memory: memory, timeout: timeout, minimumSizes: numbers.compactMap { $0 },
                bound: bound)
        }
    }

    private func schedule(_ name: Located<String>, _ table: TableReader) -> Project.Schedule? {
        let invoke = table.required("invoke")
        let every = table.optionalTime("every", in: 1...UInt64(Int64.max))
        let cron = table.string("cron")
        if invoke != nil, (every == nil) == (cron == nil) {
            log.add(table.place, "'\(table.name("cron"))' or '\(table.name("every"))' must be given, and not both")
        }
        let (zone, missed, className) = (table.string("zone"), table.string("missed"), table.string("class"))
        let timeout = table.optionalTime("timeout", in: 1...UInt64(Int64.max))
        table.finish()
        return invoke.map { invoke in
            Project.Schedule(
                name: name, invoke: invoke.value, cron: cron?.value, zone: zone?.value, every: every,
                missed: missed?.value, className: className?.value, timeout: timeout)
        }
    }

    private func aliases(_ value: ParsedValue) -> [Project.Alias] {
        guard case .table(let entries) = value.kind else {
            log.add(value.place, "'aliases' must be a table, not \(value.kindName)")
            return []
        }
        return entries.compactMap { entry in
            let versions: String
            switch entry.value.kind {
            case .integer(let number): versions = "\(number)"
            case .string(let text): versions = text
            default:
                log.add(
                    entry.value.place,
                    "'aliases.\(entry.key)' must be a version, \"newest\", or versions with weights such as \"1:90,2:10\""
                )
                return nil
            }
            guard entry.key.contains("@"), versions != "previous" else {
                log.add(
                    entry.keyPlace, "an alias is \"NAME@ALIAS\" = \"newest\", a version, or versions with weights")
                return nil
            }
            return Project.Alias(name: Located(entry.key, at: entry.keyPlace), versions: versions)
        }
    }

    private func texts(_ table: TableReader, _ key: String) -> [Located<String>] {
        guard let value = table.entry(key)?.value else { return [] }
        guard case .array(let elements) = value.kind else {
            log.add(value.place, "'\(table.name(key))' must be a list of strings")
            return []
        }
        return elements.compactMap { element in
            guard let text = element.text, !text.isEmpty else {
                log.add(element.place, "'\(table.name(key))' must be a list of strings, not of \(element.kindName)")
                return nil
            }
            return Located(text, at: element.place)
        }
    }
}

internal import Failure
internal import Values

/// From a tree of values to a `NodeConfig`. Ranges and defaults are those that Config/dandelion.toml documents.
struct Decode {
    let log: MistakeLog
    let root: TableReader

    init(_ tree: ParsedValue, log: MistakeLog) {
        self.log = log
        root = TableReader(tree, path: "", at: Place(line: 1, column: 1), log: log)
    }

    func config() -> NodeConfig {
        let table = root.table("node")
        let listeners = listeners(table)
        let node = nodeSettings(table)
        let access = accessSettings(root.table("access"))
        let authentication = authentication(root.table("authentication"))
        let accessLog = accessLogSettings(root.table("access_log"))
        let traces = traceSettings(root.table("traces"))
        let audit = auditSettings(root.table("audit"))
        let control = controlSettings(root.table("control"))
        let durable = durableSettings(root.table("durable"))
        let plugins = root.tables("plugins").compactMap(plugin)
        let functions = root.tables("functions").compactMap(function)
        let classes = root.tables("classes").compactMap(functionClass)
        let tenants = tenants(root)
        let fleet = self.fleet()
        root.finish()
        let config = NodeConfig(
            file: log.file, text: log.text, node: node, listeners: listeners, access: access,
            authentication: authentication, accessLog: accessLog, traces: traces, audit: audit, control: control,
            durable: durable, plugins: plugins,
            functions: functions, classes: classes,
            tenants: tenants, fleet: fleet)
        checkReferences(config)
        return config
    }

    private func nodeSettings(_ table: TableReader) -> NodeSettings {
        let state = nonEmpty(table, "state") ?? "dandelion-state"
        let settings = NodeSettings(
            state: state, secretsKeyFile: nonEmpty(table, "secrets_key"),
            user: table.string("user"),
            pluginDirectory: nonEmpty(table, "plugin_directory"),
            cores: cores(table),
            maxBody: table.size("max_body", in: 1 << 10...2 << 30, default: 64 << 20),
            maxConnections: Int(table.integer("max_connections", in: 1...1_000_000, default: 16_384)),
            idleTimeout: table.time("idle_timeout", in: Self.tenMilliseconds...Self.day, default: 60 * Self.second),
            drainTimeout: table.time("drain_timeout", in: 0...Self.hour, default: 10 * Self.second),
            log: table.choice("log", default: LogThreshold.info),
            logLines: table.choice("log_lines", default: LogLines.text),
            console: table.boolean("console", default: true),
            localPath: table.boolean("local_path", default: false),
            imageCache: table.size("image_cache", in: 0...1 << 40, default: 256 << 20),
            memory: table.optionalSize("memory", in: 16 << 20...1 << 50),
            queueDelay: table.time("queue_delay", in: Self.millisecond...Self.hour, default: Self.second / 2),
            maxRequests: maxRequests(table),
            defaultTimeout: table.time(
                "default_timeout", in: Self.millisecond...Self.day, default: 600 * Self.second),
            maxSandboxes: Int(table.integer("max_sandboxes", in: 1...1_000_000_000, default: 1_000_000)),
            maxOutgoingRequests: Int(table.integer("max_outgoing_requests", in: 1...1_000_000, default: 10_000)),
            keepVersions: Int(table.integer("keep_versions", in: 0...10_000, default: 5)))
        table.finish()
        return settings
    }

    private func controlSettings(_ table: TableReader) -> ControlSettings {
        let standard = ControlSettings()
        let settings = ControlSettings(
            interval: table.time("interval", in: Self.tenMilliseconds...10 * Self.second, default: standard.interval),
            kp: table.number("kp", in: 0...1000, default: standard.kp),
            ki: table.number("ki", in: 0...1000, default: standard.ki),
            deadBand: table.number("dead_band", in: 0...1000, default: standard.deadBand),
            loopClock: table.choice("loop_clock", default: standard.loopClock))
        table.finish()
        return settings
    }

    func maxRequests(_ table: TableReader) -> Int {
        Int(table.integer("max_requests", in: 1...1_000_000, default: 16_384))
    }

    private func plugin(_ name: Located<String>, _ table: TableReader) -> PluginConfig? {
        // Names stand before the names of the plugin's metrics, hence the small alphabet.
        let named = isName(name.value, first: "abcdefghijklmnopqrstuvwxyz_", others: "0123456789")
        if !named {
            log.add(
                name.place, "the plugin's name '\(name.value)' must be of a-z, 0-9 and '_', and not begin with a digit")
        }
        let path = table.required("path")
        if let path, path.value.isEmpty { log.add(path.place, "'\(table.name("path"))' is empty") }
        var digest = table.string("sha256")
        if let written = digest {
            digest?.value = written.value.lowercased()
            if written.value.utf8.count != 64 || !written.value.allSatisfy(\.isHexDigit) {
                log.add(written.place, "'\(table.name("sha256"))' must be 64 hexadecimal digits")
            }
        }
        let config = table.entry("config")?.value ?? ParsedValue(.table([]), at: table.place)
        if case .table = config.kind {
            checkRepresentable(config, table.name("config"))
        } else {
            log.add(config.place, "'\(table.name("config"))' must be a table, not \(config.kindName)")
        }
        table.finish()
        guard let path else { return nil }
        return PluginConfig(name: name, path: path, sha256: digest, config: config)
    }

    private func function(_ name: Located<String>, _ table: TableReader) -> CommunicationFunction? {
        let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
        if !isName(name.value, first: letters, others: "0123456789") {
            log.add(
                name.place,
                "the function's name '\(name.value)' must be of letters, digits and '_', and not begin with a digit")
        }
        let plugin = table.required("plugin")
        let protocolName = table.required("protocol")
        let timeout = table.time("timeout", in: Self.millisecond...Self.day, default: 30 * Self.second)
        let maxResponse = table.size("max_response", in: 1...2 << 30, default: 64 << 20)
        let egress = egress(in: table)
        table.finish()
        guard let plugin, let protocolName else { return nil }
        return CommunicationFunction(
            name: name, plugin: plugin, protocolName: protocolName, timeout: timeout, maxResponse: maxResponse,
            egress: egress)
    }

    private func functionClass(_ name: Located<String>, _ table: TableReader) -> FunctionClass? {
        let alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
        if !isName(name.value, first: alphabet, others: "") {
            log.add(name.place, "the class's name '\(name.value)' must be of letters, digits, '_' and '-'")
        }
        let decoded = FunctionClass(
            name: name,
            backends: backends(table),
            translators: table.entry("translators").map { pluginNames($0.value, table.name("translators")) } ?? [],
            memoryLimit: table.size("memory_limit", in: 64 << 10...1 << 40, default: 1 << 30),
            timeout: table.time("timeout", in: Self.millisecond...Self.day, default: 60 * Self.second),
            cores: cores(table),
            inline: table.choice("inline", default: InlinePolicy.auto),
            waiting: waiting(table),
            optional: table.boolean("optional", default: false))
        table.finish()
        return decoded
    }
}

// MARK: parts of tables

extension Decode {
    static let millisecond: UInt64 = 1_000_000
    static let tenMilliseconds: UInt64 = 10_000_000
    static let second: UInt64 = 1_000_000_000
    static let hour: UInt64 = 3_600_000_000_000
    static let day: UInt64 = 86_400_000_000_000

    func nonEmpty(_ table: TableReader, _ key: String) -> String? {
        guard let text = table.string(key) else { return nil }
        guard text.value.isEmpty else { return text.value }
        log.add(text.place, "'\(table.name(key))' is empty")
        return nil
    }

    private func isName(_ text: String, first: String, others: String) -> Bool {
        guard let initial = text.first, first.contains(initial), text.utf8.count <= 64 else { return false }
        return text.allSatisfy { first.contains($0) || others.contains($0) }
    }

    private func cores(_ table: TableReader) -> CorePolicy {
        let highest: Int64 = 1023  // the size of cpu_set_t
        let wanted = "\"all\", a number of cores or a list of CPUs"
        guard let value = table.entry("cores")?.value else { return .all }
        switch value.kind {
        case .string("all"): return .all
        case .integer(let count) where (1...highest + 1).contains(count): return .count(Int(count))
        case .array(let elements) where !elements.isEmpty:
            var list: [Int] = []
            for element in elements {
                if case .integer(let cpu) = element.kind, (0...highest).contains(cpu), !list.contains(Int(cpu)) {
                    list.append(Int(cpu))
                } else {
                    log.add(element.place, "'\(table.name("cores"))' must list different CPUs, each 0 to \(highest)")
                }
            }
            return .list(list)
        default:
            log.add(value.place, "'\(table.name("cores"))' must be \(wanted)")
            return .all
        }
    }

    private func waiting(_ table: TableReader) -> WaitingPolicy {
        guard let value = table.entry("waiting")?.value else { return .park }
        if case .string(let text) = value.kind {
            if text == "park" { return .park }
            if text == "spin" { return .spin }
            if let time = Units.time(text), (1_000...WaitingPolicy.longestSpin).contains(time) {
                return .spinThenPark(time)
            }
        }
        log.add(value.place, "'\(table.name("waiting"))' must be \"park\", \"spin\" or a time of 1us to 1s to spin for")
        return .park
    }

    private func backends(_ table: TableReader) -> [Located<String>] {
        table.require("backends")
        return table.entry("backends").map { pluginNames($0.value, table.name("backends")) } ?? []
    }

    private func pluginNames(_ value: ParsedValue, _ key: String) -> [Located<String>] {
        guard case .array(let elements) = value.kind, !elements.isEmpty else {
            log.add(value.place, "'\(key)' must be a list of plugin names such as [\"first\", \"second\"]")
            return []
        }
        var names: [Located<String>] = []
        for element in elements {
            guard case .string(let name) = element.kind else {
                log.add(element.place, "'\(key)' must hold strings, not \(element.kindName)")
                continue
            }
            if names.contains(where: { $0.value == name }) { log.add(element.place, "'\(key)' names '\(name)' twice") }
            names.append(Located(name, at: element.place))
        }
        return names
    }

    /// A plugin gets its config as JSON, which has neither dates nor numbers that are not finite.
    private func checkRepresentable(_ value: ParsedValue, _ path: String) {
        switch value.kind {
        case .date: log.add(value.place, "'\(path)' must not be a date; write it as a string")
        case .float(let number) where !number.isFinite: log.add(value.place, "'\(path)' must be a finite number")
        case .table(let entries):
            for entry in entries { checkRepresentable(entry.value, "\(path).\(entry.key)") }
        case .array(let elements):
            for (index, element) in elements.enumerated() { checkRepresentable(element, "\(path)[\(index)]") }
        default: break
        }
    }

    private func checkReferences(_ config: NodeConfig) {
        let plugins = config.plugins.map(\.name.value)
        // A plugin that is only malformed is reported as such, not also as unknown.
        let written = root.entry("plugins")?.value.entries.map(\.key) ?? []
        func check(_ name: Located<String>, _ user: String) {
            if written.contains(name.value) { return }
            let hint = Nearest.hint(for: name.value, among: plugins)
            log.add(name.place, "\(user) names '\(name.value)', which is not in [plugins], \(hint)")
        }
        if let fleet = config.fleet { for plugin in [fleet.plugin, fleet.transport] { check(plugin, "[fleet]") } }
        for function in config.functions { check(function.plugin, "function '\(function.name.value)'") }
        var seen: [String] = []
        for item in config.classes {
            let name = item.name.value.lowercased()
            if seen.contains(name) {
                log.add(item.name.place, "the class '\(item.name.value)' is doubled (case is no difference)")
            }
            seen.append(name)
            for plugin in item.backends + item.translators { check(plugin, "class '\(item.name.value)'") }
        }
    }
}

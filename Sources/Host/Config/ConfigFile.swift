internal import Platform

extension NodeConfig {
    /// Larger files are refused.
    static let largestFile = 1 << 20

    /// Reads and checks a config file. The error holds every mistake of the file.
    public static func load(_ path: String) throws(ConfigError) -> NodeConfig {
        try parse(try text(of: path), file: path)
    }

    /// The whole of a file that a person wrote.
    static func text(of path: String) throws(ConfigError) -> String {
        let bytes = try read(path)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigError(mistakes: [Mistake(file: path, place: nil, message: "the file is not UTF-8 text")])
        }
        return text
    }

    /// The text of the config that is compiled in: Config/dandelion.toml as it was at the build.
    public static var builtInText: String { String(decoding: PackageResources.dandelion_toml, as: UTF8.self) }

    /// The config that is compiled in.
    public static func builtIn() throws(ConfigError) -> NodeConfig {
        var config = try parse(builtInText, file: "built-in config")
        config.isBuiltIn = true
        return config
    }

    /// The config as its source has it now.
    public func readAgain() throws(ConfigError) -> NodeConfig { isBuiltIn ? try .builtIn() : try .load(file) }

    /// Checks the text of a config file. `file` is what mistakes call it.
    public static func parse(_ text: String, file: String) throws(ConfigError) -> NodeConfig {
        let log = MistakeLog(file: file, text: text)
        let config = TOMLReader.read(text, log: log).map { Decode($0, log: log).config() }
        try log.finish()
        guard let config else {
            throw ConfigError(mistakes: [Mistake(file: file, place: nil, message: "the file could not be read")])
        }
        return config
    }

    private static func read(_ path: String) throws(ConfigError) -> [UInt8] {
        func failed(_ message: String) -> ConfigError {
            ConfigError(mistakes: [Mistake(file: path, place: nil, message: message)])
        }
        do throws(WholeFile.Failed) { return try WholeFile.read(path, limit: largestFile) } catch {
            if case .tooLong = error { throw failed("is larger than \(Units.sizeText(UInt64(largestFile)))") }
            throw failed(error.text)
        }
    }
}

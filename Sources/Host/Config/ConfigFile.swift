import Glibc

extension NodeConfig {
    /// Larger files are refused.
    static let largestFile = 1 << 20

    /// Reads and checks a config file. The error holds every mistake of the file.
    public static func load(_ path: String) throws(ConfigError) -> NodeConfig {
        let bytes = try read(path)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigError(mistakes: [Mistake(file: path, place: nil, message: "the file is not UTF-8 text")])
        }
        return try parse(text, file: path)
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
        let config = TOMLReader.read(text, log: log).flatMap { Decode($0, log: log).config() }
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
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failed("cannot be opened: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            // SAFETY: buffer has buffer.count writable bytes.
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failed("cannot be read: \(String(cString: strerror(errno)))") }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= largestFile else {
                throw failed("is larger than \(Units.sizeText(UInt64(largestFile)))")
            }
        }
    }
}

import Config
import Foundation
import Testing
import Values

/// Folders of the repository, found from this file's own path.
enum Folder {
    static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    static let shipped = tests.deletingLastPathComponent().deletingLastPathComponent().appending(path: "Config")

    static func toml(in folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".toml") }.sorted()
    }
}

@Suite struct ConfigFilesTests {
    @Test func everyShippedFileIsGood() throws {
        let files = try Folder.toml(in: Folder.shipped)
        #expect(
            files == ["dandelion.toml", "morello.toml", "plain-host.toml", "third-party.toml", "x86-kvm.toml"])
        for file in files {
            let config = try NodeConfig.load(Folder.shipped.appending(path: file).path)
            #expect(config.functionClass(named: "Default") != nil, "\(file)")
        }
    }

    @Test func developmentFile() throws {
        let config = try NodeConfig.load(Folder.shipped.appending(path: "dandelion.toml").path)
        #expect(config.listeners == [ListenerSettings(.address(ListenAddress(host: "127.0.0.1", port: 8080)))])
        #expect(config.node.maxBody == 64 << 20)
        #expect(!config.node.localPath)
        #expect(config.node.cores == .all)
        #expect(config.plugins.map(\.name.value) == ["process", "kvm", "cheri", "rwasm", "http"])
        #expect(config.classes.map(\.name.value) == ["default", "process", "kvm", "cheri", "rwasm", "secure"])
        #expect(config.classes.map { $0.translators.map(\.value) } == [[], [], [], [], [], ["rwasm"]])
        #expect(config.classes.first?.backends.map(\.value) == ["kvm", "process"])
        #expect(config.classes.allSatisfy { $0.memoryLimit == 1 << 30 && $0.inline == .auto })
        let http = try #require(config.functions.first)
        #expect(http.name.value == "HTTP" && http.timeout == 30_000_000_000 && http.maxResponse == 64 << 20)
        #expect(config.plugins.first?.resolvedPath(in: "/opt/bin") == "/opt/bin/libDandelionProcess.so")
    }

    /// Each file in `bad` has a neighbour `.expected` with all of its mistakes: `line:column: message` and excerpts.
    @Test(arguments: try Folder.toml(in: Folder.tests.appending(path: "bad")))
    func badFileIsToldFully(file: String) throws {
        let path = Folder.tests.appending(path: "bad/\(file)")
        let expected = try String(
            contentsOf: path.deletingPathExtension().appendingPathExtension("expected"), encoding: .utf8)
        let text = try String(contentsOf: path, encoding: .utf8)
        let error = #expect(throws: ConfigError.self) { try NodeConfig.parse(text, file: file) }
        #expect("\(try #require(error))\n" == expected)
    }

    @Test func filesThatCannotBeRead() throws {
        for (path, message) in [
            ("/nonexistent/x.toml", "cannot be opened: No such file or directory"),
            ("/tmp", "cannot be read: Is a directory"), ("/dev/zero", "is larger than 1MiB"),
        ] {
            let error = #expect(throws: ConfigError.self) { try NodeConfig.load(path) }
            #expect("\(try #require(error))" == "\(path): \(message)")
        }
    }

    @Test func notUTF8() throws {
        let path = NSTemporaryDirectory() + "dandelion-config-\(getpid()).toml"
        try Data([0x5B, 0xFF, 0x5D]).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let error = #expect(throws: ConfigError.self) { try NodeConfig.load(path) }
        #expect("\(try #require(error))" == "\(path): the file is not UTF-8 text")
    }

    /// Whatever the text, it is either understood or refused with a place; nothing traps.
    @Test func mutatedFilesNeverTrap() throws {
        let text = try String(contentsOf: Folder.shipped.appending(path: "dandelion.toml"), encoding: .utf8)
        let bytes = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.joined(separator: "\n").utf8.map { $0 }
        var random = SplitMix(seed: 7)
        let alphabet = Array("[]{}=\".,#\\\n\t'0123456789abz-_é\u{0}".utf8)
        for _ in 0..<3000 {
            var mutant = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0..<mutant.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: mutant[at] = alphabet.randomElement(using: &random) ?? 0
                case 1: mutant.remove(at: at)
                default: mutant.insert(alphabet.randomElement(using: &random) ?? 0, at: at)
                }
            }
            do {
                _ = try NodeConfig.parse(String(decoding: mutant, as: UTF8.self), file: "m")
            } catch {
                #expect(!error.mistakes.isEmpty && error.mistakes.allSatisfy { $0.place != nil && !$0.message.isEmpty })
            }
        }
    }
}

/// A small generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var seed: UInt64

    mutating func next() -> UInt64 {
        seed &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (seed ^ (seed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite struct AccessSettingsTests {
    @Test func readsTheTable() throws {
        let text = """
            [access]
            hosts = ["Node.example"]
            origins = ["https://App.example:8443", "http://[::1]:3000"]
            tenants_from = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"]
            """
        let access = try NodeConfig.parse(text, file: "x").access
        #expect(access.hosts == ["node.example"])
        #expect(access.origins == ["https://app.example:8443", "http://[::1]:3000"])
        #expect(access.tenantsFrom?.count == 3)
        #expect(try NodeConfig.parse("", file: "x").access == AccessSettings())
        #expect(try NodeConfig.parse("[access]\ntenants_from = []", file: "x").access.tenantsFrom == [])
    }

    @Test(arguments: [
        #"hosts = "a""#, #"hosts = ["a:80"]"#, #"hosts = [""]"#, #"hosts = [1]"#, #"origins = ["app.example"]"#,
        #"origins = ["null"]"#, #"origins = ["https://a/b"]"#, #"origins = ["https://a b"]"#, #"tenants_from = ["a"]"#,
        #"tenants_from = ["10.0.0.1/8"]"#, #"tenants_from = ["10.0.0.0/33"]"#, #"tenants_from = ["::/-1"]"#,
        "host = []",
    ])
    func badSettingsAreTold(_ line: String) {
        let error = #expect(throws: ConfigError.self) { try NodeConfig.parse("[access]\n" + line, file: "x") }
        #expect(error?.mistakes.first?.place?.line == 2)
    }

    @Test func rangesHoldAddresses() throws {
        let inside = AddressRange.Address(v4: 0x0a01_0203)
        for (range, holds) in [
            ("10.0.0.0/8", true), ("10.1.2.3", true), ("10.1.2.4", false), ("0.0.0.0/0", true), ("::/0", true),
            ("::ffff:10.0.0.0/104", true), ("11.0.0.0/8", false), ("fd00::/8", false),
        ] {
            #expect(try #require(AddressRange(range)).contains(inside) == holds, "\(range)")
        }
        #expect(!(try #require(AddressRange("0.0.0.0/0")).contains(.init(high: 1, low: 0))))
    }
}

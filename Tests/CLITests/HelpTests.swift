import Foundation
import Testing

/// What every command says of itself.
@Suite struct HelpTests {
    /// Every command, by its words.
    private static let commands: [[String]] = {
        func below(_ command: [String]) -> [[String]] {
            let names = (try? HelpTests.help(command).subcommands) ?? []
            return [command] + names.flatMap { below(command + [$0]) }
        }
        return below([])
    }()

    private struct Help {
        /// Lines before the usage.
        var overview: [String] = []
        var subcommands: [String] = []
    }

    private static func help(_ command: [String], columns: Int = 80) throws -> Help {
        let ran = try Ran(command + ["--help"], environment: ["COLUMNS": "\(columns)"])
        #expect(ran.status == 0 && ran.errors.isEmpty)
        let lines = ran.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let listed = lines.drop { $0 != "SUBCOMMANDS:" }.dropFirst().prefix { !$0.isEmpty }
        return Help(
            overview: Array(lines.prefix { !$0.hasPrefix("USAGE:") }),
            // A name stands two columns from the left; what is further in goes on with a description.
            subcommands: listed.filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
                .compactMap { $0.split(separator: " ").first.map(String.init) })
    }

    @Test func allCommandsAreFound() {
        #expect(Self.commands.count > 15 && Self.commands.contains(["plugins", "check"]))
    }

    /// Examples are whole lines on a terminal of 80 columns, so that they can be pasted.
    @Test func examplesAreNotWrapped() throws {
        for command in Self.commands {
            let examples = try Self.help(command).overview.filter { $0.hasPrefix("  ") }
            let wide = try Self.help(command, columns: 300).overview.filter { $0.hasPrefix("  ") }
            #expect(examples == wide, "\(command)")
            let own = "  " + (["dandelion"] + command).joined(separator: " ")
            #expect(examples.contains { $0.hasPrefix(own) }, "\(command) has no example of itself")
        }
    }

    @Test func version() throws {
        let ran = try Ran(["--version"])
        #expect(ran.status == 0)
        let words = ran.output.split(whereSeparator: { " ,\n".contains($0) })
        #expect(words.count == 5 && words[0] == "dandelion" && words[2...3] == ["plugin", "ABI"])
        #expect(try Ran.version() == String(words[1]))
        // Its plugins are of the same version.
        let list = try Ran(["plugins", "list", "--json"])
        let found = try #require(try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [[String: String]])
        #expect(found.count >= 5)
        for name in found.compactMap({ $0["name"] }) {
            let inspected = try Ran(["plugins", "inspect", name, "--json"]).output
            let facts = try JSONSerialization.jsonObject(with: Data(inspected.utf8)) as? [String: Any]
            #expect(facts?["version"] as? String == String(words[1]), "\(name)")
            #expect(facts?["license"] as? String == "Apache-2.0", "\(name)")
        }
    }

    /// Each setting of a plugin stands in its README.
    @Test(arguments: ["KVM", "Process", "CHERI", "RWasm", "HTTPComm"]) func settingsAreTold(folder: String) throws {
        let inspected = try Ran(["plugins", "inspect", folder.lowercased(), "--json"]).output
        let facts = try JSONSerialization.jsonObject(with: Data(inspected.utf8)) as? [String: Any]
        let settings = (facts?["settings"] as? [String: Any])?["properties"] as? [String: Any]
        let names = try #require(settings).keys
        let readme = try String(contentsOfFile: "\(Ran.shipped)/../Plugins/\(folder)/README.md", encoding: .utf8)
        #expect(!names.isEmpty && names.filter { !readme.contains("`\($0)`") } == [], "\(inspected)")
    }
}

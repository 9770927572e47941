import Testing

@testable import Config

/// What a config says of its mistakes is logged and sent to clients: no secret may be in it.
@Suite struct SecretTests {
    private func told(_ text: String) -> String {
        do {
            let config = try NodeConfig.parse(text, file: "node.toml")
            let schema = #"{"type":"object","properties":{"mode":{"type":"string","enum":["a","b"]}}}"#
            return try config.plugins.flatMap { try config.mistakes(of: $0, schema: schema) }
                .map { "\($0)\n\($0.excerpt ?? "")" }.joined(separator: "\n")
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [
        "password = \"hunter2hunter2", "token = hunter2hunter2", "[plugins.x.config]\npassword = \"hunter2hunter2\" z",
        "proxy = \"http://me:hunter2hunter2@proxy\"", "config = { key = \"hunter2hunter2\" ",
        "mode = \"hunter2hunter2\"",
        "a = [\n\"hunter2hunter2\", =]", "pin = 12345678901 x", "text = \"\"\"\nhunter2hunter2 \\q\n\"\"\"",
    ]) func secretsAreHidden(line: String) {
        let text = told("[plugins.p]\npath = \"x.so\"\n[plugins.p.config]\n\(line)\n")
        #expect(!text.isEmpty)
        #expect(!text.contains("hunter2") && !text.contains("12345678901"), "\(text)")
    }

    @Test func whatIsHarmlessIsShown() {
        #expect(told("[node]\nlisten = \"nowhere\"\n").contains("listen = \"nowhere\""))
        #expect(told("[node]\nlistn = 5\n").contains("listn = 5"))
    }
}

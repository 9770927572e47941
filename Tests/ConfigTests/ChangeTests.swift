import Testing

@testable import Config

@Suite struct ChangeTests {
    private static let text = """
        [node]
        log = "info"
        max_body = "1MiB"
        cores = [0, 1]
        [plugins.a]
        path = "a.so"
        [plugins.a.config]
        secret = "s3cr3t"
        deep = { x = 1, list = [1, 2] }
        [classes.default]
        backends = ["a"]
        [tenants."big-one"]
        weight = 3
        """

    private func changes(_ edit: (String) -> String) throws -> [String] {
        let old = try NodeConfig.parse(Self.text, file: "old")
        return old.changes(to: try NodeConfig.parse(edit(Self.text), file: "new")).map(\.description)
    }

    @Test func sameTextsAndLayoutsAreNoChanges() throws {
        #expect(try changes { $0 }.isEmpty)
        #expect(try changes { "# a comment\n\n" + $0.replacing("cores = [0, 1]", with: "cores = [ 0,\n1 ]") }.isEmpty)
    }

    /// Each key of the file by itself, however deep.
    @Test func everyKeyIsTold() throws {
        let edits: [(from: String, to: String, key: String)] = [
            ("\"info\"", "\"debug\"", "node.log (line 2)"),
            ("\"1MiB\"", "\"2MiB\"", "node.max_body (line 3)"),
            ("[0, 1]", "[1, 0]", "node.cores (line 4)"),
            ("a.so", "b.so", "plugins.a.path (line 6)"),
            ("s3cr3t", "other", "plugins.a.config.secret (line 8)"),
            ("x = 1", "x = 2", "plugins.a.config.deep.x (line 9)"),
            ("[1, 2]", "[1]", "plugins.a.config.deep.list (line 9)"),
            ("weight = 3", "weight = 4", "tenants.big-one.weight (line 13)"),
        ]
        for edit in edits {
            #expect(try changes { $0.replacing(edit.from, with: edit.to) } == [edit.key])
        }
    }

    @Test func tablesThatComeAndGoAreOneChange() throws {
        #expect(
            try changes { $0.replacing("[tenants.\"big-one\"]", with: "[tenants.small]") }
                == ["tenants.small (line 12, new)", "tenants.big-one (gone)"])
        #expect(try changes { $0 + "\n[access]\nhosts = [\"a\"]" } == ["access (line 14, new)"])
        #expect(try changes { $0.replacing("max_body = \"1MiB\"\n", with: "") } == ["node.max_body (gone)"])
    }
}

internal import ArgumentParser
internal import Config

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List what is registered on a node.",
        discussion: """
              dandelion list --node http://127.0.0.1:8080 --json
            """)

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var node: NodeOptions

    func run() throws {
        let functions = try NodeOptions.json(try node.send(NodeRequest("GET", ["v1", "functions"])))
        let compositions = try NodeOptions.json(try node.send(NodeRequest("GET", ["v1", "compositions"])))
        if json {
            Output.line(ConfigValue(.table(functions.entries + compositions.entries)).json)
            return
        }
        var rows: [[String]] = []
        for function in functions["functions"]?.elements ?? [] {
            rows.append(Self.row("function", function, function, function["class"]?.text ?? ""))
        }
        for function in functions["communication"]?.elements ?? [] {
            rows.append(Self.row("communication", function, function["signatures"]?.elements.first, ""))
        }
        for composition in compositions["compositions"]?.elements ?? [] {
            rows.append(Self.row("composition", composition, composition, ""))
        }
        Output.table(rows)
    }

    /// Kind, name, "(inputs) => (outputs)", and one thing more.
    private static func row(_ kind: String, _ entry: ConfigValue, _ sets: ConfigValue?, _ rest: String) -> [String] {
        func names(_ key: String) -> String { (sets?[key]?.elements ?? []).compactMap(\.text).joined(separator: ", ") }
        return [kind, entry["name"]?.text ?? "", "(\(names("inputs"))) => (\(names("outputs")))", rest]
    }
}

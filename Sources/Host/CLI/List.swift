internal import ArgumentParser
internal import Config
internal import Values

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
        let functionPages = try pages("functions")
        let compositionPages = try pages("compositions")
        func all(_ key: String, _ pages: [ParsedValue]) -> [ParsedValue] { pages.flatMap { $0[key]?.elements ?? [] } }
        // What others registered for all can be used as if it were one's own.
        let functions = all("functions", functionPages) + all("published", functionPages)
        let communication = all("communication", functionPages)
        let compositions = all("compositions", compositionPages) + all("published", compositionPages)
        if json {
            let all: ParsedValue = .table([
                "functions": .array(functions), "communication": .array(communication),
                "compositions": .array(compositions),
            ])
            Output.line(all.json)
            return
        }
        var rows: [[String]] = []
        for function in functions {
            let number = function["version"]?.json ?? "1"
            rows.append(
                Self.row(
                    "function", function, function,
                    (function["class"]?.text ?? "") + (number == "1" ? "" : " version \(number)")))
        }
        for function in communication {
            rows.append(Self.row("communication", function, function["signatures"]?.elements.first, ""))
        }
        for composition in compositions { rows.append(Self.row("composition", composition, composition, "")) }
        Output.table(rows)
    }

    /// The node gives long lists in parts.
    private func pages(_ collection: String) throws -> [ParsedValue] {
        var pages: [ParsedValue] = []
        var after: String?
        repeat {
            let request = NodeRequest("GET", ["v1", collection], ["after": after])
            let page = try NodeOptions.json(try node.send(request))
            pages.append(page)
            after = page["next"]?.text
        } while after != nil
        return pages
    }

    /// Kind, name, "(inputs) => (outputs)", and one thing more.
    private static func row(_ kind: String, _ entry: ParsedValue, _ sets: ParsedValue?, _ rest: String) -> [String] {
        func names(_ key: String) -> String { (sets?[key]?.elements ?? []).compactMap(\.text).joined(separator: ", ") }
        return [kind, entry["name"]?.text ?? "", "(\(names("inputs"))) => (\(names("outputs")))", rest]
    }
}

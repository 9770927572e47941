internal import ArgumentParser
internal import Values

struct Nodes: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the nodes of a fleet, as one of them sees it.",
        discussion: """
              dandelion nodes --node http://10.0.0.1:8080

            Each line: address, serving or draining, version, engines, requests in progress,
            the wait of a new one, names registered, and when it was heard of. * marks the
            node that answers.
            """)

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var node: NodeOptions

    func run() throws {
        let answer = try NodeOptions.json(try node.send(NodeRequest("GET", ["v1", "nodes"])))
        if json { return Output.line(answer.json) }
        let nodes = answer["nodes"]?.elements ?? []
        Output.table([Self.head] + nodes.map(Self.row))
        if answer["engine"]?.text != "reached" { Output.line("the fleet's engine is out of reach") }
    }

    private static let head = ["", "address", "state", "version", "cores", "requests", "wait", "names", "heard"]

    private static func row(_ node: ParsedValue) -> [String] {
        func number(_ key: String) -> Int64 {
            if case .integer(let number)? = node[key]?.kind { number } else { 0 }
        }
        let isThis = node["this"]?.kind == .boolean(true)
        return [
            isThis ? "*" : "", node["address"]?.text ?? "", node["state"]?.text ?? "", node["version"]?.text ?? "",
            "\(number("cores"))", "\(number("requests"))", "\(number("wait_us")) us", "\(number("names"))",
            isThis ? "" : "\(number("heard_ms")) ms ago",
        ]
    }
}

internal import ArgumentParser
internal import Transport
internal import Values

struct Aliases: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias",
        abstract: "Decide which versions callers get.",
        discussion: """
              dandelion alias set resize@prod 3
              dandelion invoke resize@prod --file picture.png
            """,
        subcommands: [Put.self, Back.self, ListAll.self, Delete.self])

    struct Put: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set",
            abstract: "Make an alias, or have it point to other versions.",
            discussion: """
                  dandelion alias set resize@prod 3
                  dandelion alias set resize@prod 3:90 4:10
                """)

        @Argument(help: "NAME@ALIAS.")
        var alias: String

        @Argument(help: "A version, or several with the share that each gets: VERSION:WEIGHT.")
        var versions: [String]

        @OptionGroup var node: NodeOptions

        func run() throws { try node.point(alias, to: versions.joined(separator: ",")) }
    }

    struct Back: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rollback",
            abstract: "Have an alias point to what it pointed to before.",
            discussion: """
                  dandelion alias rollback resize@prod
                """)

        @Argument(help: "NAME@ALIAS.")
        var alias: String

        @OptionGroup var node: NodeOptions

        func run() throws { try node.point(alias, to: "previous") }
    }

    struct ListAll: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the aliases of a node.",
            discussion: """
                  dandelion alias list --json
                """)

        @Flag(help: "Print JSON.")
        var json = false

        @OptionGroup var node: NodeOptions

        func run() throws {
            let all = try NodeOptions.json(try node.send(NodeRequest("GET", ["v1", "aliases"])))
            if json { return Output.line(all.json) }
            Output.table(
                (all["aliases"]?.elements ?? []).map { alias in
                    let before = alias["previous"].flatMap { $0.elements.isEmpty ? nil : "before: \($0.shares)" }
                    return [alias["name"]?.text ?? "", alias["versions"]?.shares ?? "", before ?? ""]
                })
        }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove an alias; the versions stay.",
            discussion: """
                  dandelion alias delete resize@canary
                """)

        @Argument(help: "NAME@ALIAS.")
        var alias: String

        @OptionGroup var node: NodeOptions

        func run() throws {
            _ = try node.send(NodeRequest("DELETE", ["v1", "aliases", alias]))
            Output.line("removed \(alias)")
        }
    }
}

extension NodeOptions {
    fileprivate func point(_ alias: String, to versions: String) throws {
        let facts = try Self.json(try send(NodeRequest("PUT", ["v1", "aliases", alias], ["to": versions])))
        Output.line("\(alias) is \(facts["versions"]?.shares ?? "?")")
    }
}

extension ParsedValue {
    /// Versions and their weights, in words.
    fileprivate var shares: String {
        let shares = elements.map { share in
            (version: share["version"]?.json ?? "?", weight: share["weight"]?.json ?? "?")
        }
        guard shares.count != 1 else { return "version \(shares[0].version)" }
        return "versions " + shares.map { "\($0.version):\($0.weight)" }.joined(separator: ", ")
    }
}

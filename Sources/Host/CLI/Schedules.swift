internal import ArgumentParser
internal import Transport
internal import Values

struct Schedules: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule",
        abstract: "Have a node invoke something again and again.",
        discussion: """
              dandelion schedule list
            """,
        subcommands: [Put.self, ListAll.self, Show.self, Delete.self])

    struct Put: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a schedule, or change it.",
            discussion: """
                  dandelion schedule put tidy clean --every 10m
                  dandelion schedule put report sum --cron '0 6 * * mon-fri' \\
                    --zone Europe/Zurich --missed once --file names.csv
                """)

        @Argument(help: "The schedule's name.")
        var name: String

        @Argument(help: "The function or composition to invoke.")
        var target: String

        @Option(help: "Minute, hour, day, month and weekday, as in crontab(5).")
        var cron: String?

        @Option(help: "The time from one to the next, such as 10m.")
        var every: String?

        @Option(help: "The time zone of --cron, such as Europe/Zurich. (default: UTC)")
        var zone: String?

        @Option(
            help: "What becomes of those that the node could not begin in time: skip, or once for all. (default: skip)")
        var missed: String?

        @Option(help: "The first input is this text.")
        var text: String?

        @Option(help: "The first input is this file, or - for standard input.")
        var file: String?

        @Option(name: .customLong("class"), help: "Run it in this function class instead of its own.")
        var className: String?

        @Option(help: "The time of each attempt, such as 5s.")
        var timeout: String?

        @OptionGroup var node: NodeOptions

        func validate() throws {
            if (cron == nil) == (every == nil) { throw ValidationError("give one of --cron and --every") }
            if text != nil, file != nil { throw ValidationError("--text and --file exclude each other") }
        }

        func run() throws {
            var request = NodeRequest(
                "PUT", ["v1", "schedules", name],
                ["invoke": target, "cron": cron, "every": every, "zone": zone, "missed": missed, "class": className])
            if let timeout { request.fields.append(("Dandelion-Timeout", timeout)) }
            if text != nil || file != nil {
                request.fields.append(("Content-Type", "application/octet-stream"))
                request.body = try text.map { Array($0.utf8) } ?? file.map(Input.read) ?? []
            }
            let facts = try NodeOptions.json(try node.send(request))
            Output.line("\(name) runs next at \(facts["next"]?.text ?? "?")")
        }
    }

    struct ListAll: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the schedules of a node.",
            discussion: """
                  dandelion schedule list --json
                """)

        @Flag(help: "Print JSON.")
        var json = false

        @OptionGroup var node: NodeOptions

        func run() throws {
            var all: [ParsedValue] = []
            var after: String?
            repeat {
                let request = NodeRequest("GET", ["v1", "schedules"], ["after": after])
                let page = try NodeOptions.json(try node.send(request))
                all += page["schedules"]?.elements ?? []
                after = page["next"]?.text
            } while after != nil
            if json { return Output.line(ParsedValue.table(["schedules": .array(all)]).json) }
            Output.table(
                all.map { one in
                    func text(_ key: String) -> String { one[key]?.text ?? "" }
                    let times = one["every"] == nil ? "\(text("cron")) \(text("zone"))" : "every \(text("every"))"
                    return [text("name"), text("invoke"), times, text("next"), text("lastInvocation")]
                })
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print what a schedule says, as JSON.",
            discussion: """
                  dandelion schedule show report
                """)

        @Argument(help: "The schedule's name.")
        var name: String

        @OptionGroup var node: NodeOptions

        func run() throws {
            Output.line(try NodeOptions.json(try node.send(NodeRequest("GET", ["v1", "schedules", name]))).json)
        }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a schedule; what it had begun goes on.",
            discussion: """
                  dandelion schedule delete report
                """)

        @Argument(help: "The schedule's name.")
        var name: String

        @OptionGroup var node: NodeOptions

        func run() throws {
            _ = try node.send(NodeRequest("DELETE", ["v1", "schedules", name]))
            Output.line("removed \(name)")
        }
    }
}

internal import ArgumentParser
internal import CVersion
internal import PluginABI

/// The command `dandelion`.
struct Dandelion: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dandelion",
        abstract: "A serverless worker node that starts a fresh sandbox for every request.",
        discussion: """
            A first tour, with the node in one terminal and the client in another:

              dandelion serve
              dandelion register upper ./upper --input in --output out
              dandelion invoke upper --text hello

            Client commands speak HTTP to the node that --node or the environment
            variable DANDELION_NODE names.

            Exit codes:

              0   done
              1   the node refused, or the function failed or did not leave with 0
              64  wrong usage
              66  a file cannot be read
              69  the node cannot be reached
              70  the node cannot serve
              73  a file cannot be made
              75  not yet: what was waited for goes on
              78  the config is wrong
            """ + ExternalCommand.help,
        version:
            "dandelion \(String(cString: dandelion_version())), plugin ABI \(DN_ABI_MAJOR).\(DN_ABI_MINOR)",
        subcommands: [
            New.self, Run.self, Serve.self, CheckConfig.self, DefaultConfig.self, Plugins.self, Register.self,
            Compose.self, Graph.self, Apply.self, Export.self, Dev.self,
            Invoke.self, Wait.self, Cancel.self, Invocations.self, Schedules.self, Aliases.self, List.self, Remove.self,
            Nodes.self,
            Top.self,
            Tokens.self, Secrets.self, Audit.self, Libraries.self,
        ])
}

extension ExitCode {
    /// The numbers are those of sysexits(3).
    static let noInput = ExitCode(66)
    static let unreachable = ExitCode(69)
    static let cannotServe = ExitCode(70)
    static let cannotCreate = ExitCode(73)
    static let notYet = ExitCode(75)
    static let badConfig = ExitCode(78)
}

internal import ArgumentParser

ExternalCommand.run(
    Array(CommandLine.arguments.dropFirst()),
    known: ["help"] + Dandelion.configuration.subcommands.map { $0._commandName })
Dandelion.main()

internal import ArgumentParser
internal import Config

struct DefaultConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the built-in config, which describes every setting.",
        discussion: """
            It is what `dandelion serve` runs with when no config is named, and a start
            for one's own.

              dandelion default-config >node.toml
            """)

    func run() { Output.bytes(Array(NodeConfig.builtInText.utf8)) }
}

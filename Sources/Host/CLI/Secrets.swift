internal import ArgumentParser
internal import Config
internal import Failure
internal import Identity
internal import Platform

struct Secrets: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "secret",
        abstract: "Keep what servers ask for and no function may know.",
        discussion: """
            A secret is put by communication functions into the requests that a tenant makes to
            one host. It is kept sealed in the state folder, and nothing tells it again. A
            running node knows of a change at once.

              dandelion secret set key --host api.example --header 'X-Key: {}' < key
              dandelion secret list
              dandelion secret remove key
            """,
        subcommands: [SetSecret.self, ListSecrets.self, RemoveSecret.self])
}

/// Where the secrets are, and the key that they are sealed with.
struct SecretOptions: ParsableArguments {
    @Option(help: "The node's state folder. (default: the one that the config names)")
    var state: String?

    @Option(help: "The file of the key. (default: the one that the config names, or the state folder's name with .key)")
    var key: String?

    @Option(help: "The config file that names them. (default: the built-in config)")
    var config: String?

    @Option(help: "Whose it is.")
    var tenant = TenantConfig.fallback

    private func statePath() throws -> String { try state ?? ConfigFile.loadOrBuiltIn(config).node.state }

    func folder() throws -> SecretFolder {
        let path = try statePath()
        try TokenOptions.becomeOwner(of: path)
        return try TokenOptions.telling { () throws(Failure) in try SecretFolder(state: path) }
    }

    func secretKey(making: Bool = false) throws -> SecretKey? {
        let path =
            try key ?? state.map(NodeSettings.secretsKey(beside:)) ?? ConfigFile.loadOrBuiltIn(config).node.secretsKey
        let owner = User(owning: try statePath())
        return try TokenOptions.telling { () throws(Failure) in
            try SecretKey(file: path, making: making, owner: owner)
        }
    }
}

struct SetSecret: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Keep a secret, whose value comes on standard input.",
        discussion: """
              dandelion secret set key --host api.example --header 'X-Key: {}' < key
            """)

    @Argument(help: "What it is called; one of that name is replaced.")
    var name: String

    @Option(help: "The host to which it is sent: NAME or NAME:PORT (port 443).")
    var host: String

    @Option(help: "The line that it is sent in, with {} in its place.")
    var header: String

    @Flag(help: "Send it also without TLS, so that others on the way can read it.")
    var plain = false

    @OptionGroup var options: SecretOptions

    private var place: (host: String, port: UInt16)? {
        let parts = host.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count != 2 { return host.isEmpty ? nil : (host, plain ? 80 : 443) }
        return UInt16(parts[1]).flatMap { $0 > 0 && !parts[0].isEmpty ? (String(parts[0]), $0) : nil }
    }

    func validate() throws {
        if place == nil { throw ValidationError("--host must be NAME or NAME:PORT, not '\(host)'") }
    }

    func run() throws {
        guard let place, let bytes = try? WholeFile.read(0, limit: Secret.longestValue + 2) else {
            Output.note("dandelion: the value on standard input is too long")
            throw ExitCode.failure
        }
        var value = bytes[...]
        if value.last == 10 { value = value.dropLast() }
        if value.last == 13 { value = value.dropLast() }
        let text = String(validating: value, as: UTF8.self) ?? ""
        // Before the folder is opened: root may make a file beside it, and its owner may not.
        guard let key = try options.secretKey(making: true) else { throw ExitCode.failure }
        let folder = try options.folder()
        try TokenOptions.telling { () throws(Failure) in
            try folder.set(
                try Secret(
                    tenant: options.tenant, name: name, host: place.host, port: place.port, isPlain: plain,
                    template: header,
                    value: text), by: key)
        }
    }
}

struct ListSecrets: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List secrets of all tenants: tenant, name, host, header line.",
        discussion: """
              dandelion secret list
            """)

    @OptionGroup var options: SecretOptions

    func run() throws {
        guard let key = try options.secretKey() else { return }
        let folder = try options.folder()
        let secrets = try TokenOptions.telling { () throws(Failure) in try folder.all(key) }
        Output.table(secrets.map { [$0.tenant, $0.name, "\($0.host):\($0.port)", $0.template] })
    }
}

struct RemoveSecret: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove a secret.",
        discussion: """
              dandelion secret remove key --tenant alice
            """)

    @Argument(help: "What it is called.")
    var name: String

    @OptionGroup var options: SecretOptions

    func run() throws {
        let folder = try options.folder()
        try TokenOptions.telling { () throws(Failure) in try folder.remove(name, of: options.tenant) }
    }
}

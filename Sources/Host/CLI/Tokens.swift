internal import ArgumentParser
internal import Config
internal import Failure
internal import Glibc
internal import Identity
internal import Platform

struct Tokens: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make, list and revoke the tokens that requests show.",
        discussion: """
            Tokens are kept in the node's state folder, by their digests only. A running
            node knows of a change at once.

              dandelion token make --tenant alice --roles invoke,read --state state
              dandelion token list --state state
              dandelion token revoke 0123456789ab --state state
            """,
        subcommands: [MakeToken.self, ListTokens.self, RevokeToken.self])
}

/// Where the tokens are.
struct TokenOptions: ParsableArguments {
    @Option(help: "The node's state folder. (default: the one that the config names)")
    var state: String?

    @Option(help: "The config file that names the state folder. (default: the built-in config)")
    var config: String?

    func folder() throws -> TokenFolder {
        let path = try state ?? ConfigFile.loadOrBuiltIn(config).node.state
        try Self.becomeOwner(of: path)
        return try Self.telling { () throws(Failure) in try TokenFolder(state: path) }
    }

    /// Root works in a state folder as the one whose it is: the node must be able to read what is made.
    static func becomeOwner(of state: String) throws {
        guard ProcessRights.isRoot, let owner = User(owning: state), owner.id != ProcessRights.user else { return }
        do throws(SystemError) { try ProcessRights.become(owner) } catch {
            Output.note("dandelion: cannot work as user \(owner.name), whose folder \(state) is: \(error)")
            throw ExitCode.failure
        }
    }

    static func telling<Result>(_ body: () throws(Failure) -> Result) throws -> Result {
        do throws(Failure) { return try body() } catch {
            Output.note("dandelion: \(error.detail)")
            throw ExitCode.failure
        }
    }

    static var now: Int64 { Int64(time(nil)) }
}

struct MakeToken: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "make", abstract: "Make a token, and print it: nobody can find it out later.",
        discussion: """
              dandelion token make --tenant alice --roles invoke,read --expires 720h
              dandelion token make --tenant default --roles administer
            """)

    @Option(help: "On whose behalf requests with the token are made.")
    var tenant: String

    @Option(help: "What they may do, separated by commas: invoke, register, read, administer (the node itself).")
    var roles: String

    @Option(help: "After which time it is worth nothing, such as 720h. (default: never)")
    var expires: String?

    @Option(help: "What it is for.")
    var note = ""

    @OptionGroup var options: TokenOptions

    private var wanted: [Roles?] { roles.split(separator: ",").map { Roles(name: String($0)) } }

    func validate() throws {
        guard !wanted.isEmpty, !wanted.contains(nil) else {
            throw ValidationError(
                "--roles must be some of \(Roles.names.map(\.key).joined(separator: ", ")), not '\(roles)'")
        }
        guard TenantName.isValid(tenant) else { throw ValidationError("--tenant must be \(TenantName.rule)") }
        if let expires, Units.time(expires) == nil { throw ValidationError("--expires must be a time such as 720h") }
    }

    func run() throws {
        let roles = wanted.reduce(into: Roles()) { $0.formUnion($1 ?? []) }
        let lifetime = expires.flatMap(Units.time).map { Int64(clamping: $0 / 1_000_000_000) }
        let folder = try options.folder()
        let made = try TokenOptions.telling { () throws(Failure) in
            try folder.make(tenant: tenant, roles: roles, now: TokenOptions.now, lifetime: lifetime, note: note)
        }
        Output.note("token \(made.token.number) of tenant \(tenant): \(roles.list.joined(separator: ", "))")
        Output.line(made.text)
    }
}

struct ListTokens: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List tokens: number, tenant, roles, expiry, note.",
        discussion: """
              dandelion token list --state /var/lib/dandelion
            """)

    @OptionGroup var options: TokenOptions

    func run() throws {
        let folder = try options.folder()
        let now = TokenOptions.now
        let tokens = try TokenOptions.telling { () throws(Failure) in try folder.all() }
        Output.table(
            tokens.map { token in
                let end = token.isExpired(at: now) ? "expired" : token.expires.map(Self.day) ?? "never"
                return [token.number, token.tenant, token.roles.list.joined(separator: ","), end, token.note]
            })
    }

    /// The date and time of some seconds since 1970, in UTC.
    private static func day(_ seconds: Int64) -> String {
        var moment = time_t(seconds)
        var parts = tm()
        guard gmtime_r(&moment, &parts) != nil else { return "\(seconds)" }
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

struct RevokeToken: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Make a token worth nothing, at once.",
        discussion: """
              dandelion token revoke 0123456789ab --state /var/lib/dandelion
            """)

    @Argument(help: "The token's number, as `dandelion token list` has it.")
    var number: String

    @OptionGroup var options: TokenOptions

    func run() throws {
        let folder = try options.folder()
        try TokenOptions.telling { () throws(Failure) in try folder.revoke(number) }
        Output.line("revoked \(number)")
    }
}

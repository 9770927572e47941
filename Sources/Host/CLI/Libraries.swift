internal import ArgumentParser
internal import Glibc

/// Libraries that others wrote, built for functions (`SDK/ports`).
struct Libraries: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sdk", abstract: "Add libraries that others wrote to the SDK folder.",
        discussion: """
              dandelion sdk ports
              dandelion sdk add zlib libpng
              clang --config=.build-sdk/dandelion.cfg main.c -lpng -lz -lm -o main

            The SDK folder is the one that --sdk or the environment variable
            DANDELION_SDK names, or else a .build-sdk above the executable.
            """, subcommands: [Add.self, Ports.self])

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Build libraries from Debian's sources and put them into the SDK folder.",
            discussion: """
                  dandelion sdk add zlib libpng --test

                Sources are fetched by apt, checked by their SHA-256 and kept, as is what
                was built of them, below XDG_CACHE_HOME or ~/.cache. Headers, static
                libraries and pkg-config files lie beside those of the C library then, and
                licences in SDK/licences.
                """)

        @Argument(help: "Names of ports, as `dandelion sdk ports` lists them.")
        var names: [String]

        @Option(help: "x86_64 or aarch64.")
        var arch = "x86_64"

        @Flag(help: "Run each library's own tests too, in sandboxes.")
        var test = false

        @Option(help: "The SDK folder, as built by ./dev sdk.")
        var sdk: String?

        func validate() throws {
            guard ["x86_64", "aarch64"].contains(arch) else {
                throw ValidationError("--arch is x86_64 or aarch64, not '\(arch)'")
            }
            for name in names where name.hasPrefix("-") { throw ValidationError("unknown option '\(name)'") }
        }

        func run() throws {
            let options = ["--arch", arch] + (test ? ["--test"] : [])
            try Libraries.run(in: SDKFolder(named: sdk), options + names)
        }
    }

    struct Ports: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the libraries that can be added.", discussion: "  dandelion sdk ports")

        @Option(help: "The SDK folder, as built by ./dev sdk.")
        var sdk: String?

        func run() throws { try Libraries.run(in: SDKFolder(named: sdk), []) }
    }

    /// Becomes the SDK folder's script that does the work.
    private static func run(in folder: SDKFolder, _ arguments: [String]) throws {
        let script = folder.path + "/ports/add.sh"
        // SAFETY: setenv(3) copies both texts; no other thread of this process reads the environment.
        setenv("DANDELION", Executable.path, 1)
        Executable.become(script, [folder.path] + arguments)
        Output.note("dandelion: the SDK folder \(folder.path) has no ports: build it anew with ./dev sdk")
        throw ExitCode.noInput
    }
}

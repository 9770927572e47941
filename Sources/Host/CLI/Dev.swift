internal import ArgumentParser
internal import Config
internal import Glibc
internal import Platform
internal import Transport
internal import Values

struct Dev: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Build and apply a folder whenever it changes, and show what runs.",
        discussion: """
            Runs each function's `build` command, applies the folder as `dandelion apply`
            does, and waits for a change. Mistakes are told and end nothing. Prints the
            node's latest invocations meanwhile (its config must not have `console`
            off).

              dandelion dev .
              dandelion dev . --once
            """)

    @Argument(help: "The folder of dandelion.project.toml.")
    var folder: String

    @Flag(help: "Build and apply once, and leave with 1 if that fails.")
    var once = false

    @OptionGroup var node: NodeOptions

    func run() throws {
        guard chdir(folder) == 0 else {
            Output.note("dandelion: \(folder): \(String(cString: strerror(errno)))")
            throw ExitCode.noInput
        }
        let isGood = round()
        if once { throw isGood ? ExitCode.success : ExitCode.failure }
        var seen = FolderStamp(".")
        var tail = RecentTail(node: node)
        while true {
            Sleep.milliseconds(300)
            tail.show()
            guard FolderStamp(".") != seen else { continue }
            _ = round()
            // What the build made is no change.
            seen = FolderStamp(".")
        }
    }

    /// - Returns: whether everything went well.
    private func round() -> Bool {
        do {
            let project = try ConfigFile.telling { () throws(ConfigError) in try Project.load(".") }
            for function in project.functions {
                guard let build = function.build else { continue }
                guard system(build) == 0 else {
                    Output.note("dandelion: the build of '\(function.name.value)' failed: \(build)")
                    return false
                }
            }
            try ProjectChange(node: node, folder: ".", project: project).run(pruning: false)
            return true
        } catch {
            return false
        }
    }
}

/// What tells that something in a folder has changed: names, sizes and times of its files.
private struct FolderStamp: Equatable {
    private var files: [String: [Int]] = [:]
    private static let mostFiles = 20_000
    private static let deepest = 16

    init(_ folder: String) { add(folder, depth: 0) }

    /// Hidden files, and what links lead to, do not count.
    private mutating func add(_ folder: String, depth: Int) {
        for name in Input.names(in: folder) where !name.hasPrefix(".") && files.count < Self.mostFiles {
            let path = "\(folder)/\(name)"
            var facts = stat()
            guard lstat(path, &facts) == 0 else { continue }
            if facts.st_mode & S_IFMT == S_IFDIR, depth < Self.deepest {
                add(path, depth: depth + 1)
            } else if facts.st_mode & S_IFMT == S_IFREG {
                files[path] = [Int(facts.st_size), facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec, Int(facts.st_ino)]
            }
        }
    }
}

/// The node's latest invocations, each shown once.
private struct RecentTail {
    let node: NodeOptions
    private var last: String?
    private var isFirst = true

    init(node: NodeOptions) { self.node = node }

    /// Nothing while the node is away, or does not tell.
    mutating func show() {
        guard let reply = try? node.fetch(NodeRequest("GET", ["v1", "recent"])), reply.isSuccess,
            let read = try? JSONReader.read(bytes: reply.body)
        else { return }
        // The latest first.
        let lines = (read["invocations"]?.elements ?? []).map(\.json)
        defer { (last, isFirst) = (lines.first ?? last, false) }
        guard !isFirst else { return }
        for line in lines.prefix(while: { $0 != last }).reversed() { Output.line(line) }
    }
}

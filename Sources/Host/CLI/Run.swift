internal import ArgumentParser
internal import Config
internal import Engines
internal import Failure
internal import Glibc
internal import Items
internal import Node
internal import PluginHost
internal import Telemetry

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a function as a program of this machine, without a node.",
        discussion: """
            In a sandbox of a backend, by the plugins beside the executable. Standard
            input, the arguments and the variables given are the function's set stdio;
            what it writes to standard output and error appears here when it ends, and its
            exit code is this command's.

              dandelion run ./sort --ascending <words.txt
              dandelion run --in in=photos --out out=thumbnails ./resize 128
              dandelion run --here ./test_suite data/cases.txt

            A function that faults, is stopped or takes too long ends with 125 and why; one
            that tells of its failure, such as an exception, with 1.
            Options come before the image; --debug runs a program that was built with a
            debug config of the SDK, with DANDELION_DEBUGGER in front when that is set.
            """)

    @Option(name: .customLong("in"), help: "An input set's items are a file or a folder's files: SET=PATH.")
    var inputs: [SetFolder] = []

    @Option(name: .customLong("out"), help: "An output set's items become files in a folder: SET=PATH.")
    var outputs: [SetFolder] = []

    @Option(help: "A variable of the environment: NAME=VALUE.")
    var env: [String] = []

    @Option(help: "The folder of the function that it begins in.")
    var cwd: String?

    @Flag(help: "Give it the files of the working folder, and what its arguments name; changes are written back.")
    var here = false

    @Option(
        name: .customLong("class"),
        help: "The class of the config that says which backends are tried. (default: process, else one for the image)")
    var className: String?

    @Option(help: "Memory that it may hold. (default: 1GiB and the inputs' size)")
    var memory: String?

    @Option(help: "Give up after this time, such as 5s. (default: no limit)")
    var timeout: String?

    @Option(help: "A config file with the class. (default: the built-in config)")
    var config: String?

    @Flag(help: "The image is a program for debuggers: run it as it is.")
    var debug = false

    @Argument(help: "The image.")
    var image: String

    @Argument(parsing: .captureForPassthrough, help: "Arguments of the function.")
    var arguments: [String] = []

    func validate() throws {
        for variable in env where !variable.contains("=") {
            throw ValidationError("--env must be NAME=VALUE, not '\(variable)'")
        }
        if let timeout, Units.time(timeout) == nil { throw ValidationError("--timeout must be a time such as 5s") }
        if let memory, Units.size(memory) == nil { throw ValidationError("--memory must be a size such as 256MiB") }
    }

    func run() throws {
        if debug { try DebugProgram.run(image, arguments) }
        Log.setLevel(.error)
        let settings = try ConfigFile.loadOrBuiltIn(config)
        let wanted = className ?? Self.usualClass
        guard let runClass = settings.classes.first(where: { $0.name.value == wanted }) else {
            Output.note("dandelion: the config has no class '\(wanted)'")
            throw ExitCode.badConfig
        }
        let bytes = Blob(try Input.read(image))
        let sets = try FunctionSets(self)
        let output = try telling { () throws(Failure) in
            let loaded = try load(bytes, in: runClass, of: settings)
            return try SingleRun(
                image: loaded, memoryLimit: try limit(sets.bytes, loaded.backend.contextMax),
                timeout: timeout.flatMap(Units.time) ?? 0, inputs: sets.inputs, outputNames: sets.outputNames
            ).run(called: image)
        }
        try sets.write(output.sets)
        throw ExitCode(output.exitCode < 0 || output.exitCode > 255 ? Self.failed : output.exitCode)
    }

    private static let usualClass = "process"

    /// Where no class was named, others whose backends know the format take the place of the usual one.
    private func load(
        _ bytes: Blob, in runClass: FunctionClass, of settings: NodeConfig
    ) throws(Failure) -> ComputeImage {
        func load(in runClass: FunctionClass) throws(Failure) -> ComputeImage {
            try SingleBackend.load(bytes, called: image, in: runClass, of: settings, cache: ImageFolder.path)
        }
        do throws(Failure) {
            return try load(in: runClass)
        } catch {
            guard className == nil, error.kind == .unavailable else { throw error }
            for other in settings.classes where other.name.value != runClass.name.value {
                if let loaded = try? load(in: other) { return loaded }
            }
            throw error
        }
    }

    private func limit(_ inputs: Int, _ most: UInt64) throws(Failure) -> UInt64 {
        if let memory, let size = Units.size(memory) { return size }
        return min(1 << 30 + UInt64(inputs) * 2, most)
    }

    /// The exit code when the function did not end by itself.
    private static let failed: Int32 = 125

    private func telling<Result>(_ body: () throws(Failure) -> Result) throws -> Result {
        do throws(Failure) {
            return try body()
        } catch {
            Output.bytes(Array((error.fact("stdout") ?? "").utf8))
            Output.errorBytes(Array((error.fact("stderr") ?? "").utf8))
            Output.errorBytes(Array((error.fact("traceback") ?? "").utf8))
            guard error.kind == .functionFailed else {
                Output.note("dandelion: \(error.detail)")
                throw ExitCode(Self.failed)
            }
            // A traceback tells it all.
            if error.fact("traceback") == nil { Output.note("dandelion: \(error.detail)") }
            throw ExitCode.failure
        }
    }
}

extension Failure {
    func fact(_ name: String) -> String? { facts.first { $0.name == name }?.value }
}

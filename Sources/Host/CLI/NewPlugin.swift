public import ArgumentParser
internal import Glibc
public import PluginTemplates

struct NewPlugin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Write the project of a new plugin into a folder of its name.",
        discussion: """
            What it writes is a working plugin that needs nothing but its own copy of
            the ABI's headers:

              comm     an echo protocol with deadlines, cancellation and settings
              compute  an interpreter of a small text format, in the node's own process

              dandelion plugins new comm memo --lang c
              cd memo && make && dandelion plugins check ./libmemo.so
            """)

    @Argument(help: "comm, for a communication protocol, or compute, for an isolation backend.")
    var kind: PluginTemplate.Kind

    @Argument(help: "The plugin's name, of a-z, 0-9 and '_', which begins with a letter; also the folder's.")
    var name: String

    @Option(help: "c or swift.")
    var lang = PluginTemplate.Language.c

    func validate() throws {
        guard PluginTemplate.isName(name) else {
            throw ValidationError("a plugin's name is of a-z, 0-9 and '_' and begins with a letter, unlike '\(name)'")
        }
    }

    func run() throws {
        guard mkdir(name, 0o755) == 0 else {
            Output.note("dandelion: the folder \(name): \(String(cString: strerror(errno)))")
            throw ExitCode.failure
        }
        let template = PluginTemplate(kind: kind, language: lang, name: name)
        for file in template.files(in: Input.absolute(name)) { try Self.write(file.bytes, to: "\(name)/\(file.path)") }
        let build = template.build
        let guests = kind == .compute ? " --guests guests" : ""
        Output.line(
            """
            \(name)/README.md tells what is where. Next:

              cd \(name)
              \(build.command)
              dandelion plugins check \(build.product.hasPrefix(".") ? "" : "./")\(build.product)\(guests)
            """)
    }

    /// Makes the folders on the way too.
    private static func write(_ bytes: [UInt8], to path: String) throws {
        for (index, character) in zip(path.indices, path) where character == "/" {
            mkdir(String(path[..<index]), 0o755)
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        // SAFETY: bytes has bytes.count readable bytes.
        guard descriptor >= 0, Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            Output.note("dandelion: \(path): \(String(cString: strerror(errno)))")
            throw ExitCode.failure
        }
        close(descriptor)
    }
}

extension PluginTemplate.Kind: ExpressibleByArgument {}
extension PluginTemplate.Language: ExpressibleByArgument {}

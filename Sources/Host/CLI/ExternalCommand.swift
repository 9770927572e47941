internal import ArgumentParser
internal import Failure
internal import Glibc
internal import Node

/// Commands of plugins: `dandelion NAME ...` becomes `dandelion-NAME ...` when that lies beside this executable.
enum ExternalCommand {
    private static let prefix = "dandelion-"

    /// Names of those beside this executable.
    static var names: [String] {
        Input.names(in: PluginSet.executableDirectory)
            .filter { $0.hasPrefix(prefix) && isName($0.dropFirst(prefix.count)) && access(path(of: $0), X_OK) == 0 }
            .map { String($0.dropFirst(prefix.count)) }
    }

    /// Lines for the help; empty when there are none.
    static var help: String {
        let lines = names.map { "  dandelion \($0)  (`dandelion help \($0)` tells more)" }
        return lines.isEmpty ? "" : "\n\nCommands of plugins:\n\n" + lines.joined(separator: "\n")
    }

    /// Replaces this process when the arguments, without the program's name, call such a command; returns when they do
    /// not. A command that nobody has ends the process with an error.
    static func run(_ arguments: [String], known: [String]) {
        var rest = arguments[...]
        let asksHelp = rest.first == "help" && rest.count > 1
        if asksHelp { rest = rest.dropFirst() }
        guard let name = rest.first, !name.hasPrefix("-"), !known.contains(name) else { return }
        rest = rest.dropFirst()
        if isName(name[...]) { Executable.become(path(of: prefix + name), asksHelp ? ["--help"] : Array(rest)) }
        let hint = Nearest.nearest(to: name, among: known + names).map { ", did you mean '\($0)'?" } ?? ""
        Output.note(
            "dandelion: no command '\(name)'\(hint)\n"
                + "  nor is there \(path(of: prefix + name)); `dandelion --help` lists all commands")
        exit(ExitCode.validationFailure.rawValue)
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789-".utf8.contains($0) }
    }

    private static func path(of file: String) -> String { "\(PluginSet.executableDirectory)/\(file)" }
}

import Foundation
import PackagePlugin

/// Puts a digest of all that decides what a module becomes into a Swift file: code in a cache is of no other digest.
@main
struct TranspilerIdentity: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let folder = context.package.directoryURL.appending(path: "Plugins/RWasm/Core")
        let output = context.pluginWorkDirectoryURL.appending(path: "TranspilerIdentity.swift")
        let folders = ["Crate", "Native", "Transpiler", "Wasm"]
        let sources =
            folders.flatMap { files(below: folder.appending(path: $0)) }
            + [folder.appending(path: "Compiler/Builder.swift")]
        let script = """
            output=$0
            digest=$(cat "$@" | sha256sum)
            echo "let transpilerIdentity = \\"${digest:0:16}\\"" > "$output"
            """
        return [
            .buildCommand(
                displayName: "Naming the transpiler", executable: URL(filePath: "/bin/bash"),
                arguments: ["-euo", "pipefail", "-c", script, output.path] + sources.map(\.path), inputFiles: sources,
                outputFiles: [output])
        ]
    }

    private func files(below folder: URL) -> [URL] {
        let all = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL }
        return (all ?? []).filter { ["swift", "rs"].contains($0.pathExtension) }.sorted { $0.path < $1.path }
    }
}

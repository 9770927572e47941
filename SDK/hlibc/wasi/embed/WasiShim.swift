import Foundation
import PackagePlugin

/// Compiles the module that serves WASI imports from the SDK's C sources, and puts its bytes into a Swift file.
@main
struct WasiShim: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let package = context.package.directoryURL
        let script = package.appending(path: "SDK/hlibc/wasi/embed/embed.sh")
        let output = context.pluginWorkDirectoryURL.appending(path: "WasiShim.swift")
        let folders = ["SDK/hlibc/core", "SDK/hlibc/wasi", "SDK/hlibc/start", "SDK/freestanding", "SDK/include"]
        let sources = folders.flatMap { files(below: package.appending(path: $0)) }
        return [
            .buildCommand(
                displayName: "Compiling the WASI shim", executable: URL(filePath: "/bin/bash"),
                arguments: [script.path, output.path], inputFiles: [script] + sources, outputFiles: [output])
        ]
    }

    private func files(below folder: URL) -> [URL] {
        let all = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL }
        return (all ?? []).filter { ["c", "h", "sh"].contains($0.pathExtension) }.sorted { $0.path < $1.path }
    }
}

import PluginABI
import PluginHarness
import PluginKit

@testable import CHERICore

/// The plugin with an executor of the test's, behind the ABI.
enum TestPlugin {
    static func settings(stackBytes: UInt64) -> Settings {
        var settings = Settings()
        settings.stackBytes = stackBytes
        settings.contextMax = 56 << 20
        settings.arenaBytes = Settings.arenaUnit
        return settings
    }

    static func make(
        _ executor: any Executor, filters: Bool = true, stackBytes: UInt64 = 256 << 10
    ) throws -> HarnessPlugin {
        let settings = settings(stackBytes: stackBytes)
        let arena = try Arena(settings)
        return try HarnessPlugin(descriptor: UnsafePointer(descriptor)) { host in
            Handle.make(try Instance(HostServices(host), settings, arena, executor, filters: filters))
        }
    }
}

/// For tests that run nothing.
struct NoExecutor: Executor {
    func makeRunner() throws(PluginError) -> any Runner { ScriptedRunner { _ in .left } }
}

/// Ends every run as the test says, after doing to the context what it likes.
struct ScriptedExecutor: Executor {
    let script: @Sendable (Entry) -> End

    func makeRunner() throws(PluginError) -> any Runner { ScriptedRunner(script) }
}

private final class ScriptedRunner: Runner {
    private let script: (Entry) -> End
    init(_ script: @escaping (Entry) -> End) { self.script = script }
    func run(_ entry: Entry, id: UInt64, deadline: UInt64) throws(PluginError) -> End { script(entry) }
    func interrupt(run id: UInt64, reason: Int32) {}
}

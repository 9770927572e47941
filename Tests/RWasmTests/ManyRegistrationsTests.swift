import Glibc
import PluginABI
import PluginHarness
import TestSupport
import Testing

@testable import RWasmCore
@testable import RWasmTools

/// Far more registrations than the cache holds. What takes their time, the compiler, is replaced by a script that gives the
/// same object each time: everything else is done for each module. RegistrationTests compile some hundreds for real.
@Suite(.serialized) struct ManyRegistrationsTests {
    private static let isLong = getenv("DANDELION_LONG_TESTS") != nil
    private static let budget = 16 << 20
    /// Of an object, which is filled up: a hundred and twenty-eight are the budget.
    private static let objectBytes = 128 << 10

    /// A folder that stands for a Rust toolchain whose compiler always makes the object of `module`.
    private func makeToolchain(_ folder: String, _ module: [UInt8]) throws {
        let crates = try Crates.sole(try ModuleDecoder.decode(module))
        try Files.write(
            try ToolModule.builder().build(crates, .fast, in: try Cache(nil, budget: .max)), to: "\(folder)/code.so")
        #expect(truncate("\(folder)/code.so", Self.objectBytes) == 0)
        let script = """
            #!/bin/sh
            case "$*" in
                '--print sysroot') echo \(folder) && exit ;;
                *--version) echo 'rustc 1.63.0' && exit ;;
            esac
            while [ $# -gt 0 ]; do
                case $1 in
                    --crate-name) name=$2 ;;
                    --crate-type) type=$2 ;;
                    --out-dir) out=$2 ;;
                esac
                shift
            done
            [ $type = rlib ] && : > $out/lib$name.rlib || cp \(folder)/code.so $out/lib$name.so

            """
        try Files.makeDirectory("\(folder)/bin")
        try Files.write(script.utf8, to: "\(folder)/bin/rustc")
        chmod("\(folder)/bin/rustc", 0o755)
    }

    /// Sizes of the compiled modules in a folder, by name.
    private func objects(_ folder: String) -> [String: Int] {
        var found: [String: Int] = [:]
        for name in Files.names(in: folder) where name.hasSuffix(".so") {
            var status = stat()
            if stat("\(folder)/\(name)", &status) == 0 { found[name] = status.st_size }
        }
        return found
    }

    @Test func whatIsOldestGoesAndMemoryStays() throws {
        let count = Self.isLong ? 10_000 : 200
        let folder = try Files.makeTemporary("\(Temporary.folder)/dandelion-many-")
        defer { Files.remove(folder) }
        // The compiler is run by another user.
        chmod(folder, 0o755)
        let cache = "\(folder)/cache"
        try makeToolchain(folder, SyntheticModule.chain(2, seed: 1))
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        setenv("PATH", "\(folder)/bin:\(path)", 1)
        defer { setenv("PATH", path, 1) }
        let plugin = try HarnessPlugin(
            file: HarnessPlugin.path(of: "DandelionRWasm"), config: ["cache_mib": .int(Int64(Self.budget >> 20))])
        defer { plugin.stop() }
        let engine = try HarnessEngine(plugin)
        defer { engine.destroy() }
        var (first, before) = ([String: Int](), 0)
        for seed in 1...count {
            let image = try plugin.load(SyntheticModule.chain(2, seed: seed), cache: cache)
            #expect(try engine.invoke32(image).exitCode == SyntheticModule.chainResult(2, seed: 1))
            if seed == 100 { (first, before) = (objects(cache), try WasmGuest.residentBytes()) }
            guard seed % 1000 == 0 || seed == count else { continue }
            let left = objects(cache)
            let (bytes, resident) = (left.values.reduce(0, +), try WasmGuest.residentBytes())
            print("\(seed) registrations: \(left.count) objects, \(bytes) bytes, resident \(resident)")
            #expect(bytes <= Self.budget + 1 << 20)
        }
        #expect(first.count == 100)
        #expect(try WasmGuest.residentBytes() - before < 8 << 20)
        #expect(!Self.isLong || objects(cache).keys.allSatisfy { first[$0] == nil })
    }
}

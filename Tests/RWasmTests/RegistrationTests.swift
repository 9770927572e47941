import Glibc
import PluginABI
import PluginHarness
import TestSupport
import Testing

/// From a module to its first version and its optimised one, through the plugin's file.
@Suite(.serialized) struct RegistrationTests {
    private static let isLong = getenv("DANDELION_LONG_TESTS") != nil

    private func withCache(_ body: (String) throws -> Void) throws {
        var template = Array("\(Temporary.folder)/dandelion-registration-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { _ = system("rm -rf \(folder)") }
        try body(folder)
    }

    private func withPlugin(
        _ config: [String: ConfigValue] = [:], _ body: (HarnessPlugin, HarnessEngine) throws -> Void
    ) throws {
        let plugin = try HarnessPlugin(file: HarnessPlugin.path(of: "DandelionRWasm"), config: config)
        let engine = try HarnessEngine(plugin)
        defer { plugin.stop() }
        defer { engine.destroy() }
        try body(plugin, engine)
    }

    /// Names and sizes of the compiled modules in a cache.
    private func objects(_ folder: String) throws -> [String: Int] {
        let stream = try #require(opendir(folder))
        defer { closedir(stream) }
        var found: [String: Int] = [:]
        while let entry = readdir(stream) {
            // Safe: readdir(3) ends the name with a NUL within the array.
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            var status = stat()
            if name.hasSuffix(".so"), stat("\(folder)/\(name)", &status) == 0 { found[name] = status.st_size }
        }
        return found
    }

    @Test func progressRisesAndTheCacheAnswersTheSecondTime() throws {
        let module = SyntheticModule.chain(700, steps: 6)
        try withCache { cache in
            for restart in 0..<2 {
                try withPlugin(["optimise": .bool(false)]) { plugin, engine in
                    for time in 0..<2 {
                        var told: [(permille: UInt32, stage: String)] = []
                        let image = try plugin.load(module, cache: cache) { told.append(($0, $1)) }
                        #expect(try engine.invoke32(image).exitCode == SyntheticModule.chainResult(700, steps: 6))
                        guard restart == 0, time == 0 else {
                            #expect(told.isEmpty, "compiled again: start \(restart), time \(time)")
                            continue
                        }
                        #expect(told.first?.stage == "validating" && told.last?.stage == "compiling")
                        #expect(told.map(\.permille) == told.map(\.permille).sorted())
                        #expect(told.first?.permille == 0 && told.last?.permille == 1000)
                        #expect(told.count > 3, "a module of several crates: \(told)")
                    }
                }
            }
            #expect(try objects(cache).count == 1)
        }
    }

    /// The host's own setting is relative to its working folder, where the compiler does not work.
    @Test func aRelativeCacheFolderServes() throws {
        try withCache { cache in
            let here = try #require(getcwd(nil, 0))
            defer { free(here) }
            let up = String(cString: here).split(separator: "/").map { _ in ".." }.joined(separator: "/")
            try withPlugin { plugin, engine in
                let image = try plugin.load(SyntheticModule.chain(4, seed: 77), cache: "\(up)\(cache)")
                #expect(try engine.invoke32(image).exitCode == SyntheticModule.chainResult(4, seed: 77))
            }
            #expect(try objects(cache).count == 1)
        }
    }

    @Test func theOptimisedVersionReplacesTheFirst() throws {
        let module = SyntheticModule.chain(400, steps: 10)
        let result = SyntheticModule.chainResult(400, steps: 10)
        try withCache { cache in
            try withPlugin { plugin, engine in
                let image = try plugin.load(module, label: "chain", cache: cache)
                let first = try objects(cache)
                #expect(first.keys.allSatisfy { $0.hasSuffix("-quick.so") } && first.count == 1)
                #expect(try engine.invoke32(image).exitCode == result && image.version().state == DN_VERSION_FIRST)
                let end = now() + 120_000_000_000
                while try objects(cache).count < 2 || plugin.host.log.isEmpty, now() < end {
                    // It serves while the other version is made.
                    #expect(try engine.invoke32(image).exitCode == result)
                    usleep(20_000)
                }
                #expect(try objects(cache).keys.contains { $0.hasSuffix("-fast.so") })
                #expect(
                    plugin.host.log.contains { $0.contains("chain runs its optimised version from now on") },
                    "\(plugin.host.log)")
                #expect(try engine.invoke32(image).exitCode == result && image.version().state == DN_VERSION_BEST)
            }
            try withPlugin(["optimise": .bool(false)]) { plugin, _ in
                let version = try plugin.load(SyntheticModule.chain(401, steps: 10), cache: cache).version()
                #expect(version.state == DN_VERSION_STAYS && version.reason == "the setting 'optimise' is off")
            }
        }
    }

    @Test(arguments: [("compile_seconds", 5), ("compile_mib", 512)] as [(String, Int64)])
    func whatTheCompilerCannotBearIsRefused(_ limit: String, _ value: Int64) throws {
        try withPlugin([limit: .int(value)]) { plugin, engine in
            let begin = now()
            let error = #expect(throws: HarnessError.self) { try plugin.load(SyntheticModule.thicket(60_000)) }
            #expect(now() - begin < 240_000_000_000)
            #expect(error?.status == DN_BAD_IMAGE)
            let reason =
                limit == "compile_seconds" ? "more than 5 s; it is refused" : "more than 512 MiB; it is refused"
            #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
            // The next module is none the worse.
            let image = try plugin.load(SyntheticModule.chain(3))
            #expect(try engine.invoke32(image).exitCode == SyntheticModule.chainResult(3))
        }
    }

    /// The tool of a debug build takes longer than that of a release build; Benchmarks/wasm/big.py measures the latter.
    @Test func manySmallFunctionsKeepTheCompilerWithinItsMemory() {
        let (count, seconds, memory) = Self.isLong ? (50_000, 900, 4096) : (5_000, 240, 1024)
        let plugin = HarnessPlugin.path(of: "DandelionRWasm")
        let tool = plugin.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let script = "/\(WasmGuest.folder)/../../Benchmarks/wasm/big.py"
        let bounds = "--seconds \(seconds) --memory \(memory)"
        #expect(system("python3 '\(script)' measure \(count) --tool '\(tool)/dandelion-wasm' \(bounds)") == 0)
    }

    /// Many registrations: what was not used for longest goes from the disk, and nothing stays in memory.
    @Test func registrationsAreBoundedOnDiskAndInMemory() throws {
        let count = Self.isLong ? 1000 : 12
        try withCache { cache in
            // As if as many modules had been registered before as the smallest cache holds.
            for index in 0..<16 {
                try WasmGuest.write([UInt8](repeating: 0, count: 1 << 20), to: "\(cache)/\(index)-fast.so")
                var times = [timeval(tv_sec: 1000 + index, tv_usec: 0), timeval(tv_sec: 1000 + index, tv_usec: 0)]
                utimes("\(cache)/\(index)-fast.so", &times)
            }
            try withPlugin(["cache_mib": .int(16)]) { plugin, engine in
                var before = 0
                for seed in 1...count {
                    let image = try plugin.load(SyntheticModule.chain(2, seed: seed), cache: cache)
                    #expect(try engine.invoke32(image).exitCode == SyntheticModule.chainResult(2, seed: seed))
                    if seed == 4 { before = try WasmGuest.residentBytes() }
                }
                #expect(try WasmGuest.residentBytes() - before < 8 << 20)
                let left = try objects(cache)
                #expect(left["0-fast.so"] == nil && left["15-fast.so"] != nil)
                #expect(left.values.reduce(0, +) <= 16 << 20 + 1 << 20)
                #expect(Self.isLong || left.keys.filter { $0.utf8.count > 60 }.count == count)
            }
        }
    }
}

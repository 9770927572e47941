import Glibc
import PluginABI
import PluginHarness
import TestSupport
import Testing

/// Function images of modules: what runs in the host's process runs in a sandbox alike.
@Suite(.serialized) struct FunctionImageTests {
    /// The plugin as a translator, with a cache of its own.
    private struct Translator {
        let plugin: HarnessPlugin
        let cache: String

        func image(_ module: [UInt8], targets: String = "elf-x86_64") throws -> [UInt8] {
            let made = Received()
            let table = try #require(plugin.descriptor.pointee.get_interface?(DN_TRANSLATE_1))
                .assumingMemoryBound(to: dn_translate.self)
            var error = dn_error()
            error.struct_size = UInt32(MemoryLayout<dn_error>.size)
            var parameters = dn_translate_params()
            parameters.struct_size = UInt32(MemoryLayout<dn_translate_params>.size)
            parameters.result_arg = Unmanaged.passUnretained(made).toOpaque()
            parameters.result = { argument, bytes in
                guard let argument else { return }
                Unmanaged<Received>.fromOpaque(argument).takeUnretainedValue().bytes =
                    [UInt8](UnsafeBufferPointer(start: bytes.data, count: Int(bytes.len)))
            }
            let status = targets.withCString { targets in
                cache.withCString { cache in
                    module.withUnsafeBufferPointer { bytes in
                        (parameters.targets, parameters.cache_directory) = (targets, cache)
                        parameters.bytes = dn_bytes(data: bytes.baseAddress, len: UInt64(bytes.count))
                        return table.pointee.translate?(plugin.instance, &parameters, &error) ?? DN_MISUSE
                    }
                }
            }
            guard status == DN_OK else {
                let text = withUnsafeBytes(of: error.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
                throw HarnessError(status, text, at: error.input_offset)
            }
            return made.bytes
        }
    }

    private final class Received {
        var bytes: [UInt8] = []
    }

    /// Isolation backends that this machine has; the others are named.
    private static let sandboxes: [String] = ["DandelionProcess", "DandelionKVM"].filter { name in
        let found = try? HarnessPlugin.probe(file: HarnessPlugin.path(of: name))
        if found?.availability == DN_AVAILABLE { return true }
        print("images are not run by \(name): \(found?.message ?? "no such file")")
        return false
    }

    /// Of all tests of a process: what images share is compiled once.
    private static let cache: String = {
        let folder = "\(Temporary.folder)/dandelion-image-tests-\(getpid())"
        mkdir(folder, 0o700)
        atexit { _ = system("rm -rf \(Temporary.folder)/dandelion-image-tests-\(getpid())") }
        return folder
    }()

    private func translating(_ body: (Translator) throws -> Void) throws {
        let plugin = try HarnessPlugin(file: HarnessPlugin.path(of: "DandelionRWasm"))
        defer { plugin.stop() }
        try body(Translator(plugin: plugin, cache: Self.cache))
    }

    /// Runs an image in every sandbox there is.
    private func inSandboxes(_ image: [UInt8], _ body: (HarnessEngine, HarnessImage) throws -> Void) throws {
        for name in Self.sandboxes {
            let plugin = try HarnessPlugin(file: HarnessPlugin.path(of: name))
            let engine = try HarnessEngine(plugin)
            defer { plugin.stop() }
            defer { engine.destroy() }
            try body(engine, try plugin.load(image))
        }
    }

    @Test func aRawModuleRunsAgainAndAgain() throws {
        try translating { translator in
            try inSandboxes(try translator.image(try WasmGuest.raw("reverse"))) { engine, image in
                for round in 0..<20 {
                    let text = "hello \(round)"
                    let input = GuestSet("in", [GuestItem("x", key: UInt32(round & 1), [UInt8](text.utf8))])
                    let outcome = try engine.invoke(image, inputs: [input])
                    #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 0, "\(outcome)")
                    let reversed = String(text.reversed())
                    let expected = round & 1 == 1 ? reversed.uppercased() : reversed
                    #expect(outcome.outputs.first?.items == [GuestItem("out", key: 7, [UInt8](expected.utf8))])
                }
            }
        }
    }

    /// The codes are those that the plugin itself reports.
    @Test func trapsTellTheirCodes() throws {
        let cases: [(String, Int32, Int32)] = [
            ("t", DN_FAULT_TRAP, 1), ("b", DN_FAULT_TRAP, 2), ("w", DN_FAULT_TRAP, 2), ("d", DN_FAULT_TRAP, 6),
            ("s", DN_FAULT_STACK, 0), ("n", DN_FAULT_TRAP, 4), ("i", DN_FAULT_TRAP, 5),
        ]
        try translating { translator in
            try inSandboxes(try translator.image(try WasmGuest.raw("misbehave"))) { engine, image in
                for (kind, fault, code) in cases {
                    let bad = try engine.invoke(image, inputs: [GuestSet("in", [GuestItem("x", [UInt8](kind.utf8))])])
                    #expect(bad.outcome == DN_RUN_FAULTED && bad.faultKind == fault, "\(kind): \(bad)")
                    if code != 0 { #expect(bad.trapCode == code, "\(kind): \(bad)") }
                    let good = try engine.invoke(image, inputs: [GuestSet("in", [GuestItem("x", [0x67])])])
                    #expect(good.outcome == DN_RUN_EXITED && good.exitCode == 0, "\(good)")
                }
                let looping = [GuestSet("in", [GuestItem("x", [UInt8]("l".utf8))])]
                let stopped = try engine.invoke(image, inputs: looping, deadline: 20_000_000)
                #expect(stopped.outcome == DN_RUN_DEADLINE, "\(stopped)")
            }
        }
    }

    /// A function of the SDK, under the plugin itself and as an image.
    @Test func aMatrixProductIsTheSameEverywhere() throws {
        let root = "/\(WasmGuest.folder)/../.."
        guard let module = try WasmGuest.program("\(root)/Examples/functions/matmul.c", isOfSDK: true) else { return }
        let size: UInt64 = 40
        let words = [size] + (0..<size * size).map { $0 &* 0x9e37_79b9_7f4a_7c15 }
        let matrix = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
        let inputs = [GuestSet("in", [GuestItem("a", key: 3, matrix)])]
        try translating { translator in
            let engine = try HarnessEngine(translator.plugin)
            let own = try engine.invoke32(try translator.plugin.load(module), inputs: inputs)
            engine.destroy()
            #expect(own.exitCode == 0 && own.outputs.first?.items.first?.data.count == matrix.count)
            try inSandboxes(try translator.image(module)) { engine, image in
                let outcome = try engine.invoke(image, inputs: inputs)
                #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 0, "\(outcome)")
                #expect(outcome.outputs == own.outputs)
            }
        }
    }

    /// The host's table of so many items does not fit into what is kept for it.
    @Test(arguments: [0, 1, 1000, 100_000] as [UInt32])
    func manyItemsAreGivenBack(count: UInt32) throws {
        try translating { translator in
            try inSandboxes(try translator.image(try WasmGuest.raw("many"))) { engine, image in
                let word = (0..<4).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) }
                let outcome = try engine.invoke(
                    image, inputs: [GuestSet("in", [GuestItem("n", word)])], limit: 16 << 20)
                #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 0, "\(outcome.detail)")
                let items = outcome.outputs.first?.items ?? []
                #expect(items.count == Int(count))
                for (index, item) in items.enumerated() where index % 997 == 0 || index == items.count - 1 {
                    let data = (0..<4).map { UInt8(truncatingIfNeeded: (index * 3) >> ($0 * 8)) }
                    #expect(item == GuestItem("item", key: UInt32(index), data))
                }
            }
        }
    }

    /// What lies behind the memory is mapped, so only the check tells.
    @Test func accessesAreCheckedToTheByte() throws {
        try translating { translator in
            let module = try WasmGuest.raw("bounds", ["-msimd128", "-mbulk-memory"])
            try inSandboxes(try translator.image(module)) { engine, image in
                for kind in ["1", "2", "4", "8", "b", "w", "v", "V", "f", "c"] {
                    func access(_ text: String) throws -> Outcome {
                        try engine.invoke(image, inputs: [GuestSet("in", [GuestItem("x", [UInt8](text.utf8))])])
                    }
                    let last = try access(kind)
                    #expect(last.outcome == DN_RUN_EXITED && last.exitCode == 0, "\(kind): \(last)")
                    let beyond = try access("!" + kind)
                    #expect(beyond.faultKind == DN_FAULT_TRAP && beyond.trapCode == 2, "\(kind): \(beyond)")
                }
            }
        }
    }

    private static let files = [
        GuestSet("in", [GuestItem("numbers", [UInt8]("1 2 3 40\n".utf8))]),
        GuestSet(
            "stdio",
            [
                GuestItem("argv", [UInt8]("prog 'a b'".utf8)), GuestItem("environ", [UInt8]("HOME=/root".utf8)),
                GuestItem("stdin", [UInt8]("one\ntwo\n".utf8)),
            ]),
    ]

    @Test(arguments: [true, false])
    func aProgramUsesFilesAndStreams(isOfSDK: Bool) throws {
        guard let module = try WasmGuest.program("program.c", isOfSDK: isOfSDK) else { return }
        try translating { translator in
            try inSandboxes(try translator.image(module)) { engine, image in
                for _ in 0..<3 {
                    let outcome = try engine.invoke(
                        image, inputs: Self.files, outputs: ["out", "stdio"], limit: 64 << 20)
                    #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 7, "\(outcome)")
                    #expect(outcome.text("out", "sum") == "46 1.500\n")
                    #expect(outcome.text("out", "below/renamed") == "text")
                    #expect(
                        outcome.text("stdio", "stdout") == "[prog][a b]\nHOME=/root\n> one\n> two\n. .. numbers \n7\n")
                    #expect(outcome.text("stdio", "stderr") == "No such file or directory\n")
                }
            }
        }
    }

    /// All of preview 1, the ends of a reactor, and a memory that grows until its limit.
    @Test func everyCallAnswersAndEveryEndIsTold() throws {
        try translating { translator in
            let calls = try translator.image(try WasmGuest.served("calls"))
            try inSandboxes(calls) { engine, image in
                let outcome = try engine.invoke(image, inputs: Self.files, outputs: ["out", "stdio"], limit: 32 << 20)
                #expect(outcome.outcome == DN_RUN_EXITED, "\(outcome)")
                #expect(outcome.exitCode == 0, "the check at line \(outcome.exitCode) of calls.c, modulo 256")
            }
            let reactor = try translator.image(try WasmGuest.served("reactor"))
            try inSandboxes(reactor) { engine, image in
                for (argument, code) in [("r", 42), ("g", 0), ("r", 42)] as [(String, Int32)] {
                    let outcome = try run(engine, image, argument)
                    #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == code, "\(argument): \(outcome)")
                }
                for (argument, code) in [("t", 1), ("d", 6), ("b", 2)] as [(String, Int32)] {
                    let outcome = try run(engine, image, argument)
                    #expect(outcome.faultKind == DN_FAULT_TRAP && outcome.trapCode == code, "\(argument): \(outcome)")
                }
            }
        }
    }

    private func run(_ engine: HarnessEngine, _ image: HarnessImage, _ argument: String) throws -> Outcome {
        let argv = GuestSet("stdio", [GuestItem("argv", [UInt8]("p \(argument)".utf8))])
        return try engine.invoke(image, inputs: [Self.files[0], argv], outputs: ["out", "stdio"], limit: 4 << 20)
    }

    /// Inputs that leave the module no room, and a limit that does not hold the module, end it without a fault.
    @Test func aMemoryThatIsTooSmallIsToldByTheExitCode() throws {
        try translating { translator in
            let raw = try translator.image(try WasmGuest.raw("reverse"))
            try inSandboxes(raw) { engine, image in
                let input = GuestSet("in", [GuestItem("x", [1, 2, 3])])
                let limit = image.info.data_begin + 8192
                let outcome = try engine.invoke(image, inputs: [input], limit: limit)
                #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 259, "\(outcome)")
                #expect(outcome.outputs.allSatisfy { $0.items.isEmpty })
            }
        }
    }

    @Test func whatIsNoModuleIsRefused() throws {
        try translating { translator in
            let module = try WasmGuest.raw("reverse")
            func refusal(_ bytes: [UInt8], targets: String = "elf-x86_64") -> HarnessError? {
                #expect(throws: HarnessError.self) { try translator.image(bytes, targets: targets) }
            }
            #expect(refusal([0x7f, 0x45, 0x4c, 0x46])?.status == DN_UNSUPPORTED)
            #expect(refusal(module, targets: "elf-aarch64 tiny")?.status == DN_UNSUPPORTED)
            let cut = refusal(Array(module.dropLast(200)))
            #expect(cut?.status == DN_BAD_IMAGE && cut?.inputOffset != UInt64.max, "\(String(describing: cut))")
            let missing = refusal(try WasmGuest.served("importing", ["-DMODULE=\"env\"", "-DNAME=\"gone\""]))
            #expect(missing?.message.contains("import env.gone does not exist") == true)
        }
    }
}

extension Outcome {
    fileprivate func text(_ set: String, _ ident: String) -> String? {
        outputs.first { $0.name == set }?.items.first { $0.ident == ident }
            .map { String(decoding: $0.data, as: UTF8.self) }
    }
}

import Glibc
import PluginABI
import PluginHarness
import TestSupport
import Testing

/// Ordinary WASI preview 1 modules, and programs of the SDK's Wasm target.
@Suite(.serialized) struct WasiTests {
    private struct Rig {
        let plugin: HarnessPlugin
        let engine: HarnessEngine
    }

    private static func withRig(_ body: (Rig) throws -> Void) throws {
        let plugin = try HarnessPlugin(
            file: HarnessPlugin.path(of: "DandelionRWasm"), config: ["optimise": .bool(false)])
        let engine = try HarnessEngine(plugin)
        defer { plugin.stop() }
        defer { engine.destroy() }
        try body(Rig(plugin: plugin, engine: engine))
    }

    private static let inputs = [
        GuestSet("in", [GuestItem("numbers", [UInt8]("1 2 3 40\n".utf8))]),
        GuestSet(
            "stdio",
            [
                GuestItem("argv", [UInt8]("prog 'a b'".utf8)), GuestItem("environ", [UInt8]("HOME=/root".utf8)),
                GuestItem("stdin", [UInt8]("one\ntwo\n".utf8)),
            ]),
    ]

    private func run(_ rig: Rig, _ image: HarnessImage, argument: String? = nil, deadline: UInt64 = 5_000_000_000)
        throws
        -> WasmOutcome
    {
        var inputs = Self.inputs
        if let argument { inputs[1] = GuestSet("stdio", [GuestItem("argv", [UInt8]("p \(argument)".utf8))]) }
        return try rig.engine.invoke32(
            image, inputs: inputs, outputs: ["out", "stdio"], limit: argument == nil ? 32 << 20 : 2 << 20,
            deadline: deadline)
    }

    /// Complex functions where wasi-libc's and libc++'s own lose everything.
    @Test func complexFunctionsAreExact() throws {
        let source = "/\(WasmGuest.folder)/../SDKTests/programs/complex.cpp"
        guard let module = try WasmGuest.program(source, isOfSDK: true) else { return }
        try Self.withRig { rig in
            let outcome = try run(rig, try rig.plugin.load(module))
            #expect(outcome.exitCode == 0 && outcome.text("stdio", "stdout") == "all good\n", "\(outcome)")
        }
    }

    @Test(arguments: [true, false])
    func programInCUsesFilesAndStreams(isOfSDK: Bool) throws {
        guard let module = try WasmGuest.program("program.c", isOfSDK: isOfSDK) else { return }
        try Self.withRig { rig in
            let image = try rig.plugin.load(module)
            for _ in 0..<3 {
                let outcome = try run(rig, image)
                #expect(outcome.result.outcome == DN_RUN_EXITED, "\(outcome.detail)")
                #expect(outcome.exitCode == 7)
                #expect(outcome.text("out", "sum") == "46 1.500\n")
                #expect(outcome.text("out", "below/renamed") == "text")
                #expect(
                    outcome.text("stdio", "stdout") == "[prog][a b]\nHOME=/root\n> one\n> two\n. .. numbers \n7\n")
                #expect(outcome.text("stdio", "stderr") == "No such file or directory\n")
            }
        }
    }

    @Test func programsOfTheSDKThrowJumpAndAbort() throws {
        guard let throwing = try WasmGuest.program("exceptions.cpp", isOfSDK: true),
            let jumping = try WasmGuest.program("jumps.c", isOfSDK: true)
        else { return }
        try Self.withRig { rig in
            let image = try rig.plugin.load(throwing)
            let outcome = try run(rig, image)
            #expect(outcome.result.outcome == DN_RUN_EXITED, "\(outcome.detail)")
            #expect(outcome.exitCode == 134, "a throw that nobody catches, or a check of exceptions.cpp")
            #expect(outcome.text("stdio", "stdout") == "the bottom\n")
            #expect(
                outcome.text("stdio", "stderr")
                    == "libc++abi: terminating due to uncaught exception of type std::logic_error: nobody\n")
            let inputs = [GuestSet("stdio", [GuestItem("argv", [UInt8]("p".utf8))])]
            let well = try rig.engine.invoke32(image, inputs: inputs, outputs: ["stdio"], limit: 32 << 20)
            #expect(well.exitCode == 0, "the check at line \(well.exitCode) of exceptions.cpp")
            let jumps = try run(rig, try rig.plugin.load(jumping))
            #expect(jumps.exitCode == 134 && jumps.text("stdio", "stdout") == "42 201\n1 301\n", "\(jumps.detail)")
        }
    }

    /// The example is compiled as it is for the native backends; its PNG file is read by zlib in Python.
    @Test func theExampleOfImagesIsTheSame() throws {
        let root = "/\(WasmGuest.folder)/../.."
        guard let module = try WasmGuest.program("\(root)/Examples/programs/qoi2png.c", isOfSDK: true) else { return }
        let picture = try WasmGuest.read("\(root)/Tests/SDKTests/images/discs_512_18k.qoi")
        try Self.withRig { rig in
            let outcome = try rig.engine.invoke32(
                try rig.plugin.load(module), inputs: [GuestSet("images", [GuestItem("discs.qoi", picture)])],
                outputs: ["pngs", "stdio"], limit: 64 << 20)
            #expect(outcome.result.outcome == DN_RUN_EXITED && outcome.exitCode == 0, "\(outcome.detail)")
            let png = try #require(outcome.outputs.first { $0.name == "pngs" }?.items.first)
            let path = "\(Temporary.folder)/dandelion-wasi-\(getpid()).png"
            defer { unlink(path) }
            try WasmGuest.write(png.data, to: path)
            try WasmGuest.run([
                "python3", "\(root)/Tests/SDKTests/native/compare_png.py", path,
                "\(root)/Tests/SDKTests/images/discs_512_18k.png",
            ])
        }
    }

    @Test func programInZigUsesItsStandardLibrary() throws {
        guard let module = try WasmGuest.zig("program.zig") else { return }
        try Self.withRig { rig in
            let outcome = try run(rig, try rig.plugin.load(module))
            #expect(outcome.result.outcome == DN_RUN_EXITED, "\(outcome.detail)")
            #expect(outcome.exitCode == 9)
            #expect(outcome.text("out", "below/sum") == "46")
            #expect(outcome.text("stdio", "stdout") == "[prog][a b]")
        }
    }

    /// All of preview 1, the reactor's ways to end, and what its two memories may take together.
    @Test func everyCallAnswersAndEveryEndIsTold() throws {
        try Self.withRig { rig in
            let calls = try run(rig, try rig.plugin.load(try WasmGuest.served("calls")))
            #expect(calls.result.outcome == DN_RUN_EXITED, "\(calls.detail)")
            #expect(calls.exitCode == 0, "the check at line \(calls.exitCode) of calls.c, modulo 256")

            let reactor = try rig.plugin.load(try WasmGuest.served("reactor"))
            for (argument, code) in [("r", 42), ("g", 0), ("f", 0), ("r", 42)] as [(String, Int32)] {
                let outcome = try run(rig, reactor, argument: argument)
                #expect(outcome.result.outcome == DN_RUN_EXITED, "\(argument): \(outcome.detail)")
                #expect(outcome.exitCode == code, "\(argument)")
            }
            for (argument, detail) in [
                ("t", "unreachable in"), ("d", "integer divide by zero in"),
                ("b", "out of bounds memory access at address 2147483632"),
            ] {
                let outcome = try run(rig, reactor, argument: argument)
                #expect(outcome.result.outcome == DN_RUN_FAULTED)
                #expect(outcome.detail.hasPrefix(detail), "\(outcome.detail)")
            }
            let stopped = try run(rig, reactor, argument: "l", deadline: 20_000_000)
            #expect(stopped.result.outcome == DN_RUN_DEADLINE)
        }
    }

    @Test func theFolderToBeginInCanBeChosen() throws {
        let module = try WasmGuest.served("folders")
        let inputs = [Self.inputs[0], GuestSet("stdio", [GuestItem("cwd", [UInt8]("/job/here\n".utf8))])]
        try Self.withRig { rig in
            let image = try rig.plugin.load(module)
            let outcome = try rig.engine.invoke32(image, inputs: inputs, outputs: ["out", "stdio"], limit: 4 << 20)
            #expect(outcome.result.outcome == DN_RUN_EXITED, "\(outcome.detail)")
            #expect(outcome.exitCode == 0, "the check at line \(outcome.exitCode) of folders.c")
            let wrong = [Self.inputs[0], GuestSet("stdio", [GuestItem("cwd", [UInt8]("/in/numbers/x".utf8))])]
            let refused = try rig.engine.invoke32(image, inputs: wrong, outputs: ["out", "stdio"], limit: 4 << 20)
            #expect(refused.exitCode == 126)
            #expect(refused.text("stdio", "stderr") == "hlibc: cannot work in the folder /in/numbers/x\n")
        }
    }

    @Test func anEntryOfAnotherNameCanBeChosen() throws {
        let module = try WasmGuest.served("library")
        try Self.withRig { rig in
            let unnamed = #expect(throws: HarnessError.self) { try rig.plugin.load(module) }
            #expect(
                unnamed?.message.contains(
                    "no function _start; 'entry' can name one of those that it does export: delayed_start, other, takes"
                )
                    == true, "\(unnamed?.message ?? "")")
            for (entry, code) in [("delayed_start", 5), ("other", 6), ("delayed_start", 5)] as [(String, Int32)] {
                let outcome = try run(rig, try rig.plugin.load(module, entry: entry))
                #expect(outcome.exitCode == code, "\(entry): \(outcome.detail)")
            }
            for (entry, message) in [("absent", "no function absent"), ("takes", "takes or gives values")] {
                let error = #expect(throws: HarnessError.self) { try rig.plugin.load(module, entry: entry) }
                #expect(error?.status == DN_BAD_IMAGE && error?.message.contains(message) == true)
            }
        }
    }

    @Test(arguments: [
        ("env", "missing", "import env.missing does not exist"),
        ("wasi_snapshot_preview1", "fd_fly", "import wasi_snapshot_preview1.fd_fly does not exist"),
        ("wasi_snapshot_preview1", "fd_read", "import wasi_snapshot_preview1.fd_read has another type"),
        ("wasi_snapshot_preview1", "begin", "import wasi_snapshot_preview1.begin does not exist"),
    ])
    func aMissingImportIsNamed(module: String, name: String, message: String) throws {
        let bytes = try WasmGuest.served("importing", ["-DMODULE=\"\(module)\"", "-DNAME=\"\(name)\""])
        try Self.withRig { rig in
            let error = #expect(throws: HarnessError.self) { try rig.plugin.load(bytes) }
            #expect(error?.status == DN_BAD_IMAGE)
            #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        }
    }
}

extension WasmOutcome {
    func text(_ set: String, _ ident: String) -> String? {
        outputs.first { $0.name == set }?.items.first { $0.ident == ident }
            .map { String(decoding: $0.data, as: UTF8.self) }
    }
}

extension WasmGuest {
    /// A module without a C library that imports from WASI.
    static func served(_ name: String, _ flags: [String] = []) throws -> [UInt8] {
        try compile(
            name,
            [
                "--target=wasm32-unknown-unknown", "-O1", "-nostdlib", "-Wall", "-Wextra", "-Wno-int-to-pointer-cast",
                "-Wl,--no-entry",
            ] + flags)
    }

    /// A program over wasi-libc: the SDK's target, or an ordinary command module. Nil, with the reason printed, without the
    /// SDK folder.
    static func program(_ source: String, isOfSDK: Bool) throws -> [UInt8]? {
        let sdk = getenv("DANDELION_SDK").map { String(cString: $0) } ?? "/\(folder)/../../.build-sdk"
        guard access("\(sdk)/wasm/lib/libc.a", R_OK) == 0 else {
            print("programs over wasi-libc are skipped: there is no \(sdk)/wasm; ./dev sdk builds it")
            return nil
        }
        let ordinary = [
            "--target=wasm32-unknown-wasi", "-O2", "-nostdlibinc", "-nostdlib", "-isystem", "\(sdk)/wasm/include",
            "\(sdk)/wasm/lib/crt1-command.o", "-L\(sdk)/wasm/lib", "-lc-printscan-long-double", "-lc",
            "-lclang_rt.builtins-wasm32",
        ]
        return try built(source) { output in
            let isCxx = source.hasSuffix(".cpp")
            return [isCxx ? "clang++" : "clang"]
                + (isOfSDK ? ["--config=\(sdk)/dandelion\(isCxx ? "++" : "")-wasm.cfg"] : ordinary)
                + [source.hasPrefix("/") ? source : "/\(folder)/guests/\(source)", "-o", output]
        }
    }

    /// A program in Zig; nil, with the reason printed, without Zig.
    static func zig(_ source: String) throws -> [UInt8]? {
        let pythons = ["/\(folder)/../../.build-tools/bin/python3", "python3"]
        guard let python = pythons.first(where: { system("\($0) -m ziglang version >/dev/null 2>&1") == 0 }) else {
            print("the program in Zig is skipped: no Zig (pip install ziglang==0.14.1)")
            return nil
        }
        return try built(source) { output in
            [
                python, "-m", "ziglang", "build-exe", "-target", "wasm32-wasi", "-O", "ReleaseSmall",
                "/\(folder)/guests/\(source)", "-femit-bin=\(output)",
            ]
        }
    }

    private static func built(_ source: String, _ command: (String) -> [String]) throws -> [UInt8] {
        let output = "\(Temporary.folder)/dandelion-wasi-\(getpid())-\(source.split(separator: "/").last ?? "").wasm"
        try run(command(output))
        defer { unlink(output) }
        return try read(output)
    }
}

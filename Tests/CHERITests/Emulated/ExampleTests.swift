import Foundation
import PluginABI
import PluginHarness
import Testing

@testable import CHERICore

/// Example functions on the emulated processor, byte for byte against the same sources on this machine's native backends.
@Suite(.serialized, .enabled(if: Emulator.path != nil, Emulator.reason)) struct EmulatedExampleTests {
    private static let sdk = ProcessInfo.processInfo.environment["DANDELION_SDK"] ?? "\(Tools.root)/.build-sdk"

    private static func has(_ file: String) -> Bool {
        if FileManager.default.fileExists(atPath: "\(sdk)/\(file)") { return true }
        print("example functions on AArch64 are not compared: there is no \(sdk)/\(file); ./dev sdk builds it")
        return false
    }
    private static let freestanding = has("freestanding/lib/aarch64/libdandelion.a")
    private static let hosted = has("dandelion-aarch64.cfg")

    private func image(_ source: String, config: String, flags: [String] = []) throws -> [UInt8] {
        let folder = try Tools.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let compiler = source.hasSuffix(".cpp") ? "clang++" : "clang"
        try Tools.must(
            [compiler, "--config=\(Self.sdk)/\(config).cfg"] + flags
                + ["\(Tools.root)/\(source)", "-o", "\(folder)/image"])
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/image")))
    }

    private func invoke(_ image: [UInt8], on plugin: HarnessPlugin, _ inputs: [GuestSet], _ outputs: [String]) throws
        -> Outcome
    {
        let engine = try HarnessEngine(plugin)
        defer { engine.destroy() }
        return try engine.invoke(
            try plugin.load(image), inputs: inputs, outputs: outputs, limit: 32 << 20, deadline: 120_000_000_000)
    }

    /// Runs the source everywhere; the emulated outcome, when all agree.
    private func compare(
        _ source: String, _ configs: (arm: String, x86: String), _ inputs: [GuestSet], _ outputs: [String],
        flags: [String] = []
    ) throws -> Outcome {
        let arm = try image(source, config: configs.arm, flags: flags)
        let emulated = try invoke(arm, on: TestPlugin.make(EmulatedExecutor()), inputs, outputs)
        #expect(emulated.outcome == DN_RUN_EXITED && emulated.outputProblem == nil, "\(source): \(emulated)")
        let native = try image(source, config: configs.x86, flags: flags)
        for backend in ["DandelionProcess", "DandelionKVM"] {
            let file = HarnessPlugin.path(of: backend)
            guard try HarnessPlugin.probe(file: file).availability != DN_NOT_AVAILABLE else {
                print("\(source) is not compared with \(backend), which cannot run here")
                continue
            }
            let other = try invoke(native, on: HarnessPlugin(file: file), inputs, outputs)
            #expect(other.outcome == DN_RUN_EXITED && other.exitCode == emulated.exitCode, "\(source): \(other)")
            #expect(other.outputs == emulated.outputs, "\(source) gives other bytes on \(backend)")
        }
        return emulated
    }

    @Test(.enabled(if: freestanding, "no freestanding SDK"), arguments: [1, 2, 8, 64]) func matmul(size: Int) throws {
        var generator = SplitMix(state: UInt64(size))
        let numbers = [UInt64(size)] + (0..<size * size).map { _ in generator.next() % 1000 }
        let inputs = [GuestSet("in", [GuestItem("matrix", numbers.flatMap { bytes(of: $0) })])]
        let outcome = try compare(
            "Examples/functions/matmul.c", ("dandelion-freestanding-aarch64", "dandelion-freestanding"), inputs, ["out"]
        )
        #expect(outcome.exitCode == 0 && outcome.outputs.first?.items.first?.data.isEmpty == false)
    }

    @Test(.enabled(if: freestanding, "no freestanding SDK")) func echo() throws {
        let inputs = [
            GuestSet(
                "in", (0..<40).map { GuestItem("i\($0)", key: UInt32($0 % 3), [UInt8](repeating: 7, count: $0 * 99)) })
        ]
        let outcome = try compare(
            "Examples/functions/echo.c", ("dandelion-freestanding-aarch64", "dandelion-freestanding"), inputs, ["out"])
        #expect(outcome.outputs.first?.items.count == 40)
    }

    @Test(.enabled(if: hosted, "no hosted SDK for AArch64")) func imagesBecomePNG() throws {
        let items = try ["astronaut_18k", "discs_512_18k"].map { name in
            let file = "\(Tools.root)/Tests/SDKTests/images/\(name).qoi"
            return GuestItem("\(name).qoi", [UInt8](try Data(contentsOf: URL(fileURLWithPath: file))))
        }
        let outcome = try compare(
            "Examples/programs/qoi2png.c", ("dandelion-aarch64", "dandelion"), [GuestSet("images", items)],
            ["pngs", "stdio"])
        #expect(outcome.outputs.first?.items.map(\.ident) == ["astronaut_18k.png", "discs_512_18k.png"])
    }

    /// A libc program: files, directories, formatted output.
    @Test(.enabled(if: hosted, "no hosted SDK for AArch64")) func aProgramForLibc() throws {
        let text = { (text: String) in [UInt8](text.utf8) }
        let inputs = [
            GuestSet(
                "in",
                [
                    GuestItem("plain", text("hello")), GuestItem("deep/er/item", key: 7, text("nested")),
                    GuestItem("same", text("first")), GuestItem("same", text("second")),
                ]),
            GuestSet(
                "stdio",
                [
                    GuestItem("argv", text("files 'a' \"two words\"")),
                    GuestItem("environ", text("HOME=/tmp EMPTY=")), GuestItem("stdin", text("from stdin\n")),
                ]),
        ]
        let outcome = try compare(
            "Tests/SDKTests/programs/files.c", ("dandelion-aarch64", "dandelion"), inputs, ["out", "stdio"])
        #expect(outcome.exitCode == 42)
        #expect(!outcome.outputs.isEmpty)
    }
}

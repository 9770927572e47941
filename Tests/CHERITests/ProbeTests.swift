import CCHERI
import Foundation
import PluginABI
import PluginHarness
import Testing

@testable import CHERICore

@Suite struct ProbeTests {
    /// Tests run on x86-64 only: there is no Swift for other machines here.
    @Test func saysWhatIsMissingHere() throws {
        let file = HarnessPlugin.path(of: "DandelionCHERI")
        let probe = try HarnessPlugin.probe(file: file)
        #expect(probe.availability == DN_NOT_AVAILABLE && probe.reason == DN_REASON_WRONG_ARCH)
        #expect(probe.message.contains("needs an Arm Morello CPU"))
        let error = try #require(throws: HarnessError.self) { try HarnessPlugin(file: file) }
        #expect(error.status == DN_UNAVAILABLE && error.message.contains("needs an Arm Morello CPU"))
    }

    @Test func namesTheKernelFeature() {
        let new = Processor(answer: CHERI_USABLE, hwcapBit: 31)
        #expect(new.isUsable && new.reason == DN_REASON_NONE && new.message.contains("bit 31"))
        #expect(Processor(answer: CHERI_USABLE, hwcapBit: 19).message.contains("bit 19"))
        #expect(Processor(answer: CHERI_USABLE, hwcapBit: 0).isUsable)
        let weak = Processor(answer: CHERI_WEAK, hwcapBit: 31)
        #expect(!weak.isUsable && weak.reason == DN_REASON_NO_KERNEL_FEATURE)
        // The bit alone is no proof.
        let plain = Processor(answer: CHERI_NO_INSTRUCTIONS, hwcapBit: 31)
        #expect(!plain.isUsable && plain.reason == DN_REASON_NO_CPU_FEATURE)
    }

    /// What the processor says must not depend on its kind, and the process must live on with its signal handlers as they
    /// were.
    @Test(.enabled(if: Arm.emulator != nil, Arm.reason), arguments: ["cortex-a53", "max"])
    func plainArmSaysNo(cpu: String) throws {
        let result = try Arm.run(["probe.c", "filter.c", "run.c", "trampoline.S"], "probe_host.c", cpu: cpu)
        #expect(result.status == 0 && result.text == "probe 1, handler kept, 3 times\n", "\(result)")
    }
}

@Suite struct ArmRunTests {
    /// Deadlines, requests to stop and faults of the native executor, on AArch64 with real timers and signals, under a
    /// trampoline that needs no capabilities.
    @Test(.enabled(if: Arm.emulator != nil, Arm.reason)) func everyRunEndsAndTheThreadLivesOn() throws {
        let result = try Arm.run(["run.c"], "run_host.c", cpu: "max")
        #expect(result.status == 0 && result.text == "0 failures\n", "\(result)")
    }
}

/// Programs for AArch64 Linux, by Debian's cross libc and user-mode emulator.
enum Arm {
    static let reason: Comment = "needs the packages qemu-user and libc6-dev-arm64-cross"
    private static let root = "/usr/aarch64-linux-gnu"

    static let emulator: String? = {
        let has = { (path: String) in FileManager.default.fileExists(atPath: path) }
        let found = ["qemu-aarch64", "qemu-aarch64-static"].map { "/usr/bin/\($0)" }.first(where: has)
        if let found, has("\(root)/lib/libc.so.6") { return found }
        print("the C parts are not run on AArch64: that \(reason)")
        return nil
    }()

    /// Runs a program of the plugin's own C parts and a host of Tests/CHERITests/Guests, on a processor without
    /// capabilities.
    static func run(_ parts: [String], _ host: String, cpu: String) throws -> (status: Int32, text: String) {
        let folder = try Tools.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let resources = try Tools.must(["clang", "-print-resource-dir"]).trimmingCharacters(in: .newlines)
        var objects: [String] = []
        let parts = parts.map { "\(Tools.shim)/\($0)" } + ["\(Tools.kit)/stop.c"]
        for source in parts + ["\(Tools.tests)/Guests/\(host)"] {
            let object = "\(folder)/\(objects.count).o"
            try Tools.must([
                "clang", "--target=aarch64-linux-gnu", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-nostdinc",
                "-isystem", "\(resources)/include", "-isystem", "\(root)/include", "-I\(Tools.shim)/include",
                "-I\(Tools.kit)/include", "-I\(Tools.root)/Sources/PluginABI/include",
                "-Wno-unused-command-line-argument", "-c", source, "-o",
                object,
            ])
            objects.append(object)
        }
        let loader = "/lib/ld-linux-aarch64.so.1"
        try Tools.must(
            ["ld.lld", "-o", "\(folder)/program", "-dynamic-linker", loader, "\(root)/lib/crt1.o"] + objects
                + ["\(root)/lib/libc.so.6", "\(root)/lib/libc_nonshared.a", "\(root)\(loader)"])
        return try Tools.run([try #require(emulator), "-cpu", cpu, "-L", root, "\(folder)/program"])
    }
}

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

    private static let arm = "/usr/aarch64-linux-gnu"
    private static let emulator: String? = {
        let has = { (path: String) in FileManager.default.fileExists(atPath: path) }
        let found = ["qemu-aarch64", "qemu-aarch64-static"].map { "/usr/bin/\($0)" }.first(where: has)
        if let found, has("\(arm)/lib/libc.so.6") { return found }
        print("the probe on AArch64 is not tested: it needs the packages qemu-user and libc6-dev-arm64-cross")
        return nil
    }()

    /// The plugin's own C parts on an AArch64 processor without capabilities. What the processor says must not depend on
    /// what kind it is, and the process must live on with its signal handlers as they were.
    @Test(.enabled(if: emulator != nil, "needs qemu-user and libc6-dev-arm64-cross"), arguments: ["cortex-a53", "max"])
    func plainArmSaysNo(cpu: String) throws {
        let folder = try Tools.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let arm = Self.arm
        let flags = [
            "--target=aarch64-linux-gnu", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-nostdinc", "-isystem",
            try Tools.must(["clang", "-print-resource-dir"]).trimmingCharacters(in: .newlines) + "/include",
            "-isystem", "\(arm)/include", "-I\(Tools.shim)/include", "-I\(Tools.root)/Sources/PluginABI/include",
        ]
        let sources = ["probe.c", "filter.c", "run.c", "trampoline.S"].map { "\(Tools.shim)/\($0)" }
        var objects: [String] = []
        for source in sources + ["\(Tools.tests)/Guests/probe_host.c"] {
            let object = "\(folder)/\(objects.count).o"
            try Tools.must(["clang"] + flags + ["-Wno-unused-command-line-argument", "-c", source, "-o", object])
            objects.append(object)
        }
        try Tools.must(
            ["ld.lld", "-o", "\(folder)/probe", "-dynamic-linker", "/lib/ld-linux-aarch64.so.1", "\(arm)/lib/crt1.o"]
                + objects + ["\(arm)/lib/libc.so.6", "\(arm)/lib/libc_nonshared.a", "\(arm)/lib/ld-linux-aarch64.so.1"])
        let result = try Tools.run([try #require(Self.emulator), "-cpu", cpu, "-L", arm, "\(folder)/probe"])
        #expect(result.status == 0 && result.text == "probe 1, handler kept, 3 times\n", "\(result)")
    }
}

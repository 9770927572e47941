import Foundation
import Testing

@testable import CHERICore

/// The words of morello.h against those of the architecture's supplement, and of the emulator's decoder, as they were
/// checked by hand and executed.
@Suite struct EncodingTests {
    private static let golden: [(source: String, word: UInt32)] = [
        ("MRS_C(0, DDC)", 0xc29b_4120), ("MSR_C(DDC, 0)", 0xc28b_4120),
        ("MRS_C(0, RDDC_EL0)", 0xc29b_4320), ("MSR_C(RDDC_EL0, 0)", 0xc28b_4320),
        ("MRS_C(0, RCSP_EL0)", 0xc29f_4160), ("MSR_C(RCSP_EL0, 0)", 0xc28f_4160),
        ("MRS_C(0, CTPIDR_EL0)", 0xc29b_d040), ("MSR_C(CTPIDR_EL0, 0)", 0xc28b_d040),
        ("MRS_C(0, RCTPIDR_EL0)", 0xc29b_d080), ("MSR_C(RCTPIDR_EL0, 0)", 0xc28b_d080),
        ("MRS_C(0, CID_EL0)", 0xc29b_d0e0), ("MSR_C(CID_EL0, 31)", 0xc28b_d0ff),
        ("MSR_C(DDC_EL0_AT_EL1, 0)", 0xc288_4120), ("MSR_C(CELR_EL1, 0)", 0xc288_4020),
        ("MSR_C(CVBAR_EL1, 0)", 0xc288_c000),
        ("CVTD(1, 2)", 0xc2c5_9041), ("CVTP(1, 2)", 0xc2c5_b041),
        ("SCBNDSE(1, 2, 3)", 0xc2c3_2041), ("SCOFF(1, 2, 3)", 0xc2c3_6041),
        ("CLRPERM(1, 2, 3)", 0xc2c3_a041), ("SEAL_LPB(1, 2)", 0xc2c3_5041), ("CPY(1, 2)", 0xc2c1_d041),
        ("GCBASE(1, 2)", 0xc2c0_1041), ("GCLEN(1, 2)", 0xc2c0_3041), ("GCTAG(1, 2)", 0xc2c0_9041),
        ("GCPERM(1, 2)", 0xc2c0_d041), ("RRLEN(1, 2)", 0xc2c7_1041), ("RRMASK(1, 2)", 0xc2c7_3041),
        ("BRR(30)", 0xc2c2_13c3), ("LDPBR(29, 0)", 0xc2c4_101d),
        ("LDR_C(0, 8, 0)", 0xc240_0100), ("LDR_C(9, 1, 32)", 0xc240_0829), ("STR_C(11, 8, 16)", 0xc200_050b),
        ("mrs x0, CCTLR_EL0", 0xd53b_1240), ("msr CCTLR_EL0, x0", 0xd51b_1240),
    ]

    @Test(arguments: ["aarch64-linux-gnu", "aarch64-none-elf"]) func wordsAreGolden(target: String) throws {
        let folder = try Tools.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let source = "#include \"morello.h\"\n" + Self.golden.map { $0.source + "\n" }.joined()
        try source.write(toFile: "\(folder)/golden.S", atomically: true, encoding: .utf8)
        let words = try Tools.words(of: "\(folder)/golden.S", target: target)
        #expect(words.count == Self.golden.count)
        for (word, golden) in zip(words, Self.golden) {
            #expect(word == golden.word, "\(golden.source) is \(String(word, radix: 16))")
        }
    }

    /// What the platform places into an image, against the assembler's own words.
    @Test func theStubIsWhatTheAssemblerMakes() throws {
        let folder = try Tools.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let distance = ContextLayout.slot - ContextLayout.stub
        let source = "#include \"morello.h\"\nadr x8, . + \(distance)\nLDR_C(0, 8, 0)\nLDPBR(29, 0)\n"
        try source.write(toFile: "\(folder)/stub.S", atomically: true, encoding: .utf8)
        #expect(try Tools.words(of: "\(folder)/stub.S", target: "aarch64-linux-gnu") == ContextLayout.stubWords)
    }

    /// One trampoline: the plugin's and the test image's are the same words, and it is empty elsewhere.
    @Test func theTrampolineIsTheSameEverywhere() throws {
        let file = "\(Tools.shim)/trampoline.S"
        let linux = try Tools.words(of: file, target: "aarch64-linux-gnu")
        #expect(try linux == Tools.words(of: file, target: "aarch64-none-elf") && linux.count > 100)
        #expect(try Tools.words(of: file, target: "x86_64-linux-gnu").isEmpty)
    }

    /// The cost figure of Docs/cheri.md. Enter is straight to its branch; so are landing and the way back.
    @Test func instructionsOfEnterAndLeaveAreThoseDocumented() throws {
        let words = try Tools.words(of: "\(Tools.shim)/trampoline.S", target: "aarch64-linux-gnu")
        let enter = try #require(words.firstIndex(of: 0xc2c2_13c3)) + 1
        let landing = try #require(words.lastIndex(of: 0xaa1f_03e0))  // mov x0, xzr
        let leave = try #require(words[landing...].firstIndex(of: 0xd65f_03c0)) + 1 - landing
        let documented = "enter: \(enter) instructions; leave: \(ContextLayout.stubWords.count) + \(leave)"
        let text = try String(contentsOfFile: "\(Tools.root)/Docs/cheri.md", encoding: .utf8)
        #expect(text.contains(documented), "Docs/cheri.md should say \(documented)")
    }
}

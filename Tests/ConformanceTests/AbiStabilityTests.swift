import Foundation
import Testing

/// The ABI keeps what it promised to plugins that exist already (Docs/abi-policy.md).
@Suite(.serialized) struct AbiStabilityTests {
    static let current = "\(Judged.root)/Sources/PluginABI/include"
    /// Fixture folders of released versions, such as "abi-1.0".
    static let released: [String] =
        (try? FileManager.default.contentsOfDirectory(atPath: "\(Judged.root)/Tests/Fixtures"))?
        .filter { $0.hasPrefix("abi-") }.sorted() ?? []

    /// The files are as they were built when their version was released.
    #if arch(x86_64)
        @Test(arguments: released, ["echo", "trivial"])
        func oldBinariesLoadProbeStartAndRun(version: String, plugin: String) throws {
            let folder = "\(Judged.root)/Tests/Fixtures/\(version)"
            let guests = plugin == "trivial" ? ["--guests", "\(folder)/trivial/guests"] : []
            let judged = try Judged("\(folder)/lib\(plugin).so", guests)
            #expect(judged.verdicts.filter { !["passed", "skipped"].contains($0.value) } == [:], "\(judged.reasons)")
            let mine = plugin == "trivial" ? ["run-exit", "run-fault", "interrupt-during"] : ["comm-exactly-once"]
            for check in mine { #expect(judged.verdicts[check] == "passed", "\(check)") }
        }
    #endif

    /// Longer descriptor and tables, whose unknown slots would crash whoever calls them.
    @Test(arguments: ["newer_comm", "newer_compute"])
    func slotsOfANewerMinorAreIgnored(fixture: String) throws {
        let judged = try Judged(fixture: fixture)
        #expect(judged.verdicts.filter { !["passed", "skipped"].contains($0.value) } == [:], "\(judged.reasons)")
        #expect(judged.verdicts[fixture == "newer_comm" ? "comm-exactly-once" : "run-exit"] == "passed")
    }

    @Test(arguments: released)
    func layoutsAndValuesOfReleasedVersionsAreKept(version: String) throws {
        let old = try Layouts(of: "\(Judged.root)/Tests/Fixtures/\(version)/include")
        #expect("abi-\(old.version[0]).\(old.version[1])" == version)
        #expect(old.structs.count > 20 && old.constants.count > 50)
        #expect(old.breaks(in: try Layouts(of: Self.current)) == [])
    }

    /// A minor that has no folder of its own is not watched.
    @Test func theCurrentVersionIsFrozen() throws {
        let version = try Layouts(of: Self.current).version
        #expect(Self.released.contains("abi-\(version[0]).\(version[1])"))
    }

    static let appended = ("    char detail[128];", "    char detail[128];\n    uint64_t newer;")
    static let inserted = ("    int32_t fault_kind;", "    uint64_t newer;\n    int32_t fault_kind;")
    static let renumbered = ("DN_RUN_DEADLINE, 2)", "DN_RUN_DEADLINE, 9)")

    static let added = (
        "DN_CONSTANT(int32_t, DN_RUN_CANCELLED",
        "DN_CONSTANT(int32_t, DN_RUN_OTHER, 4);\nDN_CONSTANT(int32_t, DN_RUN_CANCELLED"
    )
    static let retyped = ("#define DN_RESULT_PC (1ull << 1)", "#define DN_RESULT_PC (1u << 1)")

    /// The watch itself: an edit of compute.h, the minor it comes with, and whether that breaks old plugins.
    @Test(arguments: [
        (appended, "2u", true), (appended, "3u", false), (inserted, "3u", true), (renumbered, "3u", true),
        (("uint64_t deadline;", "uint32_t deadline;"), "3u", true),
        (("dn_engine *engine, uint64_t budget", "dn_engine *engine, uint32_t budget"), "3u", true),
        (added, "2u", true), (added, "3u", false), (retyped, "3u", true),
    ])
    func changesAreFound(edit: (String, String), minor: String, breaks: Bool) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-abi-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.copyItem(atPath: Self.current, toPath: folder)
        func replace(_ file: String, _ old: String, _ new: String) throws {
            let path = "\(folder)/dandelion/\(file)"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try #require(text.contains(old))
            try text.replacing(old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
        }
        try replace("compute.h", edit.0, edit.1)
        try replace("version.h", "#define DN_ABI_MINOR 2u", "#define DN_ABI_MINOR \(minor)")
        let found = try Layouts(of: Self.current).breaks(in: try Layouts(of: folder))
        #expect(found.isEmpty != breaks, "\(found)")
    }
}

import Foundation
import Testing

/// What `dandelion plugins new` writes builds with one command, outside of this repository, and passes the kit at once.
@Suite(.serialized) struct TemplateTests {
    private let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-new-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    @discardableResult
    private func new(_ arguments: [String]) throws -> Int32 {
        try Judged.run("\(Judged.products)/dandelion", ["plugins", "new"] + arguments, in: folder).0
    }

    @Test(arguments: ["comm", "compute"], ["c", "swift"])
    func projectsBuildAndPass(kind: String, language: String) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(try new([kind, "fresh", "--lang", language]) == 0)
        let build = language == "c" ? ["make"] : ["swift", "build", "-c", "release"]
        let (status, output) = try Judged.run("/usr/bin/env", build, in: "\(folder)/fresh")
        try #require(status == 0, "\(String(decoding: output, as: UTF8.self))")
        let product = language == "c" ? "libfresh.so" : ".build/release/libfresh.so"
        let guests = kind == "compute" ? ["--guests", "\(folder)/fresh/guests"] : []
        let judged = try Judged("\(folder)/fresh/\(product)", guests)
        #expect(judged.verdicts.filter { !["passed", "skipped"].contains($0.value) } == [:])
        for (check, verdict) in judged.verdicts where verdict == "skipped" {
            let reason = judged.reasons[check] ?? ""
            let isOptional = ["transfer", "two-generations", "isolation-registers"].contains(check)
            let isKnown = [
                "it offers no ", "it does not map files", "its images begin where they say",
                "the kit has such functions in machine code",
                "no requests are given",
            ]
            .contains { reason.hasPrefix($0) }
            #expect(isKnown || isOptional && !reason.isEmpty, "\(check): \(reason)")
        }
    }

    @Test func nothingIsOverwritten() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(try new(["comm", "mine"]) == 0)
        #expect(try new(["comm", "mine"]) == 1)
        for name in ["Mine", "my-plugin", "../mine", "1st", ""] { #expect(try new(["comm", name]) == 64, "\(name)") }
    }
}

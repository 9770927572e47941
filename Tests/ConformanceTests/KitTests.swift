import Foundation
import Synchronization
import Testing

/// Right plugins pass the kit, and each faulty one fails in exactly the checks made for its fault.
@Suite(.serialized) struct KitTests {
    @Test(arguments: ["Process", "KVM", "HTTPComm", "RWasm", "CHERI", "NATS"])
    func pluginsOfTheTreePass(name: String) throws {
        let verdicts = try Judged("\(Judged.products)/libDandelion\(name).so").verdicts
        #expect(verdicts.filter { !["passed", "skipped"].contains($0.value) } == [:])
        // The kit has no guests for the one, and the others may lack their device or CPU.
        let skipsGuests =
            name == "RWasm" || name == "CHERI" || name == "NATS"
            || name == "KVM" && access("/dev/kvm", R_OK | W_OK) != 0
        #expect(verdicts.values.count { $0 == "passed" } >= (skipsGuests ? 4 : 20))
    }

    /// A backend of another format than the kit's, with functions of that format.
    @Test func rwasmPassesWithModules() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-modules-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for name in ["exits", "loops", "faults"] {
            let (status, _) = try Judged.run(
                "/usr/bin/env",
                [
                    "clang", "--target=wasm32-unknown-unknown", "-O2", "-nostdlib", "-w", "-I",
                    "\(Judged.root)/Sources/PluginABI/include", "-Wl,--no-entry", "-Wl,--import-memory",
                    "-Wl,--export-all", "-Wl,-s", "\(Judged.root)/Tests/Fixtures/wasm/\(name).c", "-o",
                    "\(folder)/\(name).wasm",
                ])
            try #require(status == 0, "clang for \(name).c")
        }
        let judged = try Judged("\(Judged.products)/libDandelionRWasm.so", ["--guests", folder])
        #expect(judged.verdicts.filter { !["passed", "skipped"].contains($0.value) } == [:], "\(judged.reasons)")
        if let reason = judged.reasons["run-exit"], reason.hasPrefix("unavailable here") {
            return print("no module was run: \(reason)")
        }
        for check in ["image-bad", "isolation-zero", "run-exit", "run-fault", "run-deadline", "interrupt-during"] {
            #expect(judged.verdicts[check] == "passed", "\(check): \(judged.reasons[check] ?? "")")
        }
    }

    @Test(arguments: ["good_echo", "good_transfer", "good_snapshot", "good_fleet"]) func rightPluginsPass(name: String)
        throws
    {
        let judged = try Judged(fixture: name)
        #expect(judged.verdicts.filter { !["passed", "skipped"].contains($0.value) } == [:], "\(judged.reasons)")
        #expect(try Trial(fixture: name).status == 0)
    }

    /// Alone, because it changes a file that the others have open, too.
    @Test func whoDisturbsOthersIsFound() throws { try judge(Faulty.all.filter { $0.name == Self.lonely }) }

    /// All but those for which this user lacks the rights: a namespace of one's own needs some.
    @Test func faultyPluginsAreFound() throws {
        try judge(Faulty.all.filter { $0.name != Self.lonely && ($0.name != "namespace_in_submit" || geteuid() == 0) })
    }

    private static let lonely = "blocking_error_in_submit"

    private enum Found: Sendable {
        case judged(Judged)
        case tried(Trial)
    }

    /// By the kit, and by the trial: what the kit does not pass, a node does not use.
    private func judge(_ faults: [Faulty]) throws {
        try #require(!faults.isEmpty)
        // Those that let a check hang first: they take longest, and wait.
        let order = faults.filter { Faulty.slow.contains($0.name) } + faults.filter { !Faulty.slow.contains($0.name) }
        let jobs = order.flatMap { fault in [(fault, true), (fault, false)] }
        let found = try severalAtOnce(jobs) { fault, byKit in
            byKit ? Found.judged(try Judged(fixture: fault.name)) : .tried(try Trial(fixture: fault.name))
        }
        for ((fault, _), found) in zip(jobs, found) {
            // One CPU cannot be made fewer.
            if fault.name.hasPrefix("affinity"), Self.hasOneCPU { continue }
            switch found {
            case .judged(let judged): expectRight(judged, fault)
            case .tried(let trial):
                #expect(trial.status == 1, "\(fault.name): \(trial.said)")
                #expect(trial.said.contains("(check "), "\(fault.name): \(trial.said)")
            }
        }
    }

    private func expectRight(_ found: Judged, _ fault: Faulty) {
        let bad = found.verdicts.filter { !["passed", "skipped"].contains($0.value) }
        let expected = Dictionary(uniqueKeysWithValues: fault.checks.map { ($0, fault.verdict) })
        let isRight = fault.isEverywhere ? fault.checks.allSatisfy { bad[$0] == fault.verdict } : bad == expected
        #expect(isRight, "\(fault.name): \(bad): \(found.reasons)")
        let reasons = fault.checks.compactMap { found.reasons[$0] }
        #expect(fault.reason.isEmpty || reasons.contains { $0.contains(fault.reason) }, "\(fault.name): \(reasons)")
        for reason in reasons {
            #expect(!reason.isEmpty && !reason.contains("outcome is"), "\(fault.name): \(reason)")
        }
    }

    /// Six at a time, because most of judging is waiting.
    private func severalAtOnce<Job: Sendable, Result: Sendable>(
        _ jobs: [Job], _ body: @escaping @Sendable (Job) throws -> Result
    ) throws -> [Result] {
        let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
        let next = Atomic<Int>(0)
        let done = DispatchSemaphore(value: 0)
        let workers = min(6, jobs.count)
        for _ in 0..<workers {
            Thread.detachNewThread {
                while true {
                    let index = next.add(1, ordering: .relaxed).oldValue
                    guard index < jobs.count else { break }
                    let result = Swift.Result { try body(jobs[index]) }
                    results.withLock { $0[index] = result }
                }
                done.signal()
            }
        }
        for _ in 0..<workers { done.wait() }
        return try jobs.indices.map { index in try #require(results.withLock { $0[index] }).get() }
    }

    private static let hasOneCPU: Bool = {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let allowed = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") } ?? ""
        return !allowed.contains("-") && !allowed.contains(",")
    }()

    /// A question that is wrong is answered before any check, with 64.
    @Test(arguments: [
        ("none.so", [], "none.so: No such file"), ("{plugin}", ["--settings", "{"], "--settings:1:2"),
        ("{plugin}", ["--settings", #"{"slots":1,"nonsense":1}"#], "unknown key 'nonsense'"),
        ("{plugin}", ["--guests", "/nowhere"], "/nowhere"), ("{plugin}", ["--include", "nonsense"], "--list"),
    ])
    func wrongQuestionsAreTold(file: String, arguments: [String], message: String) throws {
        let file = file == "{plugin}" ? "\(Judged.products)/libDandelionProcess.so" : file
        let command = ["\(Judged.products)/dandelion", "plugins", "check", file] + arguments
        // Both outputs in one, through a shell that is given the words as they are.
        let (status, output) = try Judged.run("/bin/sh", ["-c", #"exec "$@" 2>&1"#, "sh"] + command)
        #expect(status == 64)
        #expect(String(decoding: output, as: UTF8.self).contains(message), "\(String(decoding: output, as: UTF8.self))")
    }

    /// A file that does not load is told once, whatever was asked.
    @Test func aFileThatDoesNotLoadIsToldOnce() throws {
        let judged = try Judged(fixture: "no_entry", ["--include", "comm-cancel"])
        #expect(
            judged.verdicts == ["entry-loads": "failed", "comm-cancel": "skipped", "comm-cancel-race": "skipped"])
    }

    /// What cannot be loaded fails in its first check; whatever needs more of it fails too.
    @Test(arguments: [
        ("no_entry", "failed", "exports no dn_plugin_entry_v1"), ("null_descriptor", "failed", "needs a newer host"),
        ("bad_magic", "failed", "plugin magic"), ("major_2", "failed", "ABI major 2"),
        ("short_struct", "failed", "lacks probe, start, stop, get_interface"),
        ("crash_in_entry", "crashed", "signal 11"),
        ("hang_in_entry", "hung", "did not end"),
    ])
    func brokenEntriesAreTold(name: String, verdict: String, reason: String) throws {
        let judged = try Judged(fixture: name, ["--include", "entry-loads"])
        #expect(judged.verdicts == ["entry-loads": verdict])
        #expect(judged.reasons["entry-loads"]?.contains(reason) == true, "\(judged.reasons)")
    }
}

/// What `dandelion plugins check --json` says of a file.
struct Judged {
    private(set) var verdicts: [String: String] = [:]
    private(set) var reasons: [String: String] = [:]

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    /// The folder of executables and plugins: beside the test bundle.
    static let products: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? "/proc/self/exe"
        return URL(fileURLWithPath: bundle).resolvingSymlinksInPath().deletingLastPathComponent().path
    }()

    struct CompilerFailed: Error { let output: String }

    init(fixture name: String, _ arguments: [String] = []) throws {
        let fixture = try Fixture(name)
        defer { fixture.remove() }
        try self.init(fixture.path, arguments)
    }

    init(_ file: String, _ arguments: [String] = []) throws {
        let (_, output) = try Self.run(
            "\(Self.products)/dandelion", ["plugins", "check", file, "--json", "--seed", "1"] + arguments)
        for check in try #require(JSONSerialization.jsonObject(with: output) as? [[String: Any]]) {
            let id = try #require(check["check"] as? String)
            verdicts[id] = check["verdict"] as? String
            reasons[id] = check["reason"] as? String
        }
    }

    static func run(
        _ path: String, _ arguments: [String], in folder: String? = nil, input: String? = nil
    ) throws -> (Int32, Data) {
        let process = Process()
        let given = Pipe()
        if input != nil { process.standardInput = given }
        process.executableURL = URL(fileURLWithPath: path)
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        if let input {
            given.fileHandleForWriting.write(Data(input.utf8))
            try given.fileHandleForWriting.close()
        }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }
}

/// A faulty plugin, compiled into a folder of its own.
struct Fixture {
    let path: String
    private let folder: String

    init(_ name: String) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-kit-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        path = "\(folder)/lib\(name).so"
        let sources = "\(Judged.root)/Tests/Fixtures/Bad"
        let (status, output) = try Judged.run(
            "/usr/bin/env",
            [
                "clang", "-shared", "-fPIC", "-O1", "-w", "-fexceptions", "-I",
                "\(Judged.root)/Sources/PluginABI/include",
                "-DBASE=\"\(Judged.products)/libDandelionProcess.so\"", "\(sources)/\(name).c", "-o", path,
            ] + (name.hasPrefix("throws") ? ["\(sources)/throws.cc", "-lstdc++"] : []))
        guard status == 0 else {
            remove()
            throw Judged.CompilerFailed(output: String(decoding: output, as: UTF8.self))
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}

/// What a node has done before it uses a plugin.
struct Trial {
    let status: Int32
    let said: String

    init(fixture name: String) throws {
        let fixture = try Fixture(name)
        defer { fixture.remove() }
        let (status, output) = try Judged.run(
            "\(Judged.products)/dandelion", ["plugins", "trial", fixture.path], input: "{}")
        (self.status, said) = (status, String(decoding: output, as: UTF8.self))
    }
}

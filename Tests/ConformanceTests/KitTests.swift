import Foundation
import Synchronization
import Testing

/// Right plugins pass the kit, and each faulty one fails in exactly the checks made for its fault.
@Suite(.serialized) struct KitTests {
    @Test(arguments: ["Process", "KVM", "HTTPComm", "RWasm", "CHERI"])
    func pluginsOfTheTreePass(name: String) throws {
        let verdicts = try Judged("\(Judged.products)/libDandelion\(name).so").verdicts
        #expect(verdicts.filter { !["passed", "skipped"].contains($0.value) } == [:])
        // The kit has no guests for the one, and the others may lack their device or CPU.
        let skipsGuests = name == "RWasm" || name == "CHERI" || name == "KVM" && access("/dev/kvm", R_OK | W_OK) != 0
        #expect(verdicts.values.count { $0 == "passed" } >= (skipsGuests ? 4 : 13))
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

    private static let everyCompletion: Set<String> = [
        "comm-exactly-once", "comm-cancel", "comm-deadline", "comm-cancel-race", "comm-oversize", "comm-threads",
    ]

    /// Fixture, verdict, and the checks that must say so.
    static let gallery: [(String, String, Set<String>)] = [
        ("good_echo", "", []),
        ("bad_version", "failed", ["descriptor-texts"]),
        ("bad_schema", "failed", ["config-schema"]),
        ("moody_probe", "failed", ["probe-repeats"]),
        ("leaks_fd_in_probe", "failed", ["probe-leaks-nothing"]),
        ("leaks_thread_in_start", "failed", ["start-stop-leaks-nothing"]),
        ("handler_in_start", "failed", ["process-kept"]),
        ("umask_in_start", "failed", ["process-kept"]),
        ("mask_in_start", "failed", ["process-kept"]),
        ("directory_in_start", "failed", ["process-kept"]),
        ("environment_in_start", "failed", ["process-kept"]),
        ("affinity_in_start", "failed", ["process-kept"]),
        ("limit_in_start", "failed", ["process-kept"]),
        ("one_generation", "failed", ["two-generations"]),
        ("leaks_fd_in_start", "failed", ["start-stop-leaks-nothing"]),
        ("no_interface", "failed", ["interface-stable"]),
        // The host accepts no reactor without a descriptor, so whatever needs one fails.
        (
            "no_reactor_fd", "failed",
            [
                "comm-protocols", "comm-descriptor", "comm-exactly-once", "comm-cancel", "comm-deadline",
                "comm-leaks-nothing", "comm-validate", "comm-cancel-race", "comm-oversize", "comm-threads",
                "process-kept",
            ]
        ),
        ("leaks_fd_in_reactor", "failed", ["comm-leaks-nothing"]),
        ("completes_twice", "failed", everyCompletion),
        ("never_completes", "failed", everyCompletion),
        ("moody_validate", "failed", ["comm-validate"]),
        ("racy_cancel", "failed", ["comm-cancel-race"]),
        ("one_thread", "failed", ["comm-threads"]),
        ("destroyed_elsewhere", "failed", ["context-threads"]),
        ("oversize_answer", "failed", ["comm-oversize"]),
        ("translates_noise", "failed", ["translate-refuses"]),
        ("ignores_deadline", "hung", ["run-deadline"]),
        ("ignores_interrupt", "failed", ["interrupt-during", "interrupt-before"]),
        ("stale_interrupt", "failed", ["interrupt-stale"]),
        ("memory_not_zero", "failed", ["isolation-zero"]),
        ("overflow_accepted", "failed", ["context-bounds"]),
        ("good_transfer", "", []),
        ("short_transfer", "failed", ["transfer"]),
        ("leaks_registers", "failed", ["isolation-registers"]),
        ("leaks_ymm", "failed", ["isolation-registers"]),
        ("leaks_x87", "failed", ["isolation-registers"]),
        ("leaks_mapping_in_run", "failed", ["runs-leak-nothing"]),
        ("leaks_fd_in_run", "failed", ["runs-leak-nothing"]),
        ("fault_as_exit", "failed", ["run-fault"]),
        ("metrics_in_probe", "failed", ["host-in-probe"]),
        ("logs_after_stop", "failed", ["host-after-stop"]),
        ("keeps_probe_host", "failed", ["host-after-stop"]),
        ("logs_on_own_thread", "failed", ["host-threads"]),
        ("defines_late", "failed", ["metrics-in-start"]),
        ("adds_unknown_metric", "failed", ["metrics-known"]),
        ("defines_twice", "failed", ["metrics-known"]),
        ("attaches_in_start", "failed", ["signal-thread"]),
        ("detaches_elsewhere", "failed", ["signal-thread"]),
        ("never_detaches", "failed", ["signal-detached"]),
        ("logs_in_handler", "failed", ["signal-handler"]),
    ]

    /// Four at a time, because most of judging is waiting.
    @Test(arguments: stride(from: 0, to: gallery.count, by: 4).map { Array(gallery[$0..<min($0 + 4, gallery.count)]) })
    func faultyPluginsAreFound(faults: [(String, String, Set<String>)]) throws {
        let judged = Mutex<[String: Result<Judged, any Error>]>([:])
        let done = DispatchSemaphore(value: 0)
        for (name, _, _) in faults {
            Thread.detachNewThread {
                let result = Result { try Judged(fixture: name) }
                judged.withLock { $0[name] = result }
                done.signal()
            }
        }
        for _ in faults { done.wait() }
        for (name, verdict, checks) in faults {
            // One CPU cannot be made fewer.
            if name == "affinity_in_start", Self.hasOneCPU {
                print("\(name): skipped, this machine has one CPU")
                continue
            }
            let found = try #require(judged.withLock { $0[name] }).get()
            let bad = found.verdicts.filter { !["passed", "skipped"].contains($0.value) }
            #expect(
                bad == Dictionary(uniqueKeysWithValues: checks.map { ($0, verdict) }), "\(name): \(found.reasons)")
        }
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
        let folder = FileManager.default.temporaryDirectory.appending(path: "dandelion-kit-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let object = "\(folder)/lib\(name).so"
        let (status, output) = try Self.run(
            "/usr/bin/env",
            [
                "clang", "-shared", "-fPIC", "-O1", "-w", "-I", "\(Self.root)/Sources/PluginABI/include",
                "-DBASE=\"\(Self.products)/libDandelionProcess.so\"", "\(Self.root)/Tests/Fixtures/Bad/\(name).c", "-o",
                object,
            ])
        guard status == 0 else { throw CompilerFailed(output: String(decoding: output, as: UTF8.self)) }
        try self.init(object, arguments)
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

    static func run(_ path: String, _ arguments: [String], in folder: String? = nil) throws -> (Int32, Data) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }
}

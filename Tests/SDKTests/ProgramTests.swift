import Foundation
import PluginABI
import PluginHarness
import Testing

@Suite(.enabled(if: SDK.built, "the SDK folder is not built: ./dev sdk")) struct ProgramTests {
    @Test(arguments: SDK.backends) func filesAndDirectories(backend: String) throws {
        let inputs = [
            GuestSet(
                "in",
                [
                    GuestItem("plain", text: "hello"), GuestItem("deep/er/item", key: 7, text: "nested"),
                    GuestItem("same", text: "first"), GuestItem("same", text: "second"),
                ]),
            GuestSet(
                "stdio",
                [
                    GuestItem("argv", text: "files 'a' \"two words\""),
                    GuestItem("environ", text: "HOME=/tmp EMPTY="), GuestItem("stdin", text: "from stdin\n"),
                ]),
        ]
        let outcome = try SDK.invoke(SDK.image("files.c"), on: backend, inputs: inputs)
        #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 42, "\(outcome.story)")
        #expect(
            outcome.set("out") == [
                GuestItem("first", text: "one"), GuestItem("a/b/c", key: .max, text: "deep"),
                GuestItem("moved", key: 7, text: "nested"), GuestItem("again", text: "one"),
            ])
        #expect(
            outcome.set("stdio") == [GuestItem("stdout", text: "all good\n"), GuestItem("stderr", text: "")])
    }

    @Test(arguments: SDK.backends) func hello(backend: String) throws {
        let outcome = try SDK.invoke(SDK.image("hello.c"), on: backend)
        #expect(outcome.item("stdio", "stdout")?.text == "hello, world\n", "\(outcome.story)")
    }

    /// The program ends by abort, which is exit code 128 + SIGABRT.
    @Test(arguments: SDK.backends) func systemAndLowLevelInterface(backend: String) throws {
        let inputs = [GuestSet("in", [GuestItem("item", key: 3, text: "data")])]
        let outcome = try SDK.invoke(SDK.image("system.c"), on: backend, inputs: inputs)
        #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 134, "\(outcome.story)")
        #expect(outcome.item("stdio", "stdout")?.text == "all good\n", "\(outcome.story)")
        #expect(
            outcome.set("out") == [GuestItem("by hand", key: 9, text: "data"), GuestItem("by file", text: "text")])
    }

    /// What programs ask of a system: each source tells what it tries.
    @Test(arguments: SDK.backends, Surroundings.allCases)
    func surroundings(backend: String, program: Surroundings) throws {
        let outcome = try SDK.invoke(
            SDK.image(program.source, flags: program.flags), on: backend, inputs: program.inputs, limit: 128 << 20)
        #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 0, "\(outcome.story)")
        #expect(outcome.item("stdio", "stdout")?.text == program.output, "\(outcome.story)")
    }

    @Test(arguments: SDK.backends) func aBlockFreedTwiceEndsTheProgram(backend: String) throws {
        let inputs = [GuestSet("stdio", [GuestItem("argv", text: "blocks twice")])]
        let outcome = try SDK.invoke(SDK.image("blocks.c", flags: ["-O0"]), on: backend, inputs: inputs)
        #expect(outcome.outcome == DN_RUN_FAULTED && outcome.set("stdio").isEmpty, "\(outcome.story)")
    }

    @Test(arguments: SDK.backends) func deadlocksEndWithAWord(backend: String) throws {
        let outcome = try SDK.invoke(SDK.image("deadlock.c"), on: backend, limit: 128 << 20)
        #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 142, "\(outcome.story)")
        #expect(
            outcome.item("stdio", "stderr")?.text
                == "hlibc: the function is deadlocked: each of its threads waits, and one waits for a lock or "
                + "condition that no other thread can give\n")
    }

    @Test(arguments: SDK.backends) func cPlusPlus(backend: String) throws {
        let inputs = [GuestSet("in", [GuestItem("words", text: "pear apple fig\n")])]
        let outcome = try SDK.invoke(SDK.image("library.cpp", flags: ["-std=c++20"]), on: backend, inputs: inputs)
        #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 0, "\(outcome.story)")
        #expect(outcome.item("stdio", "stdout")?.text == "all good\ndestroyed\n")
        #expect(outcome.set("out") == [GuestItem("sorted", text: "apple\nfig\npear\n")])
    }

    @Test(arguments: SDK.backends) func manyFilesAndFullMemory(backend: String) throws {
        let outcome = try SDK.invoke(SDK.image("many.c"), on: backend, limit: 128 << 20)
        #expect(outcome.item("stdio", "stdout")?.text == "all good\n", "\(outcome.story)")
        #expect(outcome.set("out").count == 100_000 && outcome.set("out").allSatisfy { $0.ident == $0.text })
    }

    @Test(arguments: SDK.backends) func everyByteInNamesAndDeepFolders(backend: String) throws {
        let outcome = try SDK.invoke(SDK.image("limits.c"), on: backend)
        #expect(outcome.item("stdio", "stdout")?.text == "all good\n", "\(outcome.story)")
        #expect(outcome.set("out").count == 255 && outcome.set("out").last?.text == "bottom")
        #expect(outcome.set("out").last?.ident == "deep/" + String(repeating: "d/", count: 100) + "bottom")
    }

    /// An empty program over hlibc against a freestanding one, the best of many runs of each in turn.
    @Test func startsInLessThanTenMicroseconds() throws {
        let plugin = try HarnessPlugin(file: HarnessPlugin.path(of: "DandelionKVM"))
        let engine = try HarnessEngine(plugin)
        defer { engine.destroy() }
        let hosted = try plugin.load(SDK.image("empty.c"))
        let bare = try plugin.load(SDK.image("empty.c", config: "dandelion-freestanding"))
        var best: [UInt64] = [.max, .max]
        for _ in 0..<200 {
            for (index, image) in [hosted, bare].enumerated() {
                let outcome = try engine.invoke(image, outputs: ["out"])
                #expect(outcome.outcome == DN_RUN_EXITED && outcome.exitCode == 0)
                best[index] = min(best[index], outcome.runNanoseconds)
            }
        }
        print("empty program: \(best[0]) ns over hlibc, \(best[1]) ns freestanding")
        #expect(best[0] < best[1] + 10_000)
    }

    @Test func theLinkerRefusesASystemCall() throws {
        let source = "int main(void) { __asm__ volatile(\"syscall\"); return 0; }"
        let file = "\(NSTemporaryDirectory())sdk-syscall-\(getpid()).c"
        defer { unlink(file) }
        try source.write(toFile: file, atomically: true, encoding: .utf8)
        let result = try SDK.run(["clang", "--config=\(SDK.folder)/dandelion.cfg", file, "-o", file + ".out"])
        #expect(result.status != 0 && result.text.contains("syscall in <main>"), "\(result.text)")
    }

    /// Files of a stripped program, in KiB: what a registration uploads and a context holds.
    @Test(arguments: [("hello.c", 30), ("files-small.c", 64)]) func isSmall(source: String, kibibytes: Int) throws {
        #expect(try SDK.image(source, flags: ["-s"]).count <= kibibytes << 10)
    }
}

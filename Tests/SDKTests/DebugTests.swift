import Foundation
import PluginHarness
import Testing

/// The debug backend: functions as programs of this machine, on files of the working folder. On aarch64, by qemu-user, it
/// runs the same library that a node's functions have.
@Suite(.enabled(if: SDK.built, "the SDK folder is not built: ./dev sdk")) struct DebugTests {
    /// Ways to run a program: the config files' suffix, and the command in front.
    static let machines: [(suffix: String, command: [String])] = {
        let native = [(suffix: "-debug", command: [String]())]
        guard (try? SDK.run(["qemu-aarch64", "--version"]).status) == 0 else {
            print("aarch64: programs are compiled and not run: qemu-aarch64 (package qemu-user) is not installed")
            return native
        }
        return native + [(suffix: "-debug-aarch64", command: ["qemu-aarch64"])]
    }()

    /// What files.c wants as its input.
    private func filesFolder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write("hello", to: "input_sets/in/plain")
        try folder.write("nested", to: "input_sets/in/deep/er/item")
        try folder.write("first", to: "input_sets/in/same")
        try folder.write("second", to: "input_sets/in/same~3")
        try folder.write("HOME=/tmp EMPTY=", to: "input_sets/stdio/environ")
        try folder.write("from stdin\n", to: "input_sets/stdio/stdin")
        return folder
    }

    @Test(arguments: machines.indices) func filesOnDisk(machine: Int) throws {
        let (suffix, command) = Self.machines[machine]
        let folder = try filesFolder()
        try SDK.compile("files.c", flags: ["-DKEYLESS"], config: "dandelion" + suffix, to: folder.path + "/files")
        let ran = try SDK.run(command + ["./files", "a", "two words"], in: folder.path)
        #expect(ran.status == 42 && ran.text == "all good\n", "\(ran)")
        #expect(folder.text("output_sets/out/first") == "one" && folder.text("output_sets/out/a/b/c") == "deep")
        #expect(folder.text("output_sets/out/moved") == "nested" && folder.text("output_sets/out/again") == "one")
        #expect(folder.text("output_sets/stdio/stdout") == "all good\n")
    }

    @Test(arguments: machines.indices, Surroundings.allCases)
    func surroundings(machine: Int, program: Surroundings) throws {
        let (suffix, command) = Self.machines[machine]
        let folder = try TemporaryFolder()
        for item in program.inputs[0].items { try folder.write(item.text, to: "input_sets/stdio/\(item.ident)") }
        let plus = program.source.hasSuffix(".cpp") ? "++" : ""
        try SDK.compile(
            program.source, flags: program.flags, config: "dandelion\(plus)\(suffix)", to: folder.path + "/program")
        let ran = try SDK.run(command + ["./program"], in: folder.path)
        #expect(ran.status == 0 && folder.text("output_sets/stdio/stdout") == program.output, "\(ran)")
    }

    @Test(arguments: machines.indices) func cPlusPlus(machine: Int) throws {
        let (suffix, command) = Self.machines[machine]
        let folder = try TemporaryFolder()
        try folder.write("pear apple fig\n", to: "input_sets/in/words")
        try SDK.compile(
            "library.cpp", flags: ["-std=c++20"], config: "dandelion++" + suffix, to: folder.path + "/library")
        let ran = try SDK.run(command + ["./library"], in: folder.path)
        #expect(ran.status == 0 && ran.text == "all good\ndestroyed\n", "\(ran)")
        #expect(folder.text("output_sets/out/sorted") == "apple\nfig\npear\n")
    }

    /// A key is an extended attribute, on disk as within the function.
    @Test func keysOnDisk() throws {
        let folder = try TemporaryFolder()
        try folder.write("data", to: "input_sets/in/item")
        let set = "import os; os.setxattr('input_sets/in/item', 'user.dandelion.key', b'12')"
        guard try SDK.run(["python3", "-c", set], in: folder.path).status == 0 else {
            print("keys on disk are not tested: the temporary folder keeps no extended attributes")
            return
        }
        try SDK.compile("keys.c", config: "dandelion-debug", to: folder.path + "/keys")
        let ran = try SDK.run(["./keys"], in: folder.path)
        #expect(ran.status == 0 && ran.text.isEmpty, "\(ran.text)")
        let get = "import os; print(os.getxattr('output_sets/out/item', 'user.dandelion.key'))"
        #expect(try SDK.run(["python3", "-c", get], in: folder.path).text == "b'13'\n")
    }

    /// The images for nodes, which need no qemu to be linked and to be looked through for system calls.
    @Test func imagesForAarch64() throws {
        let hello = try SDK.image("hello.c", config: "dandelion-aarch64")
        let library = try SDK.image("library.cpp", flags: ["-std=c++20"], config: "dandelion++-aarch64")
        // e_machine of ELF at byte 18 is EM_AARCH64.
        #expect(hello[18] == 183 && library[18] == 183)
    }

    @Test func mistakesAreTold() throws {
        let folder = try TemporaryFolder()
        try SDK.compile("hello.c", config: "dandelion-debug", to: folder.path + "/hello")
        let memory = try SDK.run(["env", "DANDELION_MEMORY=much", "./hello"], in: folder.path)
        #expect(memory.status == 125 && memory.text == "dandelion debug: DANDELION_MEMORY: is no number of mebibytes\n")
        try folder.write("", to: "output_sets")
        let blocked = try SDK.run(["./hello"], in: folder.path)
        #expect(
            blocked.status == 125
                && blocked.text.hasPrefix("dandelion debug: output_sets/out: cannot be made: errno 20"))
    }

    @Test(arguments: ["c", "cpp"]) func projects(kind: String) throws {
        let folder = try TemporaryFolder()
        let executable = SDK.productFolder + "/dandelion"
        let made = try SDK.run([executable, "new", kind, "count-words", "--sdk", SDK.folder], in: folder.path)
        #expect(made.status == 0 && made.text == "count-words/ is a project; next: cd count-words && make run\n")
        let ran = try SDK.run(["make", "-C", "count-words", "build/count-words", "run"], in: folder.path)
        #expect(ran.status == 0 && ran.text.contains("fog.txt: done\n"), "\(ran.text)")
        #expect(folder.text("count-words/output_sets/out/fog.txt") == "2 lines, 7 words, 34 bytes\n")
        #expect(folder.text("count-words/output_sets/out/woods.txt") == "2 lines, 15 words, 74 bytes\n")
        let again = try SDK.run([executable, "new", kind, "count-words", "--sdk", SDK.folder], in: folder.path)
        #expect(again.status == 73 && again.text == "dandelion: count-words: File exists\n")
    }
}

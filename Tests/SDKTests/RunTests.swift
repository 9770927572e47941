import Foundation
import Testing

/// `dandelion run`, and images that are started by hand.
@Suite(.enabled(if: SDK.built, "the SDK folder is not built: ./dev sdk")) struct RunTests {
    static let dandelion = SDK.productFolder + "/dandelion"
    static let classes = ["process", "kvm", "rwasm"]

    /// A folder with the image `tool` in it.
    private func folder(_ runClass: String = "process") throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let config = runClass == "rwasm" ? "dandelion-wasm" : "dandelion"
        try SDK.compile("tool.c", config: config, to: folder.path + "/tool")
        return folder
    }

    private func shell(_ command: String, in folder: TemporaryFolder) throws -> (status: Int32, text: String) {
        try SDK.run(["sh", "-c", "dandelion='\(Self.dandelion)'; \(command)"], in: folder.path)
    }

    @Test(arguments: classes) func streamsArgumentsAndExitCode(runClass: String) throws {
        let ran = try shell(
            "echo line | $dandelion run --class \(runClass) --env PREFIX=a ./tool echo 'two words' \"it's\" 2>err",
            in: folder(runClass))
        #expect(ran.status == 7 && ran.text == "half of the work\na line\n[two words][it's]", "\(ran)")
    }

    /// What was written before the end appears, with why it ended.
    @Test(arguments: classes) func deathsTellWhatWasWritten(runClass: String) throws {
        let folder = try folder(runClass)
        let run = "$dandelion run --class \(runClass)"
        let trap = try shell("\(run) ./tool trap", in: folder)
        #expect(
            trap.status == 125 && trap.text.hasPrefix("half of the work\nhalf of the words\ndandelion: "), "\(trap)")
        let loop = try shell("\(run) --timeout 300ms ./tool loop", in: folder)
        #expect(loop.status == 125 && loop.text.contains("half of the work\nhalf of the words\n"), "\(loop)")
        let much = try shell("\(run) ./tool much | tail -c 70000 | tail -n 2", in: folder)
        #expect(much.text.contains("99998\n99999\n"), "\(much)")
    }

    /// The same from a node: the members `stdout` and `stderr` of the problem document.
    @Test(arguments: classes) func aNodeTellsThemToo(runClass: String) throws {
        let port = Int.random(in: 20000..<60000)
        let node = "http://127.0.0.1:\(port)"
        let ran = try shell(
            """
            $dandelion serve --listen 127.0.0.1:\(port) --state state >log 2>&1 & node=$!
            trap 'kill $node; wait' EXIT
            for i in $(seq 600); do curl -s '\(node)/v1/functions' >/dev/null && break; sleep 0.1; done
            curl -s -T tool '\(node)/v1/functions/tool?class=\(runClass)&inputs=stdio&outputs=out&timeout=1s' >/dev/null
            for how in trap loop; do
                curl -s -F "stdio=program $how;filename=argv" '\(node)/v1/invoke/tool'; echo
            done
            """, in: folder(runClass))
        let documents = ran.text.split(separator: "\n").filter { $0.hasPrefix("{") }
        #expect(documents.count == 2, "\(ran)")
        for document in documents {
            #expect(
                document.contains(#""stdout":"half of the work\n""#)
                    && document.contains(#""stderr":"half of the words\n""#),
                "\(document)")
        }
    }

    /// What a function tells of its failure, in its own words, is what its caller gets.
    @Test(arguments: classes) func failuresAreTold(runClass: String) throws {
        let port = Int.random(in: 20000..<60000)
        let ran = try shell(
            """
            $dandelion run --class \(runClass) ./tool fail; echo "exit code $?"
            $dandelion serve --listen 127.0.0.1:\(port) --state state >log 2>&1 & node=$!
            trap 'kill $node; wait' EXIT
            for i in $(seq 600); do curl -s 'http://127.0.0.1:\(port)/v1/functions' >/dev/null && break; sleep 0.1; done
            curl -s -T tool 'http://127.0.0.1:\(port)/v1/functions/tool?class=\(runClass)&inputs=stdio&outputs=out' >/dev/null
            for how in fail where; do
                curl -s -H 'Dandelion-Timeout: 2s' -F "stdio=program $how;filename=argv" \
                    'http://127.0.0.1:\(port)/v1/invoke/tool'; echo
            done
            """, in: folder(runClass))
        #expect(ran.text.hasPrefix("half of the work\nhalf of the words\nat line 3\nexit code 1\n"), "\(ran)")
        let documents = ran.text.split(separator: "\n").filter { $0.hasPrefix("{") }
        #expect(documents.count == 2, "\(ran)")
        let failed = documents.first ?? ""
        #expect(
            failed.contains(
                #""type":"urn:dandelion:problem:functionFailed","title":"Unprocessable Content","status":422"#)
                && failed.contains(#""detail":"function 'tool' failed: BadInput: no number""#)
                && failed.contains(#""exception":"BadInput","message":"no number","traceback":"at line 3\n""#)
                && failed.contains(#""stdout":"half of the work\n""#), "\(failed)")
        let stopped = documents.last ?? ""
        #expect(stopped.contains(#""status":504"#) && stopped.contains(#""traceback":"in step 2\n""#), "\(stopped)")
    }

    @Test func abortIs134() throws {
        let ran = try shell("$dandelion run ./tool abort", in: folder())
        #expect(ran.status == 134 && ran.text == "half of the work\nhalf of the words\n", "\(ran)")
    }

    @Test(arguments: classes) func foldersAreSets(runClass: String) throws {
        let folder = try folder(runClass)
        try folder.write("one\n", to: "data/deep/item")
        let ran = try shell(
            "$dandelion run --class \(runClass) --in in=data --out out=results ./tool copy /in/deep/item /out/a",
            in: folder)
        #expect(ran.status == 7 && folder.text("results/a") == "> one\n", "\(ran)")
    }

    @Test func theWorkingFolderIsThere() throws {
        let folder = try folder()
        try folder.write("one\n", to: "deep/item")
        let ran = try shell("$dandelion run --here ./tool copy deep/item deep/copy", in: folder)
        #expect(ran.status == 7 && folder.text("deep/copy") == "> one\n", "\(ran)")
        let absolute = try shell("$dandelion run --here ./tool copy $PWD/deep/item $PWD/made", in: folder)
        #expect(absolute.status == 7 && folder.text("made") == "> one\n", "\(absolute)")
    }

    @Test func theKindOfAnImageTellsItsClass() throws {
        let ran = try shell("$dandelion run ./tool echo a < /dev/null", in: folder("rwasm"))
        #expect(ran.status == 7 && ran.text.contains("[a]"), "\(ran)")
    }

    /// Tests in build folders are given files of source folders; what no argument names is neither there nor written to.
    @Test func whatArgumentsNameIsThereToo() throws {
        let folder = try folder()
        for name in ["source/item", "source/other", "build/x", "result"] { try folder.write("one\n", to: name) }
        let run = "cd build && $dandelion run --here ../tool"
        let named = try shell("\(run) copy ../source/item ../result", in: folder)
        #expect(named.status == 7 && folder.text("result") == "> one\n", "\(named)")
        let option = try shell("\(run) copy-option --from=../source/other made", in: folder)
        #expect(option.status == 7 && folder.text("build/made") == "> one\n", "\(option)")
        let secret = try shell("echo ../source/other > build/name && \(run) copy-by-name name made", in: folder)
        #expect(secret.status != 7, "\(secret)")
        let escape = try shell(
            "echo $PWD/escaped > build/name && \(run) make-by-name name; test ! -e ../escaped", in: folder)
        #expect(escape.status == 0, "\(escape)")
    }

    @Test func startedByHandItSaysSoOrRuns() throws {
        let folder = try folder()
        let alone = try shell("./tool", in: folder)
        #expect(alone.status == 126 && alone.text.contains("./tool: a function for a Dandelion node"), "\(alone)")
        let runner = "DANDELION='\(Self.dandelion)' DANDELION_RUN='\(SDK.folder)/bin/dandelion-run'"
        let ran = try shell("echo line | \(runner) ./tool echo a 2>err", in: folder)
        #expect(ran.status == 7 && ran.text == "half of the work\n line\n[a]", "\(ran)")
        // What tests are told by their drivers reaches them.
        let told = try shell("echo line | PREFIX=b \(runner) ./tool echo 2>err", in: folder)
        #expect(told.status == 7 && told.text == "half of the work\nb line\n", "\(told)")
    }

    @Test func programsForDebuggersRunAsTheyAre() throws {
        let folder = try TemporaryFolder()
        try SDK.compile("tool.c", config: "dandelion-debug", to: folder.path + "/tool")
        let ran = try shell("$dandelion run --debug tool echo a < /dev/null", in: folder)
        #expect(ran.status == 7 && ran.text.contains("half of the work\n[a]"), "\(ran)")
    }

    @Test func mistakesAreTold() throws {
        let folder = try folder()
        try folder.write("text", to: "text")
        let text = try shell("$dandelion run ./text", in: folder)
        #expect(text.status == 125 && text.text.contains("no backend of class 'process' runs ./text"), "\(text)")
        #expect(try shell("$dandelion run ./absent", in: folder).status == 66)
        #expect(try shell("$dandelion run --class none ./tool", in: folder).status == 78)
    }
}

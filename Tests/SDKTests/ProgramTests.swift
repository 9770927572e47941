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
}

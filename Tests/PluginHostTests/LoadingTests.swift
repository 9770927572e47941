import Failure
import Foundation
import PluginHost
import TestSupport
import Testing

/// What the host says of plugin files that are not right, and that it survives them.
@Suite struct LoadingTests {
    private func refusal(_ path: String) -> String {
        do {
            _ = try PluginLibrary(path: path)
            return "loaded"
        } catch {
            #expect(error.kind == .unavailable)
            return error.detail
        }
    }

    @Test func loadsAWholePlugin() throws {
        let library = try PluginLibrary(path: try PluginFixture.compile("whole", "PLUGIN(.flags = 0)"))
        #expect(library.descriptor.id == "org.example.fixture")
        #expect(library.interfaces.isEmpty)
        #expect(try library.probe(label: "x", configuration: .empty).availability == .available)
    }

    @Test func namesTheFileThatIsMissing() {
        #expect(refusal("/nonexistent/lib.so").contains("/nonexistent/lib.so: No such file"))
    }

    @Test func refusesATextFile() throws {
        let path = try PluginFixture.compile("text", "PLUGIN(.flags = 0)")
        try "not a plugin\n".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(refusal(path).contains("invalid ELF header") || refusal(path).contains("file too short"))
    }

    @Test func refusesAFileThatEverybodyCanWrite() throws {
        let path = try PluginFixture.compile("writable", "PLUGIN(.flags = 0)")
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
        #expect(refusal(path).contains("writable by everybody"))
    }

    @Test(arguments: [
        ("no_entry", "int something_else;", "exports no dn_plugin_entry_v1"),
        ("null_descriptor", "const dn_plugin *dn_plugin_entry_v1(uint32_t m) { return 0; }", "needs a newer host"),
        ("bad_magic", "PLUGIN(.magic = 42)", "does not begin with the plugin magic"),
        ("major_2", "PLUGIN(.abi_major = 2)", "was built for ABI major 2, this host speaks 1"),
        ("half_pointers", "PLUGIN(.pointer_bytes = 4)", "4-byte pointers"),
        ("no_probe", "PLUGIN(.probe = 0, .stop = 0)", "lacks probe, stop"),
        // A struct that ends before its slots is read as one whose slots are null, never over its end.
        ("short_struct", "PLUGIN(.struct_size = 88)", "lacks probe, start, stop, get_interface"),
    ]) func tellsWhatIsWrong(name: String, source: String, expected: String) throws {
        let said = refusal(try PluginFixture.compile(name, source))
        #expect(said.contains(expected), "\(said)")
    }

    @Test func ignoresSlotsOfANewerMinor() throws {
        // The newer plugin's struct is longer than ours and says so.
        let source = """
            static struct { dn_plugin old; void *newer[8]; } grown;
            const dn_plugin *dn_plugin_entry_v1(uint32_t minor) {
                (void)minor;
                PLUGIN_FIELDS
                return &grown.old;
            }
            """.replacing(
                "PLUGIN_FIELDS",
                with: """
                    grown.old = (dn_plugin){.magic = DN_PLUGIN_MAGIC, .struct_size = sizeof grown, .abi_major = 1,
                        .abi_minor = 7, .pointer_bytes = sizeof(void *), .id = "a.b", .name = "n", .version = "1",
                        .probe = good_probe, .start = good_start, .stop = good_stop, .get_interface = no_interface};
                    memset(grown.newer, 0xff, sizeof grown.newer);
                    """)
        let library = try PluginLibrary(path: try PluginFixture.compile("newer", source))
        #expect(library.descriptor.abiMinor == 7)
    }

    @Test func reportsAllMissingSlotsOfAnInterface() throws {
        let source = """
            static const dn_compute table = {.struct_size = sizeof(dn_compute)};
            static const void *give(const char *id) { return strcmp(id, DN_COMPUTE_1) ? 0 : &table; }
            PLUGIN(.get_interface = give)
            """
        let library = try PluginLibrary(path: try PluginFixture.compile("hollow", source))
        let instance = try library.start(label: "hollow", configuration: .empty)
        do {
            _ = try ComputeBackend(instance)
            Issue.record("accepted")
        } catch {
            #expect(error.detail.contains("lacks capabilities, image_load"))
            #expect(error.detail.contains("run, interrupt"))
        }
        #expect(throws: Failure.self) { _ = try CommBackend(instance) }
    }

    @Test func survivesAnUnterminatedMessage() throws {
        let source = """
            static dn_status bad(const dn_host *h, dn_bytes c, dn_probe *out, dn_error *err) {
                (void)h; (void)c; (void)out;
                memset(err->message, 0xff, sizeof err->message);
                err->message[0] = 'X';
                return DN_FAILED;
            }
            PLUGIN(.probe = bad)
            """
        let library = try PluginLibrary(path: try PluginFixture.compile("unterminated", source))
        do {
            _ = try library.probe(label: "u", configuration: .empty)
            Issue.record("no error")
        } catch {
            #expect(error.detail.contains("plugin u: probe: X"))
        }
    }
}

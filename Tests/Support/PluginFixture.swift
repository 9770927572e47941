public import Foundation

/// Compiles small plugins in C, one fault each, with the toolchain's clang.
public enum PluginFixture {
    public static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    /// Removed when the test process ends.
    public static let directory: URL = {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(
            "dandelion-plugins-\(ProcessInfo.processInfo.processIdentifier)")
        atexit { try? FileManager.default.removeItem(at: PluginFixture.directory) }
        return path
    }()

    public struct CompilerFailed: Error { let output: String }

    /// A shared object from `source`, which may use everything of `prelude`.
    public static func compile(_ name: String, _ source: String, flags: [String] = []) throws -> String {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let file = directory.appendingPathComponent("\(name).c")
        let object = directory.appendingPathComponent("lib\(name).so")
        try (prelude + source).write(to: file, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["clang", "-shared", "-fPIC", "-I", root.appendingPathComponent("Sources/PluginABI/include").path]
            + flags + [file.path, "-o", object.path]
        let pipe = Pipe()
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw CompilerFailed(output: String(decoding: output, as: UTF8.self))
        }
        return object.path
    }

    /// A whole plugin without interfaces, whose parts a fixture may replace by macros.
    static let prelude = #"""
        #include <dandelion/abi.h>
        #include <string.h>
        #include <stdlib.h>
        static dn_status good_probe(const dn_host *host, dn_bytes config, dn_probe *out, dn_error *err) {
            (void)host; (void)config; (void)err;
            out->availability = DN_AVAILABLE;
            return DN_OK;
        }
        static dn_status good_start(const dn_host *host, dn_bytes config, dn_instance **out, dn_error *err) {
            (void)config; (void)err;
            *out = (dn_instance *)host;
            return DN_OK;
        }
        static void good_stop(dn_instance *instance) { (void)instance; }
        static const void *no_interface(const char *id) { (void)id; return 0; }
        #define PLUGIN(...) \
            static const dn_plugin plugin = {.magic = DN_PLUGIN_MAGIC, .struct_size = sizeof(dn_plugin), \
                .abi_major = DN_ABI_MAJOR, .abi_minor = DN_ABI_MINOR, .pointer_bytes = sizeof(void *), \
                .id = "org.example.fixture", .name = "fixture", .version = "1.0.0", .vendor = "tests", \
                .license = "none", .description = "a fixture", .probe = good_probe, .start = good_start, \
                .stop = good_stop, .get_interface = no_interface, __VA_ARGS__}; \
            const dn_plugin *dn_plugin_entry_v1(uint32_t minor) { (void)minor; return &plugin; }
        #pragma clang diagnostic ignored "-Winitializer-overrides"

        """#
}

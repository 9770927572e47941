import CRWasm
import Glibc
import PluginABI
import PluginSupport

/// Runs the specification's tests, converted to JSON by `wasm-tools json-from-wast`.
public enum SpecTest {
    /// Runs every `.json` file below `directory` and prints counts; the exit code.
    public static func main(directory: String) -> Int32 {
        do throws(PluginError) {
            return try run(directory) ? 0 : 1
        } catch {
            print("dandelion-wasm: \(error.message)")
            return 2
        }
    }

    private static func run(_ directory: String) throws(PluginError) -> Bool {
        guard let runner = rwasm_runner_create(0, 8 << 20), rwasm_install_handlers(runner) == 0 else {
            throw Files.failure("cannot set up signals")
        }
        let limits = Toolchain.Limits(memory: 8 << 30, seconds: 600)
        let builder = Builder(toolchain: try Toolchain("rustc"), limits: limits, processor: "x86-64-v2")
        let cache = try Files.makeTemporary("/tmp/dandelion-spectest-")
        defer { Files.remove(cache) }
        var total = Tally()
        for path in files(in: directory).sorted() {
            var file = SpecFile(path: path, builder: builder, cache: cache, runner: runner)
            let tally = file.run()
            total.add(tally)
            print("\(path.split(separator: "/").last ?? ""): \(tally)")
            for line in tally.failures.prefix(8) { print("  \(line)") }
            fflush(nil)
        }
        print("total: \(total)")
        return total.failed == 0
    }

    private static func files(in directory: String) -> [String] {
        Files.names(in: directory).flatMap { name -> [String] in
            let path = "\(directory)/\(name)"
            if name.hasSuffix(".json") { return [path] }
            var status = stat()
            return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR ? files(in: path) : []
        }
    }
}

/// Counts of assertions.
struct Tally: CustomStringConvertible {
    var passed = 0
    var failed = 0
    /// Of the text format, which a backend never sees.
    var textual = 0
    /// Why modules were not supported, with the number of assertions that needed them.
    var unsupported: [String: Int] = [:]
    var failures: [String] = []

    mutating func add(_ other: Tally) {
        passed += other.passed
        failed += other.failed
        textual += other.textual
        unsupported.merge(other.unsupported, uniquingKeysWith: +)
    }

    var description: String {
        var text = "\(passed) passed, \(failed) failed, \(textual) of the text format"
        for (reason, count) in unsupported.sorted(by: { $0.key < $1.key }) { text += "; \(count) \(reason)" }
        return text
    }
}

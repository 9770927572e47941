public import CRWasm
import Glibc
import PluginABI
import PluginKit
import RWasmCore

/// Runs the specification's tests, converted to JSON by `wasm-tools json-from-wast`.
public enum SpecTest {
    /// Runs the tests at `path`, a folder or a file, and prints counts. The exit code: 0 when none failed, 1 when some did,
    /// 2 when there was nothing to run or no way to run it.
    public static func main(path: String, calling call: rwasm_entry_call) -> Int32 {
        do throws(PluginError) {
            let work = try Files.makeTemporary("/tmp/dandelion-spectest-")
            defer { Files.remove(work) }
            return try run(try SpecFolder.tests(at: path, work: work), try Caller(call)) ? 0 : 1
        } catch {
            print("dandelion wasm spectest: \(error.message)")
            return 2
        }
    }

    private static func run(
        _ tests: [SpecFolder.Test], _ caller: Caller
    ) throws(PluginError) -> Bool {
        let limits = Toolchain.Limits(memory: 8 << 30, seconds: 600)
        let builder = Builder(
            toolchain: try Toolchain("rustc"), limits: limits, processor: try Builder.thisProcessor())
        let cache = try Cache(nil, budget: .max)
        var total = Tally()
        var count = 0
        for test in tests {
            var file = SpecFile(path: test.path, builder: builder, cache: cache, caller: caller)
            guard let tally = file.run() else {
                print("\(test.name): no test, left out")
                continue
            }
            count += 1
            total.add(tally)
            print("\(test.name): \(tally)")
            for line in tally.failures.prefix(8) { print("  \(line)") }
            if tally.failures.count > 8 { print("  and \(tally.failures.count - 8) more") }
            fflush(nil)
        }
        print("total of \(count) files: \(total)")
        return total.failed == 0
    }
}

/// Counts of assertions.
struct Tally: CustomStringConvertible {
    var passed = 0
    var failed = 0
    /// Why assertions were skipped, with their number.
    var skipped: [String: Int] = [:]
    var failures: [String] = []

    static let textual = "of the text format"

    mutating func skip(_ reason: String) { skipped[reason, default: 0] += 1 }

    mutating func add(_ other: Tally) {
        passed += other.passed
        failed += other.failed
        skipped.merge(other.skipped, uniquingKeysWith: +)
    }

    var description: String {
        let count = skipped.values.reduce(0, +)
        var text = "\(passed) passed, \(failed) failed, \(count) skipped"
        let reasons = skipped.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) \($0.key)" }
        if count > 0 { text += " (\(reasons.joined(separator: "; ")))" }
        return text
    }
}

import Foundation
import Synchronization
import Testing

/// Descriptors and tables with wrong sizes, versions, texts, addresses and null slots (Tests/Fixtures/Bad/odd_tables.c, a fault
/// for each number): whoever reads them says what is wrong, or finds nothing wrong; nobody crashes or waits.
@Suite struct OddTablesTests {
    private static let many: UInt64 = ProcessInfo.processInfo.environment["DANDELION_LONG_TESTS"] == nil ? 160 : 5000

    /// - Parameter ends: the statuses that a right end may have.
    private func each(_ arguments: [String], ends: Set<Int32>) throws {
        let fixture = try Fixture("odd_tables")
        defer { fixture.remove() }
        let next = Mutex<UInt64>(0)
        let problems = Mutex<[String]>([])
        let done = DispatchSemaphore(value: 0)
        let workers = 4
        for _ in 0..<workers {
            Thread.detachNewThread {
                defer { done.signal() }
                while true {
                    let number = next.withLock { number in
                        defer { number += 1 }
                        return number
                    }
                    guard number < Self.many else { return }
                    let ending = try? Self.run(
                        ["\(Judged.products)/dandelion", "plugins"] + arguments + [fixture.path], number)
                    guard let ending, ends.contains(ending.status), ending.status == 0 || !ending.said.isEmpty else {
                        problems.withLock { $0.append("\(number): \(String(describing: ending))") }
                        continue
                    }
                }
            }
        }
        for _ in 0..<workers { done.wait() }
        #expect(problems.withLock { $0 } == [])
    }

    private static func run(_ command: [String], _ number: UInt64) throws -> (status: Int32, said: String) {
        let (status, output) = try Judged.run(
            "/usr/bin/env",
            [
                "DANDELION_ODD=\(number)", "timeout", "20", "/bin/sh", "-c", #""$@" 2>&1 < /dev/null"#, "sh",
            ] + command)
        return (status, String(decoding: output.prefix(2000), as: UTF8.self))
    }

    /// In the process itself, as `plugins list` and a node read them.
    @Test func theHostReadsThem() throws { try each(["inspect", "--json"], ends: [0, 1]) }

    /// By the kit: each is judged, and what is wrong is a verdict and not a crash of the judge.
    @Test func theKitReadsThem() throws {
        try each(
            ["check", "--include", "entry-loads", "--include", "run-exit", "--include", "two-instances"],
            ends: [0, 1, 64])
    }
}

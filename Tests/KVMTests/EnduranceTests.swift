import Glibc
import PluginABI
import PluginHarness
import Synchronization
import Testing

extension KVMBackend {
    /// Long series, after which the process holds what it held before.
    @Suite struct EnduranceTests {
        private struct Holdings: Equatable {
            var descriptors: Int
            var mappings: Int

            /// As many descriptors; mappings may differ by what other threads of the test process have just mapped.
            func isAbout(_ other: Holdings) -> Bool {
                descriptors == other.descriptors && abs(mappings - other.mappings) <= 12
            }

            static func now() throws -> Holdings {
                var descriptors = 0
                if let folder = opendir("/proc/self/fd") {
                    while readdir(folder) != nil { descriptors += 1 }
                    closedir(folder)
                }
                return Holdings(
                    descriptors: descriptors,
                    mappings: try contents(of: "/proc/self/maps").count { $0 == UInt8(ascii: "\n") })
            }
        }

        /// Lines in the kernel's log, nil when this user may not read it.
        private func kernelLines() -> Int? {
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            guard let symbol = dlsym(nil, "klogctl") else { return nil }
            typealias Call = @convention(c) (Int32, UnsafeMutablePointer<UInt8>?, Int32) -> Int32
            let count = unsafeBitCast(symbol, to: Call.self)(3, &buffer, Int32(buffer.count))
            return count < 0 ? nil : buffer.prefix(Int(count)).count { $0 == UInt8(ascii: "\n") }
        }

        @Test func tenThousandFaultsInARow() throws {
            let odd = try Rig.image("odd"), hello = try Rig.sharedImage("hello")
            try Rig.withEngine { engine in
                let kinds: [UInt64] = [57, 82, 9, 14, 124, 1, 81, 118, 3, 60]
                for kind in kinds { _ = try engine.invoke(odd, inputs: Rig.parameters(kind), limit: 1 << 20) }
                let (before, lines) = (try Holdings.now(), kernelLines())
                for number in 0..<10_000 {
                    let outcome = try engine.invoke(odd, inputs: Rig.parameters(kinds[number % 10]), limit: 1 << 20)
                    try #require(outcome.outcome == DN_RUN_FAULTED)
                }
                #expect(try engine.invoke(hello).isHello)
                #expect(try Holdings.now().isAbout(before))
                if let lines, let after = kernelLines() {
                    #expect(after - lines < 20, "the kernel's log grew by \(after - lines) lines")
                } else {
                    print("the kernel's log is not readable for this user: its length was not checked")
                }
            }
        }

        /// More images and limits than one VM has page tables for: its successor takes over, unnoticed.
        @Test func theVMIsReplacedWhenItsTablesAreFull() throws {
            let hello = try Rig.sharedImage("hello"), span = try Rig.image("span")
            try Rig.withEngine { engine in
                for limit in 0..<20 { _ = try engine.invoke(hello, limit: 1 << 20 + UInt64(limit) * 4096) }
                let kept = try engine.context(limit: 3 << 20, image: hello)
                try kept.write(inputs: [], outputs: ["out"])
                let before = try Holdings.now()
                for step in UInt64(0)..<2000 {
                    let outcome = try engine.invoke(hello, limit: 1 << 20 + step * 4096)
                    try #require(outcome.isHello, "step \(step): \(outcome)")
                }
                // Made in the first VM, runs in the last one.
                #expect(try kept.outcome(try engine.run(kept)).isHello)
                kept.destroy()
                let large = try engine.invoke(span, inputs: Rig.parameters(64 << 20), limit: 4 << 30)
                #expect(numbers(in: large.outputs.first?.items.first?.data ?? []).first == 0)
                #expect(abs(try Holdings.now().descriptors - before.descriptors) <= 3, "a successor may be on its way")
            }
        }

        @Test func enginesComeAndGo() throws {
            let hello = try Rig.sharedImage("hello")
            func round() throws {
                let outcome = try Rig.withEngine { try $0.invoke(hello) }
                #expect(outcome.isHello)
            }
            try round()
            let before = try Holdings.now()
            for _ in 0..<20 { try round() }
            #expect(try Holdings.now().isAbout(before))
        }

        @Test func twoEnginesWorkSideBySide() throws {
            let mark = try Rig.sharedImage("mark"), zero = try Rig.sharedImage("zero"), odd = try Rig.image("odd")
            let failures = Atomic<Int>(0)
            let work = { (image: HarnessImage, check: (Outcome) -> Bool) throws in
                try Rig.withEngine { engine in
                    for number in UInt64(0)..<200 {
                        let outcome = try engine.invoke(
                            image, inputs: Rig.parameters(1 + number % 60), limit: 1 << 20, idle: number % 3 == 0)
                        if !check(outcome) { failures.add(1, ordering: .relaxed) }
                    }
                }
            }
            let others = [
                Worker { try work(mark) { $0.outcome == DN_RUN_EXITED } },
                Worker { try work(odd) { $0.outcome != DN_RUN_CANCELLED } },
            ]
            try work(zero) {
                numbers(in: $0.outputs.first?.items.first?.data ?? []) == [0, 0]
            }
            for other in others { #expect(other.joined()) }
            #expect(failures.load(ordering: .relaxed) == 0)
        }
    }
}

/// A thread that does some work.
private final class Worker: @unchecked Sendable {
    // Safe to share: `failed` is read after the join.
    private let work: () throws -> Void
    private var failed = false
    private var thread = pthread_t()

    init(_ work: @escaping () throws -> Void) {
        self.work = work
        pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Worker>.fromOpaque(argument).takeUnretainedValue().run() }
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func run() {
        do { try work() } catch { failed = true }
    }

    /// Whether it did its work without an error.
    func joined() -> Bool {
        pthread_join(thread, nil)
        return !failed
    }
}

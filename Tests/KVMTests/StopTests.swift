import Glibc
import PluginABI
import PluginHarness
import Synchronization
import Testing

extension KVMBackend {
    /// Deadlines and interrupts: an endless loop ends within a millisecond, and nothing meant for one run hits another.
    @Suite struct StopTests {
        private func looping(_ engine: HarnessEngine, _ image: HarnessImage) throws -> HarnessContext {
            let context = try engine.context(limit: 1 << 20, image: image)
            try context.write(inputs: [], outputs: [])
            return context
        }

        /// Before other programs, where this user may ask for it; one thread on Linux, see setpriority(2).
        private func preferThisThread(_ on: Bool) { setpriority(__priority_which_t(0), 0, on ? -19 : 0) }

        @Test func deadlinesAreKeptWithinAMillisecond() throws {
            let loop = try Rig.sharedImage("loop"), hello = try Rig.sharedImage("hello")
            try Rig.withEngine { engine in
                preferThisThread(true)
                defer { preferThisThread(false) }
                var late: [UInt64] = []
                // Longer and shorter ones in turn: the timer stands at an earlier or a later time already.
                for round in 0..<20 {
                    #expect(try engine.invoke(hello, deadline: 300_000_000).isHello)
                    let deadline: UInt64 = round % 2 == 0 ? 5_000_000 : 20_000_000
                    let context = try looping(engine, loop)
                    let end = now() + deadline
                    let result = try engine.run(context, deadline: deadline)
                    let stopped = now()
                    #expect(result.outcome == DN_RUN_DEADLINE)
                    #expect(stopped + 1_000_000 > end, "stopped before its time")
                    late.append(stopped > end ? stopped - end : 0)
                    context.destroy()
                    engine.idle()
                }
                late.sort()
                print("after the deadline, us: median \(late[10] / 1000), longest \(late[19] / 1000)")
                // What is late may be so because other programs had the CPU.
                #expect(late[5] < 1_000_000, "\(late)")
            }
        }

        @Test func anotherThreadStopsARun() throws {
            let loop = try Rig.sharedImage("loop"), hello = try Rig.sharedImage("hello")
            try Rig.withEngine { engine in
                preferThisThread(true)
                defer { preferThisThread(false) }
                var late: [UInt64] = []
                for round in 0..<20 {
                    let reason = round == 1 ? DN_INTERRUPT_DEADLINE : DN_INTERRUPT_CANCEL
                    let context = try looping(engine, loop)
                    let thread = Interrupter(engine, run: engine.nextRunID, reason: reason, after: 3_000_000)
                    let result = try engine.run(context, deadline: 2_000_000_000)
                    let stopped = now()
                    thread.join()
                    late.append(stopped &- thread.asked.load(ordering: .acquiring))
                    let expected = reason == DN_INTERRUPT_CANCEL ? DN_RUN_CANCELLED : DN_RUN_DEADLINE
                    #expect(result.outcome == expected)
                    context.destroy()
                    #expect(try engine.invoke(hello).isHello)
                }
                late.sort()
                print("after an interrupt, us: median \(late[10] / 1000), longest \(late[19] / 1000)")
                #expect(late[5] < 1_000_000, "\(late)")
            }
        }

        @Test func interruptsHitTheRunTheyName() throws {
            let loop = try Rig.sharedImage("loop"), hello = try Rig.sharedImage("hello")
            let interrupt = try #require(try Rig.plugin.get().compute.pointee.interrupt)
            try Rig.withEngine { engine in
                for _ in 0..<50 {
                    let past = engine.nextRunID
                    #expect(try engine.invoke(hello).isHello)
                    interrupt(engine.handle, past, DN_INTERRUPT_CANCEL)
                    #expect(try engine.invoke(hello).isHello)
                    // One that has not begun ends at once when it does; the one before it is not touched.
                    interrupt(engine.handle, engine.nextRunID + 1, DN_INTERRUPT_CANCEL)
                    #expect(try engine.invoke(hello).isHello)
                    let context = try looping(engine, loop)
                    #expect(try engine.run(context).outcome == DN_RUN_CANCELLED)
                    context.destroy()
                }
            }
        }

        /// Kicks at every moment of short runs: each ends as itself or cancelled, and the next one is untouched.
        @Test func kicksRaceWithRuns() throws {
            let hello = try Rig.sharedImage("hello")
            try Rig.withEngine { engine in
                var cancelled = 0
                for round in 0..<1000 {
                    let context = try engine.context(limit: 1 << 20, image: hello)
                    try context.write(inputs: [], outputs: ["out"])
                    let thread = Interrupter(
                        engine, run: engine.nextRunID, reason: DN_INTERRUPT_CANCEL, after: UInt64(round % 100) * 1000)
                    let result = try engine.run(context, deadline: 2_000_000_000)
                    thread.join()
                    #expect(result.outcome == DN_RUN_CANCELLED || result.outcome == DN_RUN_EXITED)
                    if result.outcome == DN_RUN_CANCELLED { cancelled += 1 }
                    context.destroy()
                    #expect(try engine.invoke(hello).isHello)
                }
                print("\(cancelled) of 1000 runs were cancelled")
            }
        }
    }
}

/// A thread that interrupts a run after some microseconds.
private final class Interrupter: @unchecked Sendable {
    // Safe to share: fixed after init but for `asked`, an atomic; the engine outlives `join`.
    let asked = Atomic<UInt64>(0)
    private let engine: HarnessEngine
    private let run: UInt64
    private let reason: Int32
    private let delay: UInt64
    private var thread = pthread_t()

    init(_ engine: HarnessEngine, run: UInt64, reason: Int32, after delay: UInt64) {
        (self.engine, self.run, self.reason, self.delay) = (engine, run, reason, delay)
        pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Interrupter>.fromOpaque(argument).takeUnretainedValue().interrupt() }
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func interrupt() {
        let end = now() + delay
        while now() < end {}
        asked.store(now(), ordering: .releasing)
        engine.plugin.compute.pointee.interrupt?(engine.handle, run, reason)
    }

    func join() { pthread_join(thread, nil) }
}

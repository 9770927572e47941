import Glibc
import PluginABI
import PluginHarness
import Synchronization
import Testing

/// Endless functions end: at their deadline, and by interrupt from any thread, named by run.
@Suite struct Interrupts {
    @Test func aDeadlineStopsAnEndlessLoop() throws {
        try withEngine { (engine, loop, _) throws in
            for _ in 0..<20 {
                let context = try engine.context(limit: 1 << 20, image: loop)
                try context.write(inputs: [], outputs: [])
                let began = now()
                let result = try engine.run(context, deadline: 5_000_000)
                #expect(result.outcome == DN_RUN_DEADLINE)
                // 1 ms is the promise; a loaded machine may not schedule this thread for some.
                #expect(now() - began >= 5_000_000 && now() - began < 105_000_000)
                context.destroy()
                engine.idle()
            }
        }
    }

    @Test func aPassedDeadlineStartsNothing() throws {
        try withEngine { (engine, loop, _) throws in
            let context = try engine.context(limit: 1 << 20, image: loop)
            try context.write(inputs: [], outputs: [])
            #expect(try engine.run(context, deadline: 1).outcome == DN_RUN_DEADLINE)
            context.destroy()
        }
    }

    @Test(arguments: [DN_INTERRUPT_CANCEL, DN_INTERRUPT_DEADLINE])
    func anInterruptStopsAnEndlessLoop(reason: Int32) throws {
        try withEngine { (engine, loop, hello) throws in
            for round in 0..<20 {
                let context = try engine.context(limit: 1 << 20, image: loop)
                try context.write(inputs: [], outputs: [])
                let interrupter = Interrupter(engine, run: engine.nextRunID, reason: reason, after: UInt32(round * 200))
                let result = try engine.run(context)
                #expect(result.outcome == (reason == DN_INTERRUPT_CANCEL ? DN_RUN_CANCELLED : DN_RUN_DEADLINE))
                interrupter.join()
                context.destroy()
                #expect(try engine.invoke(hello).outcome == DN_RUN_EXITED)
            }
        }
    }

    /// A run that was interrupted before it began ends at once; one interrupted after its end disturbs nobody.
    @Test func interruptsAreNamedByRun() throws {
        try withEngine { (engine, loop, hello) throws in
            let compute = engine.plugin.compute.pointee
            compute.interrupt?(engine.handle, engine.nextRunID + 1, DN_INTERRUPT_CANCEL)
            compute.interrupt?(engine.handle, engine.nextRunID + 1, DN_INTERRUPT_DEADLINE)
            #expect(try engine.invoke(hello).outcome == DN_RUN_EXITED)
            #expect(try engine.invoke(loop).outcome == DN_RUN_CANCELLED)
            compute.interrupt?(engine.handle, engine.nextRunID - 1, DN_INTERRUPT_CANCEL)
            #expect(try engine.invoke(hello).outcome == DN_RUN_EXITED)
        }
    }

    /// Interrupts that race with the end of short runs: every run ends by itself or as cancelled, and none is lost.
    @Test func interruptsRaceWithTheEnd() throws {
        try withEngine { (engine, _, hello) throws in
            for round in 0..<300 {
                let interrupter = Interrupter(
                    engine, run: engine.nextRunID, reason: DN_INTERRUPT_CANCEL, after: UInt32(round % 100))
                let outcome = try engine.invoke(hello)
                #expect([DN_RUN_EXITED, DN_RUN_CANCELLED].contains(outcome.outcome), "\(outcome)")
                interrupter.join()
            }
        }
    }

    private func withEngine(
        _ body: @escaping @Sendable (HarnessEngine, _ loop: HarnessImage, _ hello: HarnessImage) throws -> Void
    ) throws {
        let plugin = try HarnessPlugin(file: processPlugin)
        try onPinnedThread { core in
            let engine = try HarnessEngine(plugin, core: core)
            try body(
                engine, try plugin.load(try GuestCompiler.image("loop")),
                try plugin.load(try GuestCompiler.image("hello")))
            engine.destroy()
        }
        plugin.stop()
    }
}

/// Interrupts one run from a thread of its own after some microseconds.
private final class Interrupter {
    private var thread = pthread_t()

    private final class Order {
        let call: () -> Void
        init(_ call: @escaping () -> Void) { self.call = call }
    }

    init(_ engine: HarnessEngine, run: UInt64, reason: Int32, after microseconds: UInt32) {
        let handle = engine.handle
        let interrupt = engine.plugin.compute.pointee.interrupt
        let order = Order {
            usleep(microseconds)
            interrupt?(handle, run, reason)
        }
        pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Order>.fromOpaque(argument).takeRetainedValue().call() }
                return nil
            }, Unmanaged.passRetained(order).toOpaque())
    }

    func join() { pthread_join(thread, nil) }
}

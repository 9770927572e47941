import Glibc
import PluginABI
import PluginHarness
import Testing

extension KVMBackend {
    /// What functions see of memory, and what the node keeps of it.
    @Suite struct MemoryTests {
        private func found(_ outcome: Outcome) -> [UInt64] {
            numbers(in: outcome.outputs.first?.items.first?.data ?? [])
        }

        @Test(arguments: [(1 << 20, 4096), (128 << 20, 4096), (4 << 30, 64 << 20)] as [(UInt64, UInt64)])
        func contextsOfAllSizesAreZeroedEveryTime(limit: UInt64, step: UInt64) throws {
            let span = try Rig.image("span")
            try Rig.withEngine { engine in
                for _ in 0..<3 {
                    let outcome = try engine.invoke(span, inputs: Rig.parameters(step), limit: limit)
                    let counts = found(outcome)
                    #expect(counts.first == 0, "\(limit): \(outcome)")
                    #expect(counts.count == 2 && counts[1] >= (limit - (1 << 20)) / step)
                }
            }
        }

        @Test func limitsOfOnePageMoreOrLessAreKept() throws {
            let span = try Rig.image("span"), access = try Rig.sharedImage("access")
            try Rig.withEngine { engine in
                for limit in stride(from: UInt64(2 << 20) - 8192, through: (2 << 20) + 8192, by: 4096) {
                    #expect(found(try engine.invoke(span, inputs: Rig.parameters(4096), limit: limit)).first == 0)
                    let behind = try engine.invoke(access, inputs: Rig.parameters(0, limit), limit: limit + 1)
                    #expect(behind.faultKind == DN_FAULT_MEMORY_LIMIT && behind.address == limit, "\(behind)")
                }
                for limit in [0, 1, 0x1_0000, (4 << 30) + 4096, UInt64.max] as [UInt64] {
                    #expect(throws: HarnessError.self) { try engine.context(limit: limit, image: span) }
                }
                #expect(try engine.invoke(try Rig.sharedImage("hello")).isHello)
            }
        }

        /// Whether slots are cleaned in the host's idle time or, under load, when they are needed.
        @Test(arguments: [true, false]) func nothingOfAnotherFunctionIsVisible(idle: Bool) throws {
            let mark = try Rig.sharedImage("mark"), zero = try Rig.sharedImage("zero")
            try Rig.withEngine { engine in
                for limit in [1 << 20, 4 << 20, 12 << 20] as [UInt64] {
                    for _ in 0..<6 {
                        #expect(try engine.invoke(mark, limit: limit, idle: idle).outcome == DN_RUN_EXITED)
                        let seen = try engine.invoke(zero, limit: limit, idle: idle)
                        #expect(found(seen) == [0, 0], "\(seen)")
                    }
                }
            }
        }

        /// A large image is mapped: each function finds it as its file has it, and zeros where the last one wrote beside it,
        /// whoever ran there before, however much was written, and however it ended.
        @Test(arguments: [true, false]) func imagesAreAlwaysAsTheirFiles(idle: Bool) throws {
            let images = try [1, 2].map { try Rig.sharedImage("large", flags: ["-DSEED=\($0)"]) }
            let mark = try Rig.sharedImage("mark"), zero = try Rig.sharedImage("zero"),
                loop = try Rig.sharedImage("loop")
            try Rig.withEngine { engine in
                for round in 0..<24 {
                    let pages: UInt64 = [0, 1, 200, 384][round % 4]
                    let outcome = try engine.invoke(
                        images[round / 3 % 2], inputs: Rig.parameters(pages), limit: 8 << 20, idle: idle)
                    #expect(found(outcome) == [0, 0], "round \(round): \(outcome)")
                    if round % 5 == 0 { _ = try engine.invoke(mark, limit: 8 << 20, idle: idle) }
                    if round % 5 == 1 {
                        let seen = try engine.invoke(zero, limit: 8 << 20, idle: idle)
                        #expect(found(seen) == [0, 0], "\(seen)")
                    }
                    if round % 5 == 2 {
                        let stopped = try engine.invoke(loop, limit: 8 << 20, deadline: 1_000_000, idle: idle)
                        #expect(stopped.outcome == DN_RUN_DEADLINE)
                    }
                }
            }
        }

        @Test func aMappedImageIsHeldOnce() throws {
            let image = try Rig.sharedImage("large", flags: ["-DSEED=3"])
            // Of other tests' images, whose runs write to them.
            let before = try privateBytes(ofMappings: "dandelion-image")
            try Rig.withEngine { engine in
                for _ in 0..<20 {
                    let outcome = try engine.invoke(image, inputs: Rig.parameters(0), limit: 8 << 20)
                    #expect(found(outcome) == [0, 0], "\(outcome)")
                }
                // What is the image's own alone, of all slots: next to nothing was written.
                let kept = try privateBytes(ofMappings: "dandelion-image")
                #expect(kept < before + (512 << 10))
            }
        }

        @Test func outputsStayWhileOtherFunctionsRun() throws {
            let plugin = try Rig.plugin.get()
            let slots = Int(try plugin.capabilities().contexts_per_engine)
            let hello = try Rig.sharedImage("hello"), mark = try Rig.sharedImage("mark")
            try Rig.withEngine { engine in
                let kept = try (1..<slots).map { _ in
                    let context = try engine.context(limit: 2 << 20, image: hello)
                    try context.write(inputs: [], outputs: ["out"])
                    return (context, try engine.run(context))
                }
                for _ in 0..<10 { #expect(try engine.invoke(mark, limit: 2 << 20).outcome == DN_RUN_EXITED) }
                for (context, result) in kept { #expect(try context.outcome(result).isHello) }
                let last = try engine.context(limit: 2 << 20, image: hello)
                let refused = #expect(throws: HarnessError.self) { try engine.context(limit: 2 << 20, image: hello) }
                #expect(refused?.status == DN_BUSY)
                last.destroy()
                for (context, _) in kept { context.destroy() }
                #expect(try engine.invoke(hello).isHello)
            }
        }

        /// An engine that is never idle gives memory back before the next function begins, which may run for minutes.
        @Test func nothingLargeStaysThroughTheNextRun() throws {
            let mark = try Rig.sharedImage("mark")
            try Rig.withEngine { engine in
                for _ in 0..<3 {
                    #expect(try engine.invoke(mark, limit: 64 << 20, idle: false).outcome == DN_RUN_EXITED)
                    #expect(try residentBytes() > 60 << 20)
                    let next = try engine.context(limit: 64 << 20, image: mark)
                    #expect(try residentBytes() < 32 << 20)
                    next.destroy()
                }
            }
        }

        @Test func memoryGoesBackAfterABurst() throws {
            let span = try Rig.image("span"), hello = try Rig.sharedImage("hello")
            try Rig.withEngine { engine in
                for _ in 0..<10 { _ = try engine.invoke(hello) }
                let idle = try residentBytes()
                let contexts = try (0..<2).map { _ in
                    let context = try engine.context(limit: 200 << 20, image: span)
                    try context.write(inputs: Rig.parameters(4096), outputs: ["out"])
                    #expect(try engine.run(context).outcome == DN_RUN_EXITED)
                    return context
                }
                #expect(try residentBytes() > idle + 300 << 20)
                for context in contexts { context.destroy() }
                engine.idle()
                // A signal may end a sleep early.
                let end = now() + 1_000_000_000
                while now() < end { usleep(10_000) }
                let after = try residentBytes()
                #expect(after < idle + 2 << 20, "\(idle) bytes before, \(after) after")
            }
        }

        /// Memory that mappings of a file have for themselves, in bytes.
        private func privateBytes(ofMappings name: String) throws -> Int {
            var total = 0
            var isCounted = false
            for line in String(decoding: try contents(of: "/proc/self/smaps"), as: UTF8.self).split(separator: "\n") {
                let fields = line.split(separator: " ")
                if fields.first?.contains("-") == true { isCounted = line.contains(name) && line.contains("rw-p") }
                if isCounted, fields.first == "Anonymous:" { total += (Int(fields[1]) ?? 0) << 10 }
            }
            return total
        }

        /// Of the backend's mappings alone, which are those that no fork copies ("dc" in proc_pid_smaps(5)).
        private func residentBytes() throws -> Int {
            var total = 0
            var last = 0
            for line in String(decoding: try contents(of: "/proc/self/smaps"), as: UTF8.self).split(separator: "\n") {
                let fields = line.split(separator: " ")
                if fields.first == "Rss:" { last = (Int(fields[1]) ?? 0) << 10 }
                if fields.first == "VmFlags:", fields.contains("dc") { total += last }
            }
            return total
        }
    }
}

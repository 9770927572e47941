import Glibc
import PluginABI
import PluginHarness
import Testing

/// What a function finds in memory is its own, and what the host may touch is the context.
@Suite struct Memory {
    @Test(arguments: [true, false]) func nothingOfTheLastFunctionIsSeen(idle: Bool) throws {
        let plugin = try HarnessPlugin(file: processPlugin)
        try onPinnedThread { core in
            let engine = try HarnessEngine(plugin, core: core)
            let mark = try plugin.load(try GuestCompiler.image("mark"))
            let zero = try plugin.load(try GuestCompiler.image("zero"))
            let registers = BackendSuite.cases.filter { $0.guest == "registers" }
            // Beyond what stays resident, below it, and with a smaller limit between.
            for limit in [16 << 20, 1 << 20, 4 << 20, 16 << 20] as [UInt64] {
                for _ in 0..<3 {
                    #expect(try engine.invoke(mark, limit: limit, idle: idle).outcome == DN_RUN_EXITED)
                    let found = try engine.invoke(zero, limit: limit, idle: idle)
                    #expect(numbers(in: found.outputs.first?.items.first?.data ?? [1]) == [0, 0], "\(found)")
                    _ = try engine.invoke(mark, limit: limit, idle: idle)
                    for guestCase in registers {
                        #expect(try BackendSuite.run(guestCase, on: engine, GuestImages(plugin)).isEmpty)
                    }
                }
            }
            engine.destroy()
        }
    }

    /// Neither what a function wrote to a mapped image nor another image is seen by the next, also when runs fault, are
    /// stopped, or are of images that are copied.
    @Test(arguments: [true, false], [true, false]) func imagesAreAlwaysAsTheirFiles(idle: Bool, pinned: Bool) throws {
        let plugin = try HarnessPlugin(file: processPlugin, config: ["pool": .int(pinned ? 2 : 4)])
        let images = try [1, 2].map { try plugin.load(try GuestCompiler.image("large", flags: ["-DSEED=\($0)"])) }
        try onPinnedThread { core in
            let others = GuestImages(plugin)
            let engine = try HarnessEngine(plugin, core: pinned ? core : -1)
            for round in 0..<48 {
                let pages: UInt64 = [0, 1, 200, 384][round % 4]
                let outcome = try engine.invoke(
                    images[round / 3 % 2], inputs: parameters(pages), limit: 8 << 20, idle: idle)
                #expect(found(outcome) == [0, 0], "round \(round): \(outcome)")
                if round % 5 == 0 { _ = try engine.invoke(others.image("mark"), limit: 8 << 20, idle: idle) }
                if round % 5 == 1 {
                    let seen = try engine.invoke(others.image("zero"), limit: 8 << 20, idle: idle)
                    #expect(found(seen) == [0, 0], "\(seen)")
                }
                if round % 5 == 2 {
                    let loop = try others.image("loop")
                    let stopped = try engine.invoke(loop, limit: 8 << 20, deadline: 1_000_000, idle: idle)
                    #expect(stopped.outcome == DN_RUN_DEADLINE)
                }
            }
            engine.destroy()
        }
    }

    /// Too few pages to make a new process for stay mapped, and are put back in the process that wrote them.
    @Test func fewWrittenPagesArePutBack() throws {
        let plugin = try HarnessPlugin(file: processPlugin, config: ["pool": .int(1)])
        let engine = try HarnessEngine(plugin)
        let image = try plugin.load(try GuestCompiler.image("large", flags: ["-DSEED=7"]))
        for pages: UInt64 in [1, 1, 8, 8, 0, 12, 12, 3, 0] {
            let outcome = try engine.invoke(image, inputs: parameters(pages), limit: 8 << 20)
            #expect(found(outcome) == [0, 0], "\(pages): \(outcome)")
        }
        engine.destroy()
    }

    /// What an image keeps in a sandbox between its runs is not cut off by a smaller limit.
    @Test func limitsChangeBetweenRunsOfAnImage() throws {
        let plugin = try HarnessPlugin(file: processPlugin, config: ["pool": .int(1)])
        let engine = try HarnessEngine(plugin)
        let image = try plugin.load(try GuestCompiler.image("large", flags: ["-DSEED=6"]))
        for limit in [8 << 20, 6 << 20, 8 << 20, 1 << 20, 8 << 20, 5 << 20] as [UInt64] {
            for _ in 0..<3 {
                guard limit > 4 << 20 else {
                    #expect(throws: HarnessError.self) { try engine.context(limit: limit, image: image) }
                    engine.idle()
                    continue
                }
                let outcome = try engine.invoke(image, inputs: parameters(200), limit: limit)
                #expect(found(outcome) == [0, 0], "\(limit): \(outcome)")
            }
        }
        engine.destroy()
    }

    /// What no function writes exists once for all sandboxes, and goes with the image.
    @Test func aMappedImageIsHeldOnce() throws {
        let plugin = try HarnessPlugin(file: processPlugin)
        let engine = try HarnessEngine(plugin)
        var image: HarnessImage? = try plugin.load(try GuestCompiler.image("large", flags: ["-DSEED=3"]))
        for _ in 0..<20 {
            guard let image else { break }
            let contexts = try (0..<4).map { _ in try engine.context(limit: 8 << 20, image: image) }
            for context in contexts {
                try context.write(inputs: parameters(0), outputs: ["found"])
                #expect(found(try context.outcome(try engine.run(context))) == [0, 0])
                context.destroy()
            }
            engine.idle()
        }
        #expect(memory(of: "dandelion-image") > 3 << 20)
        // What is the image's own alone, of all sandboxes: next to nothing was written.
        #expect(try privateBytes(ofMappings: "dandelion-image") < 128 << 10)
        image = nil
        engine.idle()
        #expect(memory(of: "dandelion-image") == 0)
        #expect(try privateBytes(ofMappings: "dandelion-image") == 0)
        let hello = try plugin.load(try GuestCompiler.image("hello"))
        #expect(try engine.invoke(hello).outcome == DN_RUN_EXITED)
        engine.destroy()
    }

    /// The host may write wherever a context is memory, also where an image is mapped, and the function finds it.
    @Test func theHostsWritesReachAMappedImage() throws {
        let plugin = try HarnessPlugin(file: processPlugin)
        let engine = try HarnessEngine(plugin)
        let image = try plugin.load(try GuestCompiler.image("large", flags: ["-DSEED=4"]))
        for round in 0..<6 {
            let context = try engine.context(limit: 8 << 20, image: image)
            try context.write(inputs: parameters(384), outputs: ["found"])
            // Constants and variables lie around there; each word is wrong then.
            if round % 2 == 0 { try context.write(0x10_0000, [UInt8](repeating: 1, count: 64)) }
            if round % 2 == 0 { try context.write(0x28_0000, [UInt8](repeating: 1, count: 64)) }
            let outcome = try context.outcome(try engine.run(context))
            #expect(found(outcome) == [round % 2 == 0 ? 16 : 0, 0], "round \(round): \(outcome)")
            context.destroy()
            engine.idle()
        }
        engine.destroy()
    }

    private func parameters(_ number: UInt64) -> [GuestSet] {
        [GuestSet("parameters", [GuestItem("numbers", bytes(of: number))])]
    }

    private func found(_ outcome: Outcome) -> [UInt64] { numbers(in: outcome.outputs.first?.items.first?.data ?? []) }

    /// Memory that mappings of a file have for themselves, in bytes.
    private func privateBytes(ofMappings name: String) throws -> Int {
        var total = 0
        var isCounted = false
        for line in String(decoding: try fileBytes("/proc/self/smaps"), as: UTF8.self).split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.first?.contains("-") == true { isCounted = line.contains(name) && line.contains("rw-p") }
            if isCounted, fields.first == "Anonymous:" { total += (Int(fields[1]) ?? 0) << 10 }
        }
        return total
    }

    /// An engine that is never idle gives memory back before the next function begins, which may run for minutes.
    @Test func nothingLargeStaysThroughTheNextRun() throws {
        let plugin = try HarnessPlugin(file: processPlugin)
        let engine = try HarnessEngine(plugin)
        let mark = try plugin.load(try GuestCompiler.image("mark"))
        let before = fileMemory()
        for _ in 0..<3 {
            #expect(try engine.invoke(mark, limit: 64 << 20, idle: false).outcome == DN_RUN_EXITED)
            #expect(fileMemory() - before > 60 << 20)
            let next = try engine.context(limit: 64 << 20, image: mark)
            #expect(fileMemory() - before < 8 << 20)
            next.destroy()
        }
        engine.destroy()
    }

    /// Bytes of memory that the memory files of this process's contexts take.
    private func fileMemory() -> Int { memory(of: "dandelion-context") }

    private func memory(of name: String) -> Int {
        let wanted = name
        var total = 0
        for fd in names(in: "/proc/self/fd").compactMap({ Int32($0) }) {
            var path = [CChar](repeating: 0, count: 256)
            let count = readlink("/proc/self/fd/\(fd)", &path, path.count)
            let name = String(decoding: path.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
            var status = stat()
            if name.contains(wanted), fstat(fd, &status) == 0 { total += Int(status.st_blocks) * 512 }
        }
        return total
    }

    @Test func aContextThatNeverRanLeavesNothing() throws {
        let plugin = try HarnessPlugin(file: processPlugin, config: ["pool": .int(1)])
        let engine = try HarnessEngine(plugin)
        let zero = try plugin.load(try GuestCompiler.image("zero"))
        for _ in 0..<5 {
            let context = try engine.context(limit: 4 << 20, image: zero)
            try context.write(2 << 20, [UInt8](repeating: 7, count: 8192))
            try context.write(context.info.stack_low == 0 ? 3 << 20 : context.info.stack_low, [9])
            context.destroy()
            let found = try engine.invoke(zero)
            #expect(numbers(in: found.outputs.first?.items.first?.data ?? [1]) == [0, 0], "\(found)")
        }
        engine.destroy()
    }

    @Test func theHostStaysInsideTheContext() throws {
        let plugin = try HarnessPlugin(file: processPlugin)
        let engine = try HarnessEngine(plugin)
        let image = try plugin.load(try GuestCompiler.image("hello"))
        let context = try engine.context(limit: 1 << 20, image: image)
        try context.write(inputs: [], outputs: [])
        let info = context.info
        #expect(info.low == 0x10000 && info.limit == 1 << 20 && info.stack_high - info.stack_low == 8 << 20)
        for (address, size) in [
            (info.low, info.limit - info.low), (info.stack_low, 1 << 20), (info.limit - 1, 1), (info.limit, 0),
        ] as [(UInt64, UInt64)] {
            #expect(try context.read(address, size).count == Int(size))
        }
        for (address, size) in [
            (0, 1), (info.low - 1, 2), (info.limit - 1, 2), (info.limit, 1), (UInt64.max, 2), (UInt64.max - 8, 9),
            (info.stack_low - 1, 1), (info.stack_high - 1, 2), (info.exit_address, 8), (0x7e00_0030_0000, 8),
        ] as [(UInt64, UInt64)] {
            #expect(throws: HarnessError.self, "\(address) \(size)") { try context.read(address, size) }
        }
        context.destroy()
        engine.destroy()
    }

    /// The ABI lets any thread give a context up, also while the engine is at work.
    @Test func contextsAreGivenUpByAnotherThread() throws {
        let plugin = try HarnessPlugin(file: processPlugin)
        try onPinnedThread { core in
            let engine = try HarnessEngine(plugin, core: core)
            let image = try plugin.load(try GuestCompiler.image("hello"))
            for _ in 0..<100 {
                let context = try engine.context(limit: 1 << 20, image: image)
                try context.write(inputs: [], outputs: ["out"])
                #expect(try context.outcome(try engine.run(context)).outputs.first?.items.count == 1)
                nonisolated(unsafe) let finished = context
                try onPinnedThread { _ in finished.destroy() }
                #expect(try engine.invoke(image, idle: false).outcome == DN_RUN_EXITED)
            }
            engine.destroy()
        }
    }

    @Test func limitsAreKept() throws {
        let plugin = try HarnessPlugin(file: processPlugin, config: ["pool": .int(2), "context_max": .int(64 << 20)])
        let caps = try plugin.capabilities()
        #expect(caps.contexts_per_engine == 2 && caps.context_max == 64 << 20)
        let engine = try HarnessEngine(plugin)
        let image = try plugin.load(try GuestCompiler.image("hello"))
        #expect(status { try engine.context(limit: 64 << 20 + 1, image: image) } == DN_LIMIT)
        #expect(status { try engine.context(limit: 0x11000, image: image) } == DN_LIMIT)
        let held = try [engine.context(limit: 64 << 20, image: image)]
        #expect(held.count == 1)
        for context in held { context.destroy() }
        engine.idle()
        let two = try (0..<2).map { _ in try engine.context(limit: 1 << 20, image: image) }
        #expect(status { try engine.context(limit: 1 << 20, image: image) } == DN_BUSY)
        for context in two { context.destroy() }
        #expect(try engine.invoke(image).outcome == DN_RUN_EXITED)
        engine.destroy()
    }

    @Test(arguments: ["pool", "stack_bytes", "context_max", "resident_bytes", "reuse"])
    func badSettingsAreRefused(key: String) {
        #expect(status { try HarnessPlugin(file: processPlugin, config: [key: .int(-1)]) } == DN_BAD_CONFIG)
        #expect(status { try HarnessPlugin(file: processPlugin, config: [key: .string("much")]) } == DN_BAD_CONFIG)
    }

    private func status<T>(_ body: () throws -> T) -> dn_status {
        do {
            _ = try body()
            return DN_OK
        } catch {
            return (error as? HarnessError)?.status ?? DN_FAILED
        }
    }
}

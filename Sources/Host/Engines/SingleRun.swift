public import Failure
internal import GuestLayout
public import Items
internal import Platform
public import PluginHost

/// One invocation on the calling thread, with no node around it.
public struct SingleRun {
    public var image: ComputeImage
    /// Bytes that the function may hold.
    public var memoryLimit: UInt64
    /// Nanoseconds that it may take, 0 = no limit.
    public var timeout: UInt64
    /// By the names of the function's input sets.
    public var inputs: [ItemSet]
    public var outputNames: [Blob]

    public init(image: ComputeImage, memoryLimit: UInt64, timeout: UInt64, inputs: [ItemSet], outputNames: [Blob]) {
        self.image = image
        self.memoryLimit = memoryLimit
        self.timeout = timeout
        self.inputs = inputs
        self.outputNames = outputNames
    }

    /// Runs it to its end, on an engine of its own.
    /// - Throws: what ended it otherwise than by leaving, with what it wrote and told (`LastWords`).
    public func run(called name: String) throws(Failure) -> ComputeOutput {
        let engine = try ComputeEngine(backend: image.backend, core: nil, id: EngineIDs.next())
        let output = try run(on: engine, called: name)
        _ = engine.destroyIfUnused()
        return output
    }

    private func run(on engine: ComputeEngine, called name: String) throws(Failure) -> ComputeOutput {
        var random = RandomSource()
        let context = try engine.makeContext(image: image, limit: memoryLimit)
        let memory = GuestMemory(context)
        let placed = try memory.place(
            inputs: inputs, inputNames: inputs.map(\.name), outputNames: outputNames,
            frame: GuestFrame(context, random: random.next4(), time: timeout))
        let last = LastWords(memory: memory, entryBlock: placed.entryBlock, pointerBytes: image.pointerBytes)
        do throws(Failure) {
            let deadline = timeout == 0 ? 0 : Clock.now() &+ timeout
            let result = try engine.run(context, entryBlock: placed.entryBlock, deadline: deadline)
            try last.check(result, function: name)
            let outputs = try memory.collect(
                systemData: placed.systemData, pointerBytes: image.pointerBytes, outputCount: outputNames.count,
                limits: GuestLimits(items: 1 << 20, bytes: memoryLimit &+ 16 << 20))
            return outputs.items { Blob(copying: $0) }
        } catch {
            throw last.added(to: error)
        }
    }
}

public import Failure
internal import GuestLayout
public import Items
public import Memory
internal import Platform
public import PluginHost

/// Where a function's runs find what its program had built before its first input came: the image to begin from, made once
/// by running the program up to where it says so (dn_guest_snapshot of guest.h).
public struct Snapshots: Sendable {
    /// What was bound at registration, by position: all that the program has while it prepares.
    public let inputs: @Sendable () -> [ItemSet]
    /// What was kept for a loaded image.
    public let find: @Sendable (ComputeImage) -> ComputeImage?
    /// What was kept through a restart for a loaded image. May read a file.
    public let restore: @Sendable (ComputeImage) throws(Failure) -> ComputeImage?
    /// Keeps what `made` begins with for the loaded image `of`, which is `of` itself when its program left no snapshot. Waits
    /// for files only when it `mayWait`.
    public let keep: @Sendable (_ made: ComputeImage, _ of: ComputeImage, _ mayWait: Bool) -> Void
    /// Bytes of a snapshot at most.
    public let most: UInt64

    public init(
        inputs: @escaping @Sendable () -> [ItemSet], find: @escaping @Sendable (ComputeImage) -> ComputeImage?,
        restore: @escaping @Sendable (ComputeImage) throws(Failure) -> ComputeImage?,
        keep: @escaping @Sendable (_ made: ComputeImage, _ of: ComputeImage, _ mayWait: Bool) -> Void, most: UInt64
    ) {
        self.inputs = inputs
        self.find = find
        self.restore = restore
        self.keep = keep
        self.most = most
    }
}

extension ComputeFunction {
    /// Prepares the function at registration, on an engine of its own. Takes as long as a run of the function may, and
    /// `leastTime` at least.
    /// - Throws: what stopped the program, or the code that it left with.
    public func prepare(_ image: ComputeImage, account: MemoryAccount) throws(Failure) {
        guard image.snapshot != 0, let snapshots else { return }
        let charge = try MemoryHold(Int(clamping: memoryLimit), account, .images)
        defer { withExtendedLifetime(charge) {} }
        let engine = try ComputeEngine(backend: image.backend, core: nil, id: EngineIDs.next())
        defer { _ = engine.destroyIfUnused() }
        var random = RandomSource()
        snapshots.keep(try begun(image, on: engine, random: random.next4(), snapshots), image, true)
    }

    /// Brings back what was prepared before a restart, ahead of the first request. May read a file.
    public func restore(_ image: ComputeImage) throws(Failure) {
        guard image.snapshot != 0, let snapshots, snapshots.find(image) == nil else { return }
        _ = try snapshots.restore(image)
    }

    /// The image that a run begins with: the loaded one, or what its program left.
    func beginning(
        _ image: ComputeImage, on engine: ComputeEngine, random: @autoclosure () -> (UInt64, UInt64, UInt64, UInt64)
    ) throws(Failure) -> ComputeImage {
        guard image.snapshot != 0, let snapshots else { return image }
        if let known = snapshots.find(image) { return known }
        if let restored = try snapshots.restore(image) { return restored }
        let made = try begun(image, on: engine, random: random(), snapshots)
        snapshots.keep(made, image, false)
        return made
    }

    private func begun(
        _ image: ComputeImage, on engine: ComputeEngine, random: (UInt64, UInt64, UInt64, UInt64),
        _ snapshots: Snapshots
    ) throws(Failure) -> ComputeImage {
        let time = timeout == 0 ? 0 : max(timeout, Self.leastTime)
        let context = try engine.makeContext(image: image, limit: memoryLimit)
        let memory = GuestMemory(context)
        let placed = try memory.place(
            inputs: snapshots.inputs(), inputNames: inputNames, outputNames: outputNames,
            frame: GuestFrame(context, random: random, time: time))
        let last = LastWords(memory: memory, entryBlock: placed.entryBlock, pointerBytes: image.pointerBytes)
        try memory.wantSnapshot(at: image.snapshot)
        let deadline = time == 0 ? 0 : Clock.now() &+ time
        let result = try engine.run(context, entryBlock: placed.entryBlock, deadline: deadline)
        do throws(Failure) {
            try last.check(result, function: name)
        } catch {
            var failure = last.added(to: error)
            failure.detail += ", before its first input: while it prepared what every run begins with"
            throw failure
        }
        if let dataBegin = try memory.snapshotTaken(at: image.snapshot) {
            let made = try engine.snapshot(of: context, dataBegin: dataBegin)
            guard made.residentBytes <= snapshots.most else { throw tooLarge(made, snapshots.most) }
            return made
        }
        let outputs = try memory.collect(
            systemData: placed.systemData, pointerBytes: image.pointerBytes, outputCount: outputNames.count,
            limits: GuestLimits(items: 1 << 16, bytes: memoryLimit))
        guard outputs.exitCode == 0 else { throw last.added(to: left(outputs.exitCode)) }
        return image
    }

    private func tooLarge(_ made: ComputeImage, _ most: UInt64) -> Failure {
        Failure(
            .tooLarge,
            "function '\(name)' prepared \(made.residentBytes) bytes for every run to begin with, and this node keeps at "
                + "most \(most) of images (image_cache)",
            [.init("function", name), .init("wanted", String(made.residentBytes)), .init("limit", String(most))])
    }

    /// What programs have at least to prepare, ns: they do there what their runs then need no time for.
    private static let leastTime: UInt64 = 5_000_000_000

    /// The program gave up before it was prepared.
    private func left(_ code: Int32) -> Failure {
        Failure(
            .functionFault,
            "function '\(name)' left with code \(code) before its first input: while it prepared what every run begins with",
            [.init("function", name), .init("exitCode", String(code))])
    }
}

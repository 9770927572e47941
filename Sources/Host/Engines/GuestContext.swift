internal import GuestLayout
internal import Items
internal import Platform
internal import PluginHost

extension GuestMemory {
    init(_ context: ComputeContext) {
        // SAFETY: the context vouches for both ranges while it lives, and it outlives this value in `attempt`.
        let main = Window(base: context.data, low: context.low, high: context.limit)
        self.init(
            main: main,
            stack: context.stack.map { Window(base: $0, low: context.stackLow, high: context.stackHigh) })
    }
}

extension GuestFrame {
    /// - Parameter time: Nanoseconds that the run may take, 0 = no limit.
    init(_ context: ComputeContext, random: (UInt64, UInt64, UInt64, UInt64), time: UInt64) {
        let image = context.image
        self.init(
            pointerBytes: image.pointerBytes, systemData: image.systemData == UInt64.max ? nil : image.systemData,
            dataBegin: image.dataBegin, limit: context.limit, stackLow: context.stackLow,
            stackHigh: context.stackHigh, exitAddress: context.exitAddress, realtime: Clock.wall(), random: random,
            counterHz: Clock.counterHz, time: time)
    }
}

extension GuestOutputs {
    /// Whether anything that is left lies where the context shows parts of files.
    func touch(_ context: ComputeContext) -> Bool {
        sets.contains { set in
            context.shows(set.ident) || set.items.contains { context.shows($0.ident) || context.shows($0.data) }
        }
    }

    /// The same as items of the host's.
    func items(_ blob: (UnsafeRawBufferPointer) -> Blob) -> ComputeOutput {
        let sets = sets.map { set in
            ItemSet(
                name: blob(set.ident),
                items: set.items.map { Item(ident: blob($0.ident), key: $0.key, data: blob($0.data)) })
        }
        return ComputeOutput(sets: sets, exitCode: exitCode)
    }
}

import CKVM
import Glibc
import PluginABI
import PluginKit

/// What runs functions on one thread: a VM, and slots of memory for the contexts that it makes.
final class Engine {
    let instance: Instance
    let signals: Signals
    private(set) var slots: [Slot] = []
    private let recycler: Recycler
    /// Nil from an exit that spoiled the VM to the next use of its successor.
    private var machine: VirtualMachine?
    private var successor: Successor?

    init(instance: Instance) throws(PluginError) {
        self.instance = instance
        recycler = Recycler(instance.pagemap)
        signals = try Signals(instance.host, slots: instance.slotCount)
        for index in 0..<instance.slotCount {
            let slot = try Slot(index: index, engine: self)
            slots.append(slot)
            signals.trims(slot)
        }
        use(try makeMachine())
    }

    deinit {
        // A job may be at work on the slots.
        if let successor { _ = try? successor.take() }
    }

    /// Asks the run named `id` to stop. Any thread.
    func interrupt(run id: UInt64, reason: Int32) { signals.interrupt(run: id, reason: reason) }

    // MARK: Contexts

    /// Takes a clean slot. What earlier functions left goes first: it must not stay while this one runs, which may take
    /// minutes.
    /// - Parameter image: what will be placed, if that is known: a slot that has it mapped is preferred.
    func takeSlot(limit: UInt64, for image: Image?) throws(PluginError) -> Slot {
        let limit = limit & ~(GuestMap.page - 1)
        guard limit > GuestMap.lowest, limit <= GuestMap.contextMax else {
            throw PluginError(
                DN_LIMIT,
                "a memory limit of \(limit) bytes; this backend takes more than \(GuestMap.lowest) and at most "
                    + "\(GuestMap.contextMax)")
        }
        while let slot = claimDirty() { slot.release(as: CKVM_SLOT_CLEAN) }
        guard let slot = claimClean(for: image?.file) else {
            throw PluginError(DN_BUSY, "all \(slots.count) contexts of the engine are held", retryable: true)
        }
        slot.limit = limit
        while GuestMap.registeredSteps[slot.step] < limit { slot.step += 1 }
        return slot
    }

    private func claim(_ state: UInt32) -> Slot? { slots.first { $0.claim(from: state) } }

    /// One that has the image mapped, else one that has none, else any.
    private func claimClean(for file: ImageFile?) -> Slot? {
        slots.first { $0.file === file && $0.claim(from: CKVM_SLOT_CLEAN) }
            ?? slots.first { $0.file == nil && $0.claim(from: CKVM_SLOT_CLEAN) } ?? claim(CKVM_SLOT_CLEAN)
    }

    /// Makes an image of what a program left in the slot.
    func snapshot(_ slot: Slot, dataBegin: UInt64) throws(PluginError) -> Image {
        try slot.snapshot(dataBegin, with: recycler)
    }

    private func claimDirty() -> Slot? {
        guard let slot = claim(CKVM_SLOT_DIRTY) else { return nil }
        signals.touched(slot)
        slot.recycle(with: recycler)
        return slot
    }

    /// Cleans slots for about `budget` ns, at least one. True when more are dirty.
    func idle(budget: UInt64) -> Bool {
        let end = Clock.now() &+ budget
        while let slot = claimDirty() {
            slot.release(as: CKVM_SLOT_CLEAN)
            guard Clock.now() < end else { break }
        }
        return slots.contains(where: \.isDirty)
    }

    func place(_ image: Image, in slot: Slot) throws(PluginError) {
        guard image.contextMin <= slot.limit else {
            throw PluginError(
                DN_LIMIT, "the image needs \(image.contextMin) bytes, its memory limit is \(slot.limit)")
        }
        let machine = try map(slot, image)
        try slot.place(image)
        if machine.isNearlyFull, successor == nil { prepareSuccessor(old: nil) }
    }

    // MARK: The VM

    /// The VM in which the slot's page tables map the image: made now unless that is done. `slot.root` is set.
    func map(_ slot: Slot, _ image: Image) throws(PluginError) -> VirtualMachine {
        for _ in 0..<2 {
            let machine = try currentMachine()
            if slot.mappedBy == machine.id { return machine }
            try machine.register(slot: slot.index, memory: slot.memory, upTo: slot.step)
            let root = machine.root(limit: slot.limit, slot: slot.index, protections: image.protections)
            if let root {
                (slot.root, slot.mappedBy) = (root, machine.id)
                return machine
            }
            replaceMachine()
        }
        throw PluginError(DN_LIMIT, "the image needs more page tables than a VM has room for")
    }

    private func currentMachine() throws(PluginError) -> VirtualMachine {
        if let machine { return machine }
        let made: VirtualMachine
        if let successor {
            self.successor = nil
            made = try successor.take()
        } else {
            made = try makeMachine()
        }
        use(made)
        return made
    }

    private func use(_ machine: VirtualMachine) {
        self.machine = machine
        signals.stopper.pointee.run = machine.run
    }

    private func makeMachine() throws(PluginError) -> VirtualMachine {
        try VirtualMachine(platform: instance.platform, slots: slots.map { ($0.memory, $0.step) })
    }

    /// Gives the VM up; another one is made in the background.
    func replaceMachine() {
        let old = machine
        machine = nil
        if successor == nil { prepareSuccessor(old: old) }
    }

    private func prepareSuccessor(old: VirtualMachine?) {
        let plan = slots.map { ($0.memory, $0.step) }
        successor = Successor(platform: instance.platform, slots: plan, old: old)
        successor?.start(instance.jobs, instance.host)
    }
}

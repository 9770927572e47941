import CKVM
import Glibc
import PluginABI
import PluginElf
import PluginKit

/// What runs functions on one thread: a VM, and slots of memory for the contexts that it makes.
final class Engine: ComputeEngine {
    let instance: Instance
    let signals: Signals
    private var pool = SlotPool<Slot>()
    /// All, by index, also those that the pool has given up: the VM knows their memory.
    private var slots: [Slot] = []
    let recycler: Recycler
    /// Nil from an exit that spoiled the VM to the next use of its successor.
    private var machine: VirtualMachine?
    private var successor: Successor?

    init(instance: Instance) throws(PluginError) {
        self.instance = instance
        recycler = Recycler(instance.pagemap)
        signals = try Signals(instance.services, slots: instance.settings.slots)
        super.init()
        for index in 0..<instance.settings.slots {
            let slot = try Slot(index: index, engine: self)
            slots.append(slot)
            pool.add(slot)
            signals.trims(slot)
        }
        use(try makeMachine())
    }

    deinit {
        // A job may be at work on the slots.
        if let successor { _ = try? successor.take() }
    }

    override func run(_ context: ComputeContext, _ params: dn_run_params) throws(PluginError) -> dn_run_result {
        // SAFETY: a context of this engine.
        try run(unsafeDowncast(context, to: Slot.self), params)
    }

    override func interrupt(run id: UInt64, reason: Int32) { signals.interrupt(run: id, reason: reason) }

    // MARK: Contexts

    /// A slot that has the image mapped, else one that has none, else any.
    override func makeContext(_ params: dn_context_params) throws(PluginError) -> ComputeContext {
        let limit = params.limit & ~(GuestMap.page - 1)
        guard limit > GuestMap.lowest, limit <= GuestMap.contextMax else {
            throw PluginError(
                DN_LIMIT,
                "a memory limit of \(limit) bytes; this backend takes more than \(GuestMap.lowest) and at most "
                    + "\(GuestMap.contextMax)")
        }
        // SAFETY: an image of this plugin.
        let file = params.image.map { unsafeDowncast(Handle<ComputeImage>.borrow($0), to: Image.self) }?.file
        pool.clean()
        let slot = pool.claim { $0.file === file } ?? pool.claim { $0.file == nil } ?? pool.claim()
        guard let slot else { throw pool.busy }
        slot.limit = limit
        while GuestMap.registeredSteps[slot.step] < limit { slot.step += 1 }
        return slot
    }

    override func idle(budget: UInt64) -> Bool { pool.idle(budget: budget) }

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
        successor?.start(instance.services)
    }
}

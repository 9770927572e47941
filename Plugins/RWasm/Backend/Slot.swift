import CRWasm
import Glibc
import PluginABI
import PluginKit
import RWasmCore

/// The memory of one invocation, used again for the next: a linear memory in a reservation that no 32-bit address with a
/// 32-bit offset can leave, and a block for the instance.
///
/// SAFETY: all pointers lie in the two mappings, which live as long as the slot.
final class Slot: PooledContext, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as `PooledContext`.
    unowned let engine: Engine
    private let reservation: UnsafeMutableRawPointer
    private let areaBase: UnsafeMutableRawPointer
    /// The context, and the memory of a module that is served by another one.
    private var context: LinearMemory
    private var guest: LinearMemory
    private let served: UnsafeMutablePointer<rwasm_served>
    private(set) var image: Image?
    private(set) var main: Placed?
    private(set) var shim: Placed?
    /// Bytes that the function may yet take: its memory and its tables grow by them, and its files.
    private let room: UnsafeMutablePointer<UInt64>
    /// Bytes of the instances' block that may hold something.
    private var areaUsed = 0
    /// Asked for by the host.
    var limit: UInt64 = 0
    /// Of the context.
    private var bytes: UInt64 = 0

    /// An instance and its code, which it keeps loaded.
    struct Placed {
        let area: Area
        let code: Code
    }

    static let contextMax: UInt64 = 4 << 30
    static let areaBytes = 256 << 20
    /// Of the instances' block: what stays resident while it is not in use.
    private static let areaKept = 1 << 20
    static let reservedBytes = 2 * LinearMemory.reservedBytes

    init(engine: Engine) throws(PluginError) {
        self.engine = engine
        reservation = try Self.reserveMemories()
        do {
            areaBase = try Self.reserve(Self.areaBytes, PROT_READ | PROT_WRITE)
        } catch {
            munmap(reservation, Self.reservedBytes)
            throw error
        }
        context = LinearMemory(base: reservation)
        guest = LinearMemory(base: reservation + LinearMemory.reservedBytes)
        served = .allocate(capacity: 1)
        served.initialize(to: rwasm_served())
        room = .allocate(capacity: 1)
        room.initialize(to: 0)
    }

    deinit {
        munmap(reservation, Self.reservedBytes)
        munmap(areaBase, Self.areaBytes)
        served.deallocate()
        room.deallocate()
    }

    /// Where both memories lie.
    var memory: UnsafeMutableRawPointer { reservation }

    /// Room for both memories, so that they are aligned as `LinearMemory` wants it.
    private static func reserveMemories() throws(PluginError) -> UnsafeMutableRawPointer {
        let slack = Int(LinearMemory.alignment)
        let mapping = try reserve(reservedBytes + slack, PROT_NONE)
        let before = Int((0 &- UInt(bitPattern: mapping) &- UInt(LinearMemory.kept)) % LinearMemory.alignment)
        if before > 0 { munmap(mapping, before) }
        munmap(mapping + before + reservedBytes, slack - before)
        return mapping + before
    }

    private static func reserve(_ count: Int, _ protection: Int32) throws(PluginError) -> UnsafeMutableRawPointer {
        let memory = mmap(nil, count, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let memory, memory != MAP_FAILED else {
            throw PluginError(DN_NO_MEMORY, "cannot reserve \(count >> 20) MiB of addresses", errno: errno)
        }
        return memory
    }

    override func recycle() -> Bool {
        if shim != nil, let main { guest.recycle(main.area.memory.pointee.bytes, with: engine.recycler) }
        context.recycle(0, with: engine.recycler)
        engine.recycler.zero(areaBase, 0..<areaUsed, keeping: 0..<Self.areaKept)
        areaUsed = 0
        (image, main, shim) = (nil, nil, nil)
        return true
    }

    // MARK: Placing an image

    override func load(_ given: ComputeImage) throws(PluginError) {
        // SAFETY: an image of this plugin.
        let image = unsafeDowncast(given, to: Image.self)
        let instances = image.instanceBytes
        let kept = instances + image.tableReserve(of: limit)
        let left = limit - min(limit, kept)
        bytes = min(left, image.front.maximumBytes) & ~(Part.pageBytes - 1)
        guard bytes >= image.leastBytes else {
            throw PluginError(
                DN_LIMIT, "the module needs \(image.leastBytes + kept) bytes, its memory limit is \(limit)")
        }
        room.pointee = limit - instances - bytes
        try context.prepare(bytes, image.wasi == nil ? image.initialMemory : nil)
        let state = context.state(bytes: bytes, maximum: bytes, room: room)
        if let wasi = image.wasi {
            try placeServed(image, wasi, state)
        } else {
            main = try instantiate(image.main, after: 0, memory: state)
        }
        self.image = image
    }

    /// The shim in the context, and the module beside it.
    private func placeServed(_ image: Image, _ wasi: Wasi, _ state: rwasm_memory) throws(PluginError) {
        let shim = try instantiate(wasi.part, after: 0, memory: state)
        let own = image.main.minimumBytes
        try guest.prepare(own, image.initialMemory)
        let memory = guest.state(bytes: own, maximum: max(own, image.main.maximumBytes), room: room)
        let main = try instantiate(image.main, after: shim.area.layout.size, memory: memory)
        served.pointee = rwasm_served(
            code: shim.area.layout.descriptor, instance: shim.area.instance, memory: UnsafePointer(shim.area.memory),
            guest: main.area.memory, functions: image.served, count: image.importedFunctions,
            reach: wasi.reach, reach_count: wasi.reachCount, inside: 0)
        (shim.area.env.pointee.host, shim.area.env.pointee.call) = (UnsafeMutableRawPointer(served), rwasm_reach)
        (main.area.env.pointee.host, main.area.env.pointee.call) = (UnsafeMutableRawPointer(served), rwasm_serve)
        (self.shim, self.main) = (shim, main)
    }

    private func instantiate(_ part: Part, after used: Int, memory: rwasm_memory) throws(PluginError) -> Placed {
        let cast = part.cast
        let begin = (used + 63) & ~63
        let area = Area(base: areaBase + begin, layout: cast.layout)
        areaUsed = begin + cast.layout.size
        area.prepare(room: room)
        area.memory.initialize(to: memory)
        return Placed(area: area, code: cast.code)
    }

    // What makes the instances, the shim's first. Active segments lie within the least size of a memory: inputs are behind it.

    var shimSetup: rwasm_setup? {
        guard let shim, let wasi = image?.wasi else { return nil }
        return shim.area.setup(bytes: wasi.part.minimumBytes, fillsMemory: true)
    }

    var mainSetup: rwasm_setup? {
        guard let main, let image else { return nil }
        return main.area.setup(bytes: image.main.minimumBytes, fillsMemory: image.initialMemory == nil)
    }

    /// When the inputs are there: both memories together keep to the context's limit. What the shim's files need beyond
    /// this is taken from what the module's memory may grow by.
    func shareMemory() {
        guard shim != nil, let main, let system = systemData else { return }
        let taken = UInt64(system.heap_begin) + main.area.memory.pointee.bytes
        room.pointee = bytes - min(bytes, taken)
    }

    /// Whether the shim's code is what a run was in.
    var isInShim: Bool { shim != nil && served.pointee.inside != 0 }

    // MARK: The host's view

    override var info: dn_context_info {
        var info = dn_context_info()
        info.limit = bytes
        info.stack_low = bytes
        info.stack_high = bytes
        return info
    }

    /// The function's system data. The image checked that it lies in the memory.
    var systemData: dn_guest_system32? {
        get {
            image?.systemData.map { (context.base + Int($0)).loadUnaligned(as: dn_guest_system32.self) }
        }
        set {
            guard let address = image?.systemData, let newValue else { return }
            (context.base + Int(address)).storeBytes(of: newValue, as: dn_guest_system32.self)
        }
    }

    override func view(
        _ address: dn_gaddr, _ count: UInt64, writing: Bool
    ) throws(PluginError) -> UnsafeMutableRawPointer {
        guard address <= bytes, count <= bytes - address else {
            throw PluginError(DN_OUT_OF_RANGE, "\(count) bytes at \(address) of a memory of \(bytes)")
        }
        return context.base + Int(address)
    }
}

import CRWasm
import Glibc
import PluginABI
import PluginSupport
import Synchronization

/// The memory of one invocation, used again for the next: a linear memory in a reservation that no 32-bit address with a
/// 32-bit offset can leave, and a block for the instance.
///
/// SAFETY: all pointers lie in the two mappings, which live as long as the slot; only the engine's thread uses it, but for
/// `state`.
final class Slot: @unchecked Sendable {
    enum State: UInt32 { case clean, held, dirty }

    unowned let engine: Engine
    private let state = Atomic<UInt32>(State.clean.rawValue)
    let memory: UnsafeMutableRawPointer
    private let areaBase: UnsafeMutableRawPointer
    private(set) var image: Image?
    private(set) var code: Code?
    private(set) var area: Area?
    /// The trap that ended instantiation.
    private(set) var failure: Trap?
    /// Asked for by the host.
    var limit: UInt64 = 0
    /// Bytes from `memory` on that can be read and written.
    private var accessible: UInt64 = 0
    private var bytes: UInt64 = 0

    static let reservedBytes = Int(contextMax) + 2 << 32 + 65536
    static let contextMax: UInt64 = 4 << 30
    static let areaBytes = 256 << 20
    /// Memory that stays resident in an idle slot.
    static let kept: UInt64 = 4 << 20

    init(engine: Engine) throws(PluginError) {
        self.engine = engine
        memory = try Self.reserve(Self.reservedBytes, PROT_NONE)
        do {
            areaBase = try Self.reserve(Self.areaBytes, PROT_READ | PROT_WRITE)
        } catch {
            munmap(memory, Self.reservedBytes)
            throw error
        }
    }

    deinit {
        munmap(memory, Self.reservedBytes)
        munmap(areaBase, Self.areaBytes)
    }

    private static func reserve(_ count: Int, _ protection: Int32) throws(PluginError) -> UnsafeMutableRawPointer {
        let memory = mmap(nil, count, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let memory, memory != MAP_FAILED else {
            throw PluginError(DN_NO_MEMORY, "cannot reserve \(count >> 20) MiB of addresses", errno: errno)
        }
        return memory
    }

    func claim(from old: State) -> Bool {
        state.compareExchange(
            expected: old.rawValue, desired: State.held.rawValue, ordering: .acquiring
        ).exchanged
    }

    /// Any thread.
    func release(as new: State) { state.store(new.rawValue, ordering: .releasing) }

    var isDirty: Bool { state.load(ordering: .relaxed) == State.dirty.rawValue }

    /// Makes all memory zero again.
    func recycle() {
        (image, code, area, failure) = (nil, nil, nil, nil)
        rwasm_zero(engine.instance.pagemap, memory, accessible, Self.kept)
    }

    // MARK: Placing an image

    func place(_ image: Image) throws(PluginError) {
        bytes = min(limit, image.maximumBytes) & ~(Image.pageBytes - 1)
        guard bytes >= image.minimumBytes else {
            throw PluginError(DN_LIMIT, "the module needs \(image.minimumBytes) bytes, its memory limit is \(limit)")
        }
        let code = image.code
        let descriptor = code.descriptor()
        let layout = AreaLayout(
            image.module, instanceSize: descriptor.pointee.size, instanceAlignment: descriptor.pointee.align)
        guard layout.size <= Self.areaBytes else {
            throw PluginError(DN_LIMIT, "the module's tables and globals need \(layout.size >> 20) MiB")
        }
        try protect(bytes)
        let area = Area(base: areaBase, layout: layout)
        area.prepare(image.module, image.template)
        area.memory.initialize(
            to: rwasm_memory(
                base: memory.assumingMemoryBound(to: UInt8.self), bytes: bytes, grow: rwasm_grow, maximum: bytes))
        area.setSegments(image.module, bytes: image.bytes, elements: image.elements)
        failure = area.fill(image.template, bytes: image.bytes)
        area.make(descriptor)
        (self.image, self.code, self.area) = (image, code, area)
    }

    /// Makes exactly the first `count` bytes accessible.
    private func protect(_ count: UInt64) throws(PluginError) {
        guard count != accessible else { return }
        let grows = count > accessible
        let from = min(count, accessible)
        let length = Int(max(count, accessible) - from)
        guard mprotect(memory + Int(from), length, grows ? PROT_READ | PROT_WRITE : PROT_NONE) == 0 else {
            throw PluginError(DN_NO_MEMORY, "cannot change the protection of \(length) bytes", errno: errno)
        }
        // What a larger function left beyond must not come back with the next one.
        if !grows { madvise(memory + Int(from), length, MADV_DONTNEED) }
        accessible = count
    }

    // MARK: The host's view

    var info: dn_context_info {
        var info = dn_context_info()
        info.limit = bytes
        info.stack_low = bytes
        info.stack_high = bytes
        return info
    }

    /// The function's system data. The image checked that it lies in the memory.
    var systemData: dn_guest_system32? {
        get {
            image?.systemData.map { (memory + Int($0)).loadUnaligned(as: dn_guest_system32.self) }
        }
        set {
            guard let address = image?.systemData, let newValue else { return }
            (memory + Int(address)).storeBytes(of: newValue, as: dn_guest_system32.self)
        }
    }

    func bytes(_ address: dn_gaddr, _ count: UInt64) throws(PluginError) -> UnsafeMutableRawPointer {
        guard address <= bytes, count <= bytes - address else {
            throw PluginError(DN_OUT_OF_RANGE, "\(count) bytes at \(address) of a memory of \(bytes)")
        }
        return memory + Int(address)
    }
}

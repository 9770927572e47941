public import Failure
public import Items
internal import Glibc
internal import PluginABI
internal import Synchronization

/// The memory of one invocation; given back with the last item that lies in it.
public final class ComputeContext: Storage, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the engine's thread writes it until the run is over; afterwards it is only read.
    public let low: UInt64
    public let limit: UInt64
    public let stackLow: UInt64
    public let stackHigh: UInt64
    public let exitAddress: UInt64
    /// The bytes of [low, limit) and of [stackLow, stackHigh), valid while this object lives.
    public let data: UnsafeMutableRawPointer
    public let stack: UnsafeMutableRawPointer?
    public let image: ComputeImage
    let handle: OpaquePointer
    private let engine: ComputeEngine
    private var mapped: [Mapped] = []

    /// An item that the context shows: its pages, and what shares its first and last page with others as a copy.
    private struct Mapped {
        let pages: Range<UInt64>
        let part: FilePart
        let address: UInt64
        let item: Blob
        /// Known after the run: the function has changed nothing of it.
        var isUntouched: Bool?
    }

    init(
        engine: ComputeEngine, image: ComputeImage, handle: OpaquePointer, info: dn_context_info,
        data: UnsafeMutableRawPointer, stack: UnsafeMutableRawPointer?
    ) {
        self.engine = engine
        self.image = image
        self.handle = handle
        self.data = data
        self.stack = stack
        low = info.low
        limit = info.limit
        stackLow = info.stack_low
        stackHigh = info.stack_high
        exitAddress = info.exit_address
        super.init()
        engine.liveContexts.add(1, ordering: .acquiringAndReleasing)
    }

    /// Whether `residentBytes` costs next to nothing.
    public var knowsItsMemory: Bool { engine.backend.slots.contextMemory != nil }

    /// Bytes that it takes, after its run. Costs some 20 ns for each page of its limit where the backend does not know.
    public var residentBytes: Int {
        if let memory = engine.backend.slots.contextMemory { return Int(clamping: memory(handle)) }
        var bytes = SandboxMemory.resident(.init(base: UInt(bitPattern: data), bytes: Int(clamping: limit - low)))
        if let stack {
            bytes += SandboxMemory.resident(
                .init(base: UInt(bitPattern: stack), bytes: Int(clamping: stackHigh - stackLow)))
        }
        return bytes
    }

    /// Makes sure, after the run, that nothing but the host touches the memory or uses a CPU for it: to be called before
    /// somebody keeps references into it. Engine thread.
    /// - Throws: `.internal` when the backend cannot say so.
    public func settle() throws(Failure) {
        guard let settle = engine.backend.slots.contextSettle else { return }
        var error = ABI.emptyError()
        let status = settle(handle, &error)
        guard status == DN_OK else { throw ABI.failure(status, error, "backend \(engine.backend.name): context") }
    }

    // MARK: Large items

    /// Shows a part of a file at a guest address, for the function alone. Before the run.
    /// - Parameters:
    ///   - address: Of the item, whose pages the part is.
    ///   - item: Kept as long as it must stay as it is.
    /// - Returns: false when the bytes must be copied instead.
    public func map(_ part: FilePart, of item: Blob, at address: UInt64) -> Bool {
        guard engine.backend.mapsFiles, let map = engine.backend.slots.contextMap else { return false }
        var range = dn_file_range()
        range.struct_size = UInt32(MemoryLayout<dn_file_range>.size)
        range.file = part.descriptor
        range.offset = UInt64(part.offset)
        range.address = address + UInt64(part.lead)
        range.len = UInt64(part.count)
        var error = ABI.emptyError()
        guard map(handle, &range, &error) == DN_OK else { return false }
        let pages = range.address..<range.address + range.len
        mapped.append(Mapped(pages: pages, part: part, address: address, item: item))
        return true
    }

    /// Whether any of these guest addresses show parts of files.
    public func isMapped(_ address: UInt64, _ count: UInt64) -> Bool {
        mapped.contains { $0.pages.lowerBound < address &+ count && address < $0.pages.upperBound }
    }

    /// Whether bytes of the host's view lie there.
    public func shows(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress, let address = guestAddress(of: start, bytes.count) else { return false }
        return isMapped(address, UInt64(bytes.count))
    }

    public var hasMapped: Bool { !mapped.isEmpty }

    /// What the function left at guest addresses that show parts of files; nil when the backend cannot tell any more.
    public func review(_ address: UInt64, _ count: UInt64) -> UnsafeMutableRawPointer? {
        var view: UnsafeMutableRawPointer?
        var error = ABI.emptyError()
        let status = engine.backend.slots.contextView(handle, address, count, DN_VIEW_READ, &view, &error)
        return status == DN_OK ? view : nil
    }

    /// The input that bytes of the host's view are, if the function hands on what it was given as it was.
    public func handedOn(_ bytes: UnsafeRawBufferPointer) -> Blob? {
        guard let start = bytes.baseAddress, let address = guestAddress(of: start, bytes.count) else { return nil }
        for index in mapped.indices {
            let (begin, item) = (mapped[index].address, mapped[index].item)
            guard address >= begin, item.count >= bytes.count, address - begin <= UInt64(item.count - bytes.count)
            else { continue }
            let untouched = mapped[index].isUntouched ?? isUntouched(mapped[index])
            mapped[index].isUntouched = untouched
            let offset = Int(address - begin)
            return untouched ? item.slice(offset..<offset + bytes.count) : nil
        }
        return nil
    }

    private func isUntouched(_ mapped: Mapped) -> Bool {
        guard let range = export(mapped.pages.lowerBound, UInt64(mapped.part.count)),
            range.file == mapped.part.descriptor, range.offset == UInt64(mapped.part.offset),
            range.len == UInt64(mapped.part.count)
        else { return false }
        let end = mapped.part.lead + mapped.part.count
        let edges = [0..<mapped.part.lead, min(end, mapped.item.count)..<mapped.item.count]
        return edges.allSatisfy { edge in
            mapped.item.slice(edge).withUnsafeBytes { bytes in
                guard let was = bytes.baseAddress else { return true }
                // SAFETY: the item was placed at this address, within [low, limit).
                return memcmp(was, data + Int(mapped.address - low) + edge.lowerBound, bytes.count) == 0
            }
        }
    }

    private func export(_ address: UInt64, _ count: UInt64) -> dn_file_range? {
        guard let export = engine.backend.slots.contextExport else { return nil }
        var range = dn_file_range()
        range.struct_size = UInt32(MemoryLayout<dn_file_range>.size)
        var error = ABI.emptyError()
        guard export(handle, address, count, &range, &error) == DN_OK, range.file >= 0 else { return nil }
        return range
    }

    /// Nobody will read any more what is mapped: its owners may have it back.
    public func forgetMapped() { mapped = [] }

    /// Where memory of a context that has run and is settled lies in a file. Any thread.
    public override func filePart(of bytes: UnsafeRawBufferPointer) -> FilePart? {
        guard let start = bytes.baseAddress, let address = guestAddress(of: start, bytes.count),
            let range = export(address, UInt64(bytes.count)), range.address >= address, range.len > 0,
            range.len <= UInt64(bytes.count), range.address - address <= UInt64(bytes.count) - range.len,
            (range.address | range.len | range.offset) & UInt64(FilePart.page - 1) == 0,
            range.offset <= UInt64(Int.max) - range.len
        else { return nil }
        return FilePart(
            descriptor: range.file, offset: Int(range.offset), lead: Int(range.address - address),
            count: Int(range.len))
    }

    private func guestAddress(of start: UnsafeRawPointer, _ count: Int) -> UInt64? {
        let offset = start - UnsafeRawPointer(data)
        guard offset >= 0, UInt64(offset) + UInt64(count) <= limit - low else { return nil }
        return low + UInt64(offset)
    }

    deinit {
        engine.backend.slots.contextDestroy(handle)
        engine.liveContexts.subtract(1, ordering: .acquiringAndReleasing)
    }
}

public import Failure
public import Items

/// Where the host puts what a function finds at entry; guest addresses, from dn_image_info and dn_context_info.
public struct GuestFrame {
    /// Size of a guest pointer: 4 or 8.
    public var pointerBytes: Int
    /// The image's system data, nil when it has none; then the host makes room for one beside the entry block.
    public var systemData: UInt64?
    /// Inputs are placed from here on.
    public var dataBegin: UInt64
    /// End of image, inputs and heap.
    public var limit: UInt64
    public var stackLow: UInt64
    public var stackHigh: UInt64
    /// 0 when the function leaves by returning.
    public var exitAddress: UInt64
    /// CLOCK_REALTIME when the invocation began.
    public var realtime: UInt64
    public var random: (UInt64, UInt64, UInt64, UInt64)
    /// How fast the counter runs that the function can read by itself; 0: not known.
    public var counterHz: UInt64
    /// Nanoseconds that it may run for, 0 = no limit.
    public var time: UInt64

    public init(
        pointerBytes: Int, systemData: UInt64?, dataBegin: UInt64, limit: UInt64, stackLow: UInt64, stackHigh: UInt64,
        exitAddress: UInt64, realtime: UInt64, random: (UInt64, UInt64, UInt64, UInt64), counterHz: UInt64,
        time: UInt64
    ) {
        self.pointerBytes = pointerBytes
        self.systemData = systemData
        self.dataBegin = dataBegin
        self.limit = limit
        self.stackLow = stackLow
        self.stackHigh = stackHigh
        self.exitAddress = exitAddress
        self.realtime = realtime
        self.random = random
        self.counterHz = counterHz
        self.time = time
    }
}

/// What was placed.
public struct Placed: Equatable {
    /// Guest address of the dn_guest_entry: the function's first argument.
    public var entryBlock: UInt64
    /// Guest address of the system data, for `collect`.
    public var systemData: UInt64
    /// Everything that was written outside the system data lies in [dataBegin, heapBegin).
    public var heapBegin: UInt64
}

extension GuestMemory {
    /// Writes inputs, names, tables, the entry block and the system data (guest.h) before a function starts.
    ///
    /// Input i is `inputs[i]`, named `inputNames[i]`; one that is missing is an empty set of that name. The memory must be
    /// zero where nothing was loaded. Throws `.tooLarge` when it does not fit below the limit.
    /// - Parameters:
    ///   - mapsFrom: Items of so many bytes whose pages lie in a file are mapped rather than copied.
    ///   - map: Shows the pages of an item whose data begins at a guest address; false = they must be copied.
    public func place(
        inputs: [ItemSet], inputNames: [Blob], outputNames: [Blob], frame: GuestFrame, mapsFrom: Int = .max,
        map: (_ part: FilePart, _ of: Blob, _ address: UInt64) -> Bool = { _, _, _ in false }
    ) throws(Failure) -> Placed {
        guard inputs.count <= inputNames.count else {
            throw Failure(.invalid, "\(inputs.count) input sets are given to a function of \(inputNames.count)")
        }
        let tables = try Tables(pointerBytes: frame.pointerBytes)
        let plan = try Plan(inputs, inputNames, outputNames, frame, tables, mapsFrom)
        guard plan.heapBegin <= plan.heapEnd,
            let start = bytes(at: frame.dataBegin, count: plan.heapBegin - frame.dataBegin)
        else { throw tooLarge(plan.heapEnd) }
        guard let system = bytes(at: plan.system, count: UInt64(tables.systemBytes)) else {
            let place = "0x" + String(plan.system, radix: 16)
            throw Failure(.invalid, "the image's system data at \(place) is not in its memory")
        }
        var writer = Writer(tables: tables, plan: plan, start: start, origin: frame.dataBegin)
        writer.placeInputs(inputs, inputNames, map)
        writer.placeOutputs(outputNames)
        writer.placeEntry(frame)
        writer.placeSystem(system, inputNames.count, outputNames.count)
        return Placed(entryBlock: plan.entry, systemData: plan.system, heapBegin: plan.heapBegin)
    }
}

private func tooLarge(_ limit: UInt64) -> Failure {
    Failure(.tooLarge, "the inputs do not fit into the function's memory, which ends at 0x\(String(limit, radix: 16))")
}

/// Guest addresses of all that is placed: items' data, names, tables, entry block, system data.
private struct Plan {
    static let dataAlignment: UInt64 = 128
    static let entryBytes: UInt64 = 104
    private static let largePage: UInt64 = 2 << 20

    /// Of items that are mapped, in their order: where the data begins, and the pages that lie in a file.
    var mapped: [(address: UInt64, part: FilePart)] = []
    let mapsFrom: Int
    var names: UInt64
    var inputSets: UInt64
    var outputSets: UInt64
    var inputItems: UInt64
    var entry: UInt64
    var system: UInt64
    var heapBegin: UInt64
    var heapEnd: UInt64

    init(
        _ inputs: [ItemSet], _ inputNames: [Blob], _ outputNames: [Blob], _ frame: GuestFrame, _ tables: Tables,
        _ mapsFrom: Int
    ) throws(Failure) {
        self.mapsFrom = mapsFrom
        heapEnd = Plan.heapEnd(frame)
        var cursor = Cursor(address: frame.dataBegin, limit: heapEnd)
        var itemCount = 0
        var nameBytes = 0
        for set in inputs {
            itemCount += set.items.count
            for item in set.items {
                nameBytes += item.ident.count
                if item.data.count >= mapsFrom, let part = Plan.mappable(item.data) {
                    mapped.append((try Plan.takePages(of: part, item.data.count, &cursor), part))
                } else {
                    _ = try cursor.take(item.data.count, alignment: Plan.dataAlignment)
                }
            }
        }
        for name in inputNames { nameBytes += name.count }
        for name in outputNames { nameBytes += name.count }
        names = try cursor.take(nameBytes)
        inputSets = try cursor.take((inputNames.count + 1) * tables.setBytes, alignment: 8)
        outputSets = try cursor.take((outputNames.count + 1) * tables.setBytes, alignment: 8)
        inputItems = try cursor.take(itemCount * tables.itemBytes, alignment: 8)
        entry = try cursor.take(Int(Plan.entryBytes), alignment: 8)
        system =
            if let system = frame.systemData { system } else { try cursor.take(tables.systemBytes, alignment: 8) }
        heapBegin = try cursor.take(0, alignment: 16)
    }

    /// The pages of an item that can lie in a context as they lie in their file, with its data aligned as all data is.
    static func mappable(_ data: Blob) -> FilePart? {
        guard let part = data.filePart, (part.offset &- part.lead) & Int(dataAlignment - 1) == 0 else { return nil }
        return part
    }

    /// Addresses for an item whose pages are mapped: congruent to the file's offsets, so that large pages stay large where
    /// there is room for that; and nothing else is placed in its pages.
    private static func takePages(of part: FilePart, _ count: Int, _ cursor: inout Cursor) throws(Failure) -> UInt64 {
        // Of the item, as if the file went on to both sides; only its place within a page counts.
        let begin = UInt64(bitPattern: Int64(part.offset &- part.lead))
        let bytes = max(count, part.lead + part.count)
        if part.count >= largePage, let address = try? cursor.take(bytes, alignment: largePage, offset: begin) {
            return address
        }
        return try cursor.take(bytes, alignment: UInt64(FilePart.page), offset: begin)
    }

    /// 128 bytes below the end, as functions of the original expect; below the stack's guard when that lies in between.
    private static func heapEnd(_ frame: GuestFrame) -> UInt64 {
        var end = frame.limit
        if frame.stackLow > frame.dataBegin, frame.stackLow < end { end = frame.stackLow - min(frame.stackLow, 4096) }
        if frame.pointerBytes == 4 { end = min(end, 1 << 32) }
        return (end - min(end, 128)) & ~15
    }
}

/// Hands out addresses upwards.
private struct Cursor {
    var address: UInt64
    let limit: UInt64

    /// - Parameter offset: The address is so far from a multiple of the alignment as this is.
    mutating func take(_ count: Int, alignment: UInt64 = 1, offset: UInt64 = 0) throws(Failure) -> UInt64 {
        let (start, overflow) = address.addingReportingOverflow((offset &- address) & (alignment - 1))
        guard !overflow, start <= limit, UInt64(count) <= limit - start else { throw tooLarge(limit) }
        address = start + UInt64(count)
        return start
    }
}

/// Writes what was planned. SAFETY of all its pointers: the plan counted every byte, from the same values in the same
/// order, and `start` is valid from `origin` to the plan's end.
private struct Writer {
    let tables: Tables
    let plan: Plan
    let start: UnsafeMutableRawPointer
    let origin: UInt64
    private var nextName: UInt64
    private var nextData: UInt64
    private var nextMapped = 0

    init(tables: Tables, plan: Plan, start: UnsafeMutableRawPointer, origin: UInt64) {
        self.tables = tables
        self.plan = plan
        self.start = start
        self.origin = origin
        nextName = plan.names
        nextData = origin
    }

    private func pointer(_ address: UInt64) -> UnsafeMutableRawPointer {
        start + Int(truncatingIfNeeded: address &- origin)
    }

    mutating func placeInputs(
        _ inputs: [ItemSet], _ names: [Blob], _ map: (_ part: FilePart, _ of: Blob, _ address: UInt64) -> Bool
    ) {
        var set = pointer(plan.inputSets)
        var item = pointer(plan.inputItems)
        var count: UInt64 = 0
        for (index, name) in names.enumerated() {
            placeSet(set, name, offset: count)
            set += tables.setBytes
            guard index < inputs.count else { continue }
            for source in inputs[index].items {
                placeItem(item, source, map)
                item += tables.itemBytes
                count += 1
            }
        }
        tables.store(count, Tables.Set.offset, of: set)
    }

    /// Output sets have names and no items yet.
    mutating func placeOutputs(_ names: [Blob]) {
        var set = pointer(plan.outputSets)
        for name in names {
            placeSet(set, name, offset: 0)
            set += tables.setBytes
        }
    }

    private mutating func placeSet(_ set: UnsafeMutableRawPointer, _ name: Blob, offset: UInt64) {
        tables.store(placeName(name), Tables.Set.ident, of: set)
        tables.store(UInt64(name.count), Tables.Set.identLength, of: set)
        tables.store(offset, Tables.Set.offset, of: set)
    }

    private mutating func placeItem(
        _ item: UnsafeMutableRawPointer, _ source: Item,
        _ map: (_ part: FilePart, _ of: Blob, _ address: UInt64) -> Bool
    ) {
        let data = placeData(source.data, map)
        tables.store(placeName(source.ident), Tables.Item.ident, of: item)
        tables.store(UInt64(source.ident.count), Tables.Item.identLength, of: item)
        tables.store(data, Tables.Item.data, of: item)
        tables.store(UInt64(source.data.count), Tables.Item.dataLength, of: item)
        tables.store(UInt64(source.key), Tables.Item.key, of: item)
    }

    private mutating func placeData(
        _ source: Blob, _ map: (_ part: FilePart, _ of: Blob, _ address: UInt64) -> Bool
    ) -> UInt64 {
        guard source.count >= plan.mapsFrom, nextMapped < plan.mapped.count, Plan.mappable(source) != nil else {
            let data = (nextData + Plan.dataAlignment - 1) & ~(Plan.dataAlignment - 1)
            copy(source, to: data)
            nextData = data + UInt64(source.count)
            return data
        }
        let (data, part) = plan.mapped[nextMapped]
        nextMapped += 1
        nextData = data + UInt64(max(source.count, part.lead + part.count))
        guard map(part, source, data) else {
            copy(source, to: data)
            return data
        }
        // What shares its pages with others is copied.
        copy(source.slice(0..<part.lead), to: data)
        let end = part.lead + part.count
        if end < source.count { copy(source.slice(end..<source.count), to: data + UInt64(end)) }
        return data
    }

    /// The address of a name, 0 of an empty one.
    private mutating func placeName(_ name: Blob) -> UInt64 {
        guard name.count > 0 else { return 0 }
        let address = nextName
        copy(name, to: address)
        nextName += UInt64(name.count)
        return address
    }

    private func copy(_ blob: Blob, to address: UInt64) {
        blob.withUnsafeBytes { bytes in
            guard let source = bytes.baseAddress else { return }
            pointer(address).copyMemory(from: source, byteCount: bytes.count)
        }
    }

    /// dn_guest_entry, the same in 32-bit images.
    func placeEntry(_ frame: GuestFrame) {
        let entry = pointer(plan.entry)
        entry.storeBytes(of: 0x3159_4c44, as: UInt32.self)
        entry.storeBytes(of: UInt32(Plan.entryBytes), toByteOffset: 4, as: UInt32.self)
        func put(_ value: UInt64, _ offset: Int) { entry.storeBytes(of: value, toByteOffset: offset, as: UInt64.self) }
        put(frame.exitAddress, 8)
        put(plan.system, 16)
        put(frame.stackLow, 24)
        put(frame.stackHigh, 32)
        put(frame.realtime, 40)
        put(frame.random.0, 48)
        put(frame.random.1, 56)
        put(frame.random.2, 64)
        put(frame.random.3, 72)
        put(0, Report.entryOffset)
        put(frame.counterHz, 88)
        put(frame.time, 96)
    }

    func placeSystem(_ system: UnsafeMutableRawPointer, _ inputCount: Int, _ outputCount: Int) {
        // -1 in the 32 bits of the code; the padding of a 64-bit table stays zero.
        tables.store(UInt64(UInt32.max), Tables.System.exitCode, of: system)
        tables.store(plan.heapBegin, Tables.System.heapBegin, of: system)
        tables.store(plan.heapEnd, Tables.System.heapEnd, of: system)
        tables.store(UInt64(inputCount), Tables.System.inputSetCount, of: system)
        tables.store(plan.inputSets, Tables.System.inputSets, of: system)
        tables.store(UInt64(outputCount), Tables.System.outputSetCount, of: system)
        tables.store(plan.outputSets, Tables.System.outputSets, of: system)
        tables.store(plan.inputItems, Tables.System.inputItems, of: system)
        tables.store(0, Tables.System.outputItems, of: system)
    }
}

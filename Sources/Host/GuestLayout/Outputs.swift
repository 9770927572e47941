public import Failure

/// An item that a function left; its bytes are the guest's memory.
public struct GuestItem {
    public var ident: UnsafeRawBufferPointer
    public var data: UnsafeRawBufferPointer
    public var key: UInt32
}

/// An output set that a function left.
public struct GuestSet {
    /// The registered name, or what the function put in its place.
    public var ident: UnsafeRawBufferPointer
    public var items: [GuestItem]
}

/// What a function left when it ended.
public struct GuestOutputs {
    /// 0-255 are the user's, -1 when the function set none, 256 and above the runtime's.
    public var exitCode: Int32
    public var sets: [GuestSet]
}

/// What a function may leave at most; needed because its tables may name the same bytes over and over.
public struct GuestLimits: Sendable {
    /// Items of all sets together.
    public var items: Int
    /// Bytes of all names and data together.
    public var bytes: UInt64

    public init(items: Int, bytes: UInt64) {
        self.items = items
        self.bytes = bytes
    }
}

extension GuestMemory {
    /// Reads the outputs of a function that has stopped. Trusts nothing in the memory.
    ///
    /// Throws `.functionFault`, with the guest address, for tables that lie, and `.tooLarge` beyond the limits.
    /// - Parameter admit: Told how many items there are before memory is taken for them; may refuse them.
    public func collect(
        systemData: UInt64, pointerBytes: Int, outputCount: Int, limits: GuestLimits,
        admit: (_ items: Int) throws(Failure) -> Void = { _ in }
    ) throws(Failure) -> GuestOutputs {
        var parser = OutputParser(memory: self, tables: try Tables(pointerBytes: pointerBytes), limits: limits)
        return try parser.outputs(systemData: systemData, count: outputCount, admit)
    }
}

/// Reads every word of the guest's tables once, and makes a pointer of none before its range is checked.
private struct OutputParser {
    let memory: GuestMemory
    let tables: Tables
    let limits: GuestLimits
    var bytesTaken: UInt64 = 0

    mutating func outputs(
        systemData: UInt64, count: Int, _ admit: (_ items: Int) throws(Failure) -> Void
    ) throws(Failure) -> GuestOutputs {
        let system = try view(systemData, UInt64(tables.systemBytes), "system data")
        let exitCode = Int32(truncatingIfNeeded: tables.load(Tables.System.exitCode, of: system))
        let setCount = tables.load(Tables.System.outputSetCount, of: system)
        guard setCount == UInt64(count) else {
            throw Failure(.functionFault, "the function left \(setCount) output sets where \(count) are registered")
        }
        // One more than there are sets: the last says where the items end.
        let setBytes = UInt64(tables.setBytes) * UInt64(count + 1)
        let sets = try view(tables.load(Tables.System.outputSets, of: system), setBytes, "table of output sets")
        let bounds = try offsets(sets, count + 1)
        try admit(bounds[count] - bounds[0])
        let table = tables.load(Tables.System.outputItems, of: system)
        var result: [GuestSet] = []
        result.reserveCapacity(count)
        for set in 0..<count {
            let ident = try bytes(
                sets + set * tables.setBytes, Tables.Set.ident, Tables.Set.identLength, "name of output set \(set)")
            result.append(GuestSet(ident: ident, items: try items(table, bounds[set]..<bounds[set + 1], of: set)))
        }
        return GuestOutputs(exitCode: exitCode, sets: result)
    }

    /// Where each set's items begin; rising, and not more than the limit between the first and the last.
    private func offsets(_ sets: UnsafeRawPointer, _ count: Int) throws(Failure) -> [Int] {
        var result: [Int] = []
        result.reserveCapacity(count)
        for set in 0..<count {
            let offset = tables.load(Tables.Set.offset, of: sets + set * tables.setBytes)
            let first = UInt64(result.first ?? 0)
            guard offset >= UInt64(result.last ?? 0), offset <= UInt64(Int32.max) else {
                throw Failure(.functionFault, "output set \(set) begins at item \(offset): offsets must rise")
            }
            guard set == 0 || offset - first <= UInt64(clamping: limits.items) else {
                throw Failure(.tooLarge, "the function left \(offset - first) items; \(limits.items) are admitted")
            }
            result.append(Int(offset))
        }
        return result
    }

    /// The items at `range` of the guest's item table.
    private mutating func items(_ table: UInt64, _ range: Range<Int>, of set: Int) throws(Failure) -> [GuestItem] {
        if range.isEmpty { return [] }
        let (start, overflow) = table.addingReportingOverflow(UInt64(range.lowerBound) * UInt64(tables.itemBytes))
        guard !overflow else { throw outside(table, .max, "items of output set \(set)") }
        var entry = try view(start, UInt64(range.count) * UInt64(tables.itemBytes), "items of output set \(set)")
        var items: [GuestItem] = []
        items.reserveCapacity(range.count)
        for index in 0..<range.count {
            items.append(try item(entry, index, of: set))
            entry += tables.itemBytes
        }
        return items
    }

    private mutating func item(_ entry: UnsafeRawPointer, _ index: Int, of set: Int) throws(Failure) -> GuestItem {
        let ident = try bytes(
            entry, Tables.Item.ident, Tables.Item.identLength, "name of item \(index) of output set \(set)")
        let data = try bytes(
            entry, Tables.Item.data, Tables.Item.dataLength, "data of item \(index) of output set \(set)")
        return GuestItem(
            ident: ident, data: data, key: UInt32(truncatingIfNeeded: tables.load(Tables.Item.key, of: entry)))
    }

    /// What an (address, length) pair of a table names. Nothing is looked at when it is empty.
    private mutating func bytes<Field: RawRepresentable<Int>>(
        _ entry: UnsafeRawPointer, _ address: Field, _ length: Field, _ what: @autoclosure () -> String
    ) throws(Failure) -> UnsafeRawBufferPointer {
        let length = tables.load(length, of: entry)
        guard length > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let start = try view(tables.load(address, of: entry), length, what())
        // The same bytes may be named over and over: what counts is what they would take.
        let (taken, overflow) = bytesTaken.addingReportingOverflow(length)
        guard !overflow, taken <= limits.bytes else {
            throw Failure(.tooLarge, "the function left more than \(limits.bytes) bytes of output")
        }
        bytesTaken = taken
        return UnsafeRawBufferPointer(start: start, count: Int(truncatingIfNeeded: length))
    }

    private func view(
        _ address: UInt64, _ count: UInt64, _ what: @autoclosure () -> String
    ) throws(Failure) -> UnsafeRawPointer {
        guard let start = memory.bytes(at: address, count: count) else { throw outside(address, count, what()) }
        return UnsafeRawPointer(start)
    }

    private func outside(_ address: UInt64, _ count: UInt64, _ what: String) -> Failure {
        let place = "0x" + String(address, radix: 16)
        return Failure(
            .functionFault, "the \(what), \(count) bytes at \(place), is not in the function's memory",
            [.init("address", place)])
    }
}

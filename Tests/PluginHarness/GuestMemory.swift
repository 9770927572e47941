public import PluginABI

public struct GuestItem: Sendable, Equatable {
    public var ident: String
    public var key: UInt32
    public var data: [UInt8]

    public init(_ ident: String, key: UInt32 = 0, _ data: [UInt8]) {
        self.ident = ident
        self.key = key
        self.data = data
    }
}

public struct GuestSet: Sendable, Equatable {
    public var name: String
    public var items: [GuestItem]

    public init(_ name: String, _ items: [GuestItem]) {
        self.name = name
        self.items = items
    }
}

/// The memory of one invocation, with a writer of inputs and a reader of outputs of the harness's own.
public final class HarnessContext {
    public let plugin: HarnessPlugin
    public let handle: OpaquePointer
    public let image: HarnessImage
    public private(set) var entryBlock: dn_gaddr = 0
    public private(set) var info = dn_context_info()
    private var cursor: dn_gaddr = 0

    init(_ plugin: HarnessPlugin, _ handle: OpaquePointer, _ image: HarnessImage) {
        self.plugin = plugin
        self.handle = handle
        self.image = image
    }

    public func destroy() { plugin.compute.pointee.context_destroy?(handle) }

    /// After the run; nothing where the plugin has no such slot.
    public func settle() throws(HarnessError) {
        guard let settle = plugin.compute.pointee.context_settle else { return }
        try attempt("context_settle") { settle(handle, $0) }
    }

    /// An image of what the run left, up to an address.
    public func snapshot(_ end: dn_gaddr) throws(HarnessError) -> HarnessImage {
        var made: OpaquePointer?
        try attempt("image_snapshot") { plugin.compute.pointee.image_snapshot?(handle, end, &made, $0) }
        guard let made else { throw HarnessError(DN_FAILED, "image_snapshot gave no image") }
        return try HarnessImage(plugin, made)
    }

    public func read(_ address: dn_gaddr, _ count: UInt64) throws(HarnessError) -> [UInt8] {
        guard count <= 1 << 30 else { throw HarnessError(DN_OUT_OF_RANGE, "\(count) bytes") }
        var bytes = [UInt8](repeating: 0, count: Int(count))
        try attempt("context_read") { err in
            bytes.withUnsafeMutableBytes { buffer in
                guard let to = buffer.baseAddress else { return DN_OK }
                return plugin.compute.pointee.context_read?(handle, address, to, count, err)
            }
        }
        return bytes
    }

    public func write(_ address: dn_gaddr, _ bytes: [UInt8]) throws(HarnessError) {
        try attempt("context_write") { err in
            bytes.withUnsafeBytes { buffer in
                guard let from = buffer.baseAddress else { return DN_OK }
                return plugin.compute.pointee.context_write?(handle, address, from, UInt64(buffer.count), err)
            }
        }
    }

    private func write<T>(_ address: dn_gaddr, struct value: T) throws(HarnessError) {
        try write(address, withUnsafeBytes(of: value) { [UInt8]($0) })
    }

    private func read<T>(_ address: dn_gaddr, as type: T.Type) throws(HarnessError) -> T {
        let bytes = try read(address, UInt64(MemoryLayout<T>.size))
        return bytes.withUnsafeBytes { $0.loadUnaligned(as: type) }
    }

    private func take(_ size: Int, align: UInt64) -> dn_gaddr {
        let address = (cursor + align - 1) / align * align
        cursor = address + UInt64(size)
        return address
    }

    /// Places inputs behind the image, then the tables, the entry block and the system data.
    public func write(inputs: [GuestSet], outputs: [String]) throws(HarnessError) {
        info.struct_size = UInt32(MemoryLayout<dn_context_info>.size)
        try attempt("context_info") { plugin.compute.pointee.context_info?(handle, &info, $0) }
        cursor = image.info.data_begin
        var items: [dn_guest_item64] = []
        var sets: [dn_guest_set64] = []
        for set in inputs {
            let name = try place(set.name)
            sets.append(dn_guest_set64(ident: name.0, ident_len: name.1, offset: UInt64(items.count)))
            for item in set.items {
                let ident = try place(item.ident)
                let data = take(item.data.count, align: 128)
                try write(data, item.data)
                items.append(
                    dn_guest_item64(
                        ident: ident.0, ident_len: ident.1, data: data, data_len: UInt64(item.data.count),
                        key: UInt64(item.key)))
            }
        }
        sets.append(dn_guest_set64(ident: 0, ident_len: 0, offset: UInt64(items.count)))
        var outSets: [dn_guest_set64] = []
        for name in outputs {
            let placed = try place(name)
            outSets.append(dn_guest_set64(ident: placed.0, ident_len: placed.1, offset: 0))
        }
        outSets.append(dn_guest_set64())
        var system = dn_guest_system64()
        system.exit_code = -1
        system.input_sets_len = UInt64(inputs.count)
        system.input_sets = try place(array: sets)
        system.output_sets_len = UInt64(outputs.count)
        system.output_sets = try place(array: outSets)
        system.input_items = try place(array: items)
        try writeEntryBlock()
        system.heap_begin = cursor
        system.heap_end = info.limit
        try write(image.info.system_data, struct: system)
    }

    private func place(_ name: String) throws(HarnessError) -> (dn_gaddr, UInt64) {
        let address = take(name.utf8.count, align: 1)
        try write(address, [UInt8](name.utf8))
        return (address, UInt64(name.utf8.count))
    }

    private func place<T>(array: [T]) throws(HarnessError) -> dn_gaddr {
        let address = take(array.count * MemoryLayout<T>.stride, align: 8)
        try write(address, array.withUnsafeBytes { [UInt8]($0) })
        return address
    }

    private func writeEntryBlock() throws(HarnessError) {
        var entry = dn_guest_entry()
        entry.magic = DN_GUEST_ENTRY_MAGIC
        entry.struct_size = UInt32(MemoryLayout<dn_guest_entry>.size)
        entry.exit_address = info.exit_address
        entry.system_data = image.info.system_data
        entry.stack_low = info.stack_low
        entry.stack_high = info.stack_high
        entry.realtime_ns = 1_700_000_000_000_000_000
        entry.random = (1, 2, 3, 4)
        entry.counter_hz = 2_000_000_000
        entryBlock = take(MemoryLayout<dn_guest_entry>.size, align: 16)
        try write(entryBlock, struct: entry)
    }

    /// The result of a run, with the outputs that the guest left.
    public func outcome(_ result: dn_run_result) throws(HarnessError) -> Outcome {
        let system = try read(image.info.system_data, as: dn_guest_system64.self)
        var outcome = Outcome(
            outcome: result.outcome, faultKind: result.fault_kind, trapCode: result.trap_code,
            address: result.valid & DN_RESULT_ADDRESS != 0 ? result.fault_address : nil,
            pc: result.valid & DN_RESULT_PC != 0 ? result.fault_pc : nil,
            syscall: result.valid & DN_RESULT_SYSCALL != 0 ? result.syscall_number : nil,
            runNanoseconds: result.run_ns, detail: text(result.detail), exitCode: system.exit_code, outputs: [],
            outputProblem: nil, context: info,
            notedPC: system.input_sets, notedAddress: system.input_items)
        guard result.outcome == DN_RUN_EXITED else { return outcome }
        do {
            outcome.outputs = try outputs(system)
        } catch {
            outcome.outputProblem = error.message
        }
        return outcome
    }

    private func outputs(_ system: dn_guest_system64) throws(HarnessError) -> [GuestSet] {
        guard system.output_sets_len <= 1024 else { throw HarnessError(DN_BAD_INPUT, "output_sets_len") }
        var result: [GuestSet] = []
        let size = UInt64(MemoryLayout<dn_guest_set64>.size)
        for index in 0..<system.output_sets_len {
            let set = try read(system.output_sets &+ index &* size, as: dn_guest_set64.self)
            let next = try read(system.output_sets &+ (index &+ 1) &* size, as: dn_guest_set64.self)
            guard set.offset <= next.offset, next.offset <= 1 << 20 else {
                throw HarnessError(DN_BAD_INPUT, "offsets of output set \(index)")
            }
            var items: [GuestItem] = []
            for number in set.offset..<next.offset {
                let address = system.output_items &+ number &* UInt64(MemoryLayout<dn_guest_item64>.size)
                let item = try read(address, as: dn_guest_item64.self)
                items.append(
                    GuestItem(
                        try string(item.ident, item.ident_len), key: UInt32(truncatingIfNeeded: item.key),
                        try read(item.data, item.data_len)))
            }
            result.append(GuestSet(try string(set.ident, set.ident_len), items))
        }
        return result
    }

    private func string(_ address: dn_gaddr, _ count: UInt64) throws(HarnessError) -> String {
        String(decoding: try read(address, count), as: UTF8.self)
    }
}

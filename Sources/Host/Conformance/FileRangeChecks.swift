internal import Glibc
internal import Platform
internal import PluginABI
internal import PluginHost

/// Large items without copies: files that contexts show, and contexts' memory as parts of files.
let fileRangeChecks: [Check] = [
    Check(
        "files-mapped", .compute,
        "A context shows exactly a part of a file; what its function writes there nobody else sees, and nothing stays."
    ) { subject in
        let rig = try ComputeRig(subject)
        guard rig.caps.flags & DN_COMPUTE_MAPS_FILES != 0, rig.table.context_map != nil else {
            throw NotApplicable(why: "it does not map files (no DN_COMPUTE_MAPS_FILES)")
        }
        let file = try FilledFile()
        for round in 0..<3 {
            let sandbox = try rig.context(try rig.image(.writesAt), limit: 64 << 20, argument: FilledFile.address)
            try file.requireRefusals(rig, sandbox)
            let status = rig.map(sandbox, file.range)
            try require(status == DN_OK, "context_map gave \(ABIName.status(status))")
            try require(
                rig.map(sandbox, file.range) != DN_OK, "context_map took pages that show a part of a file already")
            let result = try rig.run(sandbox, deadline: 5_000_000_000)
            try require(result.outcome == DN_RUN_EXITED, "a function that writes to such a page \(told(result))")
            let view = sandbox.view(FilledFile.address, UInt64(FilledFile.count), DN_VIEW_READ)
            try require(view.status == DN_OK, "context_view after the run gave \(ABIName.status(view.status))")
            guard let seen = view.bytes else { throw Violation(what: "context_view gave no bytes") }
            try require(seen[0] == 1, "what the function wrote is not in the context")
            try require(
                seen.indices.dropFirst().allSatisfy { seen[$0] == FilledFile.byte(FilledFile.begin + $0) },
                "the context shows other bytes than the file's, in round \(round)")
            let beside =
                sandbox.read(FilledFile.address &- 4096, claiming: 4096).bytes
                + sandbox.read(FilledFile.address &+ UInt64(FilledFile.count), claiming: 4096).bytes
            try require(beside.allSatisfy { $0 == 0 }, "the context shows pages of the file beside the part")
            try require(file.isIntact, "what the function wrote is in the file")
            rig.end(sandbox)
            let next = try rig.context(try rig.image(.exits), limit: 64 << 20)
            let memory = next.view(FilledFile.address, UInt64(FilledFile.count)).bytes
            let isZero = memory?.allSatisfy { $0 == 0 } ?? false
            rig.end(next)
            try require(isZero, "the next context begins with bytes of the file")
        }
    },
    Check(
        "files-exported", .compute,
        "Memory that a context says lies in a file does: the same bytes, and no part beyond what was asked for."
    ) { subject in
        let rig = try ComputeRig(subject)
        guard rig.table.context_export != nil else { throw NotApplicable(why: "it offers no context_export") }
        let sandbox = try rig.context(try rig.image(.exits), limit: 64 << 20)
        defer { rig.end(sandbox) }
        let begin: UInt64 = 16 << 20 | 8
        let count = 5 << 20
        guard let view = sandbox.view(begin, UInt64(count)).bytes else { throw Violation(what: "context_view failed") }
        for index in stride(from: 0, to: count, by: 509) { view[index] = FilledFile.byte(index) }
        _ = try rig.run(sandbox, deadline: 5_000_000_000)
        let settled = rig.settle(sandbox) ?? DN_OK
        try require(settled == DN_OK, "context_settle gave \(ABIName.status(settled))")
        let limit = sandbox.info.limit
        for (address, length) in [(limit, 4096), (begin, .max), (begin, 0 &- begin), (.max, 8192)] as [(UInt64, UInt64)]
        {
            let status = rig.export(sandbox, address, length).status
            try require(
                status == DN_OUT_OF_RANGE,
                "context_export of \(length) bytes at \(address) gave \(ABIName.status(status))")
        }
        let (status, range) = rig.export(sandbox, begin, UInt64(count))
        guard status != DN_UNSUPPORTED else { throw NotApplicable(why: "this memory lies in no file") }
        try require(status == DN_OK, "context_export gave \(ABIName.status(status))")
        let mask: UInt64 = 4095
        try require(
            range.len > 0 && (range.address | range.len | range.offset) & mask == 0 && range.address >= begin
                && range.len <= UInt64(count) && range.address &- begin <= UInt64(count) &- range.len,
            "context_export of \(count) bytes at \(begin) gave \(range.len) bytes at \(range.address)")
        let mapped = mmap(nil, Int(range.len), PROT_READ, MAP_PRIVATE, range.file, off_t(range.offset))
        guard let mapped, mapped != MAP_FAILED else { throw Violation(what: "the part of the file cannot be mapped") }
        defer { munmap(mapped, Int(range.len)) }
        let seen = sandbox.view(range.address, range.len, DN_VIEW_READ).bytes
        try require(
            seen?.baseAddress.map { memcmp($0, mapped, Int(range.len)) == 0 } ?? false,
            "the part of the file has other bytes than the context")
        if let memory = rig.memory(of: sandbox) {
            try require(
                memory >= range.len / 2 && memory <= limit &+ (64 << 20),
                "context_memory tells of \(memory) bytes where at least \(range.len) are used")
        }
    },
]

/// A file in memory of which a context shows the middle.
private struct FilledFile {
    private let file: SharedFile
    static let address: UInt64 = 16 << 20
    static let begin = 2 << 20
    static let count = 2 << 20

    static func byte(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: index &* 7 &+ index >> 12) | 2 }

    init() throws {
        guard let file = SharedFile(capacity: Self.begin + Self.count + (2 << 20)) else {
            throw NotApplicable(why: "the host makes no memory files")
        }
        self.file = file
        // SAFETY: the file is mapped for byteCount bytes, and nobody else has it yet.
        let bytes = UnsafeMutableRawBufferPointer(start: file.base, count: file.byteCount)
        for index in bytes.indices { bytes[index] = Self.byte(index) }
    }

    var isIntact: Bool {
        // SAFETY: as above; whoever writes to it breaks the promise that is checked here.
        let bytes = UnsafeRawBufferPointer(start: file.base, count: file.byteCount)
        return bytes.indices.allSatisfy { bytes[$0] == Self.byte($0) }
    }

    var range: dn_file_range {
        var range = dn_file_range()
        range.struct_size = UInt32(MemoryLayout<dn_file_range>.size)
        range.file = file.descriptor
        range.offset = UInt64(Self.begin)
        range.address = Self.address
        range.len = UInt64(Self.count)
        return range
    }

    /// Ranges that are no whole pages, or not the context's.
    func requireRefusals(_ rig: ComputeRig, _ sandbox: Sandbox) throws {
        let limit = sandbox.info.limit
        let wild: [(UInt64, UInt64)] = [
            (Self.address &+ 8, 4096), (Self.address, 4097), (Self.address, 0), (limit, 4096), (limit &- 4096, 8192),
            (0 &- 4096, 8192), (Self.address, 0 &- Self.address), (0, 4096),
        ]
        for (address, length) in wild {
            var range = self.range
            (range.address, range.len) = (address, length)
            try require(
                rig.map(sandbox, range) != DN_OK, "context_map took \(length) bytes at \(address) of \(limit)")
        }
    }
}

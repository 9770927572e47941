internal import PluginABI
internal import PluginHost

/// Images of what programs left: image_snapshot, image_save, image_restore.
let snapshotChecks: [Check] = [
    Check(
        "snapshot", .compute,
        "A snapshot begins every context alike, outlives what it was made of, and ends where it was told to."
    ) { subject in
        let rig = try ComputeRig(subject)
        let made = try rig.snapshot(reaching: 8192 + 17)
        defer { rig.unload(made.image) }
        try rig.beginsAlike(made)
        let source = try rig.context(try rig.image(.exits))
        defer { rig.end(source) }
        _ = try rig.run(source, deadline: 5_000_000_000)
        for end in [source.info.limit &+ 1, .max, 0] as [UInt64] {
            let (status, image) = rig.snapshot(of: source, end)
            if let image { rig.unload(image) }
            try require(
                status == DN_OUT_OF_RANGE || status == DN_UNSUPPORTED,
                "image_snapshot up to \(end) gave \(ABIName.status(status))")
        }
    },
    Check(
        "snapshot-restore", .compute,
        "What image_save writes is made into the same snapshot again; what was cut off is refused."
    ) { subject in
        let rig = try ComputeRig(subject)
        guard rig.table.image_save != nil, rig.table.image_restore != nil else {
            throw NotApplicable(why: "it offers no image_save and image_restore")
        }
        let base = try rig.image(.exits)
        var made = try rig.snapshot(reaching: 8192 + 17)
        let saved = try rig.saved(made.image)
        let stopped = rig.save(made.image, most: 1)
        try require(stopped == DN_FAILED, "image_save whose sink failed gave \(ABIName.status(stopped))")
        rig.unload(made.image)
        let (status, image) = rig.restore(saved, of: base)
        guard status == DN_OK, let image else {
            throw Violation(what: "image_restore of what image_save wrote gave \(ABIName.status(status))")
        }
        made.image = image
        defer { rig.unload(image) }
        try rig.beginsAlike(made)
        for count in [0, 1, saved.count / 2, saved.count - 1] {
            let (status, image) = rig.restore(Array(saved[..<count]), of: base)
            if let image { rig.unload(image) }
            try require(
                status == DN_BAD_IMAGE || status == DN_UNSUPPORTED,
                "image_restore of \(count) of \(saved.count) bytes gave \(ABIName.status(status))")
        }
    },
]

/// A snapshot, and what its memory holds from `begin` on: `bytes`, and zeros behind them.
private struct Made {
    var image: OpaquePointer
    var begin: UInt64
    var bytes: [UInt8]
}

extension ComputeRig {
    /// Of a context that is gone, with `count` bytes of its own behind the entry block.
    fileprivate func snapshot(reaching count: Int) throws -> Made {
        guard table.image_snapshot != nil else { throw NotApplicable(why: "it offers no image_snapshot") }
        let source = try context(try image(.exits))
        let begin = source.entryBlock &+ 4096
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ 1) }
        try require(source.write(begin, bytes) == DN_OK, "context_write failed")
        try require(
            source.write(begin &+ UInt64(count), [UInt8](repeating: 9, count: 64)) == DN_OK, "context_write failed")
        _ = try run(source, deadline: 5_000_000_000)
        let (status, image) = snapshot(of: source, begin &+ UInt64(count))
        end(source)
        guard status != DN_UNSUPPORTED else { throw NotApplicable(why: "it makes no snapshot of such images") }
        guard status == DN_OK, let image else {
            throw Violation(what: "image_snapshot gave \(ABIName.status(status))")
        }
        let facts = try facts(of: image)
        try require(
            facts.data_begin == begin &+ UInt64(count),
            "data_begin of a snapshot is \(facts.data_begin), not what image_snapshot was told")
        return Made(image: image, begin: begin, bytes: bytes)
    }

    /// Also when one of them was written to, ran, or is still there.
    fileprivate func beginsAlike(_ made: Made) throws {
        var kept: Sandbox?
        defer { if let kept { end(kept) } }
        for round in 0..<4 {
            let sandbox = try context(made.image)
            for at in stride(from: 0, to: made.bytes.count, by: 4096) {
                let count = min(4096, made.bytes.count - at)
                let (status, bytes) = sandbox.read(made.begin &+ UInt64(at), claiming: UInt64(count))
                try require(
                    status == DN_OK && Array(bytes[..<count]) == Array(made.bytes[at..<at + count]),
                    "context \(round) of a snapshot does not begin with the snapshot's memory")
            }
            // Behind the entry block, which lies behind the snapshot.
            let behind = sandbox.read(sandbox.entryBlock &+ 4096, claiming: 4096).bytes
            try require(behind.allSatisfy { $0 == 0 }, "memory behind a snapshot is not zero")
            let spoilt = [UInt8](repeating: 0xee, count: made.bytes.count)
            try require(sandbox.write(made.begin, spoilt) == DN_OK, "context_write into a snapshot's memory failed")
            let result = try run(sandbox, deadline: 5_000_000_000)
            try require(result.outcome == DN_RUN_EXITED, "a function that began from a snapshot \(told(result))")
            let left = sandbox.read(made.begin, claiming: 16).bytes
            try require(left[..<16].allSatisfy { $0 == 0xee }, "what was written to a snapshot's memory is gone")
            if round == 0, caps.contexts_per_engine != 1 { kept = sandbox } else { end(sandbox) }
        }
    }

    fileprivate func snapshot(of source: Sandbox, _ end: UInt64) -> (status: dn_status, image: OpaquePointer?) {
        var image: OpaquePointer?
        var error = Self.error()
        let status = watch.call("image_snapshot") {
            table.image_snapshot?(source.handle, end, &image, &error) ?? DN_UNSUPPORTED
        }
        return (status, status == DN_OK ? image : nil)
    }

    fileprivate func saved(_ image: OpaquePointer) throws -> [UInt8] {
        let pieces = Pieces(most: .max)
        let status = save(image, into: pieces)
        guard status != DN_UNSUPPORTED else { throw NotApplicable(why: "it saves no snapshot of such images") }
        try require(status == DN_OK, "image_save gave \(ABIName.status(status))")
        return pieces.bytes
    }

    /// To a sink that fails behind `most` pieces.
    fileprivate func save(_ image: OpaquePointer, most: Int) -> dn_status { save(image, into: Pieces(most: most)) }

    private func save(_ image: OpaquePointer, into pieces: Pieces) -> dn_status {
        var error = Self.error()
        return withExtendedLifetime(pieces) {
            watch.call("image_save") {
                table.image_save?(image, Pieces.take, Unmanaged.passUnretained(pieces).toOpaque(), &error)
                    ?? DN_UNSUPPORTED
            }
        }
    }

    fileprivate func restore(_ bytes: [UInt8], of base: OpaquePointer) -> (status: dn_status, image: OpaquePointer?) {
        var image: OpaquePointer?
        var error = Self.error()
        let status = bytes.withUnsafeBufferPointer { buffer in
            watch.call("image_restore") {
                let bytes = dn_bytes(data: buffer.baseAddress, len: UInt64(buffer.count))
                return table.image_restore?(base, bytes, &image, &error) ?? DN_UNSUPPORTED
            }
        }
        return (status, status == DN_OK ? image : nil)
    }
}

/// What image_save has written.
private final class Pieces {
    private(set) var bytes: [UInt8] = []
    private var left: Int

    init(most: Int) { left = most }

    static let take: dn_sink = { argument, piece in
        guard let argument else { return DN_INVALID }
        // SAFETY: `save` passes its pieces, which live until image_save returns.
        let pieces = Unmanaged<Pieces>.fromOpaque(argument).takeUnretainedValue()
        guard pieces.left > 0 else { return DN_FAILED }
        pieces.left -= 1
        // SAFETY: the plugin vouches for the piece until this returns.
        pieces.bytes += UnsafeBufferPointer(start: piece.data, count: piece.data == nil ? 0 : Int(clamping: piece.len))
        return DN_OK
    }
}

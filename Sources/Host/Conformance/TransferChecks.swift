internal import PluginABI
internal import PluginHost

/// What passes from one context to another: what is asked for, and nothing else.
let transferChecks: [Check] = [
    Check("transfer", .compute, "A transfer copies exactly its range, privately, and refuses ranges out of a context.")
    {
        subject in
        let rig = try ComputeRig(subject)
        guard rig.table.context_transfer != nil else { throw NotApplicable(why: "it offers no context_transfer") }
        let image = try rig.image(.exits)
        let source = try rig.context(image)
        let from = source.entryBlock &+ 4096
        let bytes = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 11 &+ 1) }
        try require(source.write(from, bytes) == DN_OK, "context_write failed")
        _ = try rig.run(source, deadline: 5_000_000_000)
        let target = try rig.context(image)
        defer { rig.end(target) }
        let wild: [(UInt64, UInt64, UInt64)] = [
            (target.info.limit &- 1, from, 2), (from, source.info.limit &- 1, 2), (from, from, .max), (.max, from, 2),
            (from, from, 0 &- from), (from, from, 0 &- from &+ 8), (from, .max &- 1, 4), (from, from, 1 << 63),
        ]
        for (to, at, length) in wild {
            let status = rig.transfer(target, to, source, at, length)
            guard status != DN_UNSUPPORTED else { throw NotApplicable(why: "it offers no transfer of such contexts") }
            try require(status == DN_OUT_OF_RANGE, "\(length) bytes from \(at) to \(to) gave \(ABIName.status(status))")
        }
        let to = from &+ 8192
        let status = rig.transfer(target, to, source, from &+ 8, 4000)
        try require(status == DN_OK, "context_transfer gave \(ABIName.status(status))")
        try require(source.write(from &+ 8, [0xee]) == DN_OK, "context_write after a transfer failed")
        rig.end(source)
        let copied = target.read(to, claiming: 4000).bytes
        try require(
            Array(copied[..<4000]) == Array(bytes[8..<4008]), "the target holds other bytes than the source did")
        let around =
            target.read(to &- 16, claiming: 16).bytes[..<16] + target.read(to &+ 4000, claiming: 16).bytes[..<16]
        try require(around.allSatisfy { $0 == 0 }, "bytes beside the range were changed")
    },
    Check(
        "isolation-registers", .compute,
        "A function begins with no value of the one before it, in general, vector or x87 registers."
    ) {
        subject in
        let rig = try ComputeRig(subject)
        let (fills, dumps) = (try rig.image(.fillsRegisters), try rig.image(.dumpsRegisters))
        for _ in 0..<3 {
            let filled = try rig.runOnce(fills)
            try require(filled.outcome == DN_RUN_EXITED, "a function that fills registers \(told(filled))")
            let sandbox = try rig.context(dumps)
            let result = try rig.run(sandbox, deadline: 5_000_000_000)
            // Guests of a format of their own may store fewer.
            let count = subject.guests == nil ? GuestImage.dump.count : 384
            let dump = sandbox.read(sandbox.systemData &+ GuestImage.dump.begin, claiming: UInt64(count))
            rig.end(sandbox)
            try require(result.outcome == DN_RUN_EXITED, "a function that stores registers \(told(result))")
            try require(dump.status == DN_OK, "context_read of what it stored gave \(ABIName.status(dump.status))")
            let words = dump.bytes.withUnsafeBytes { bytes in
                (0..<count / 8).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
            }
            if let left = words.firstIndex(of: GuestImage.secret) {
                throw Violation(what: "\(GuestImage.register(at: left)) holds a value of the function before")
            }
        }
    },
]

extension ComputeRig {
    func transfer(_ target: Sandbox, _ to: UInt64, _ source: Sandbox, _ from: UInt64, _ length: UInt64) -> dn_status {
        var error = Self.error()
        return watch.call("context_transfer") {
            table.context_transfer?(target.handle, to, source.handle, from, length, &error) ?? DN_UNSUPPORTED
        }
    }
}

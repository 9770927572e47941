import Failure
import GuestLayout

/// The input is the guest's memory; the first byte chooses its word size and how many sets are registered.
@Sendable func fuzzOutputs(_ bytes: UnsafeRawBufferPointer) {
    guard let first = bytes.first, bytes.count > 80, let start = bytes.baseAddress else { return }
    let low: UInt64 = 0x1000
    // SAFETY: collecting only reads, and the input lives longer than this call.
    let base = UnsafeMutableRawPointer(mutating: start)
    let memory = GuestMemory(main: .init(base: base, low: low, high: low + UInt64(bytes.count)))
    let report = memory.report(entryBlock: low, pointerBytes: first & 1 == 0 ? 8 : 4, most: 100)
    expect(report.output.count <= 100 && report.error.count <= 100, "more than was asked for")
    let limits = GuestLimits(items: 1 << 16, bytes: 1 << 20)
    guard
        let outputs = try? memory.collect(
            systemData: low + 8, pointerBytes: first & 1 == 0 ? 8 : 4, outputCount: Int(first >> 1 & 3), limits: limits)
    else { return }
    var total = 0
    for view in outputs.sets.flatMap({ set in [set.ident] + set.items.flatMap { [$0.ident, $0.data] } }) {
        total += view.count
        guard let start = view.baseAddress, view.count > 0 else { continue }
        expect(start >= UnsafeRawPointer(base) && start + view.count <= base + bytes.count, "outside of the guest")
    }
    expect(total <= 1 << 20, "more than the limit")
}

import PluginABI
import PluginElf
import PluginKit

/// Where things are in a function's addresses, which its data capability covers from 0 to `size`:
///
///     0          stub         slot         lowest    limit      stackLow    size
///     | nothing  | exit code  | return pair | context | guard ... | stack     |
///
/// Images of the original system have the slot in their own data, need no stub, and may begin at 0.
struct ContextLayout: Equatable, Sendable {
    static let page: UInt64 = 4096
    /// Where images begin that leave by the exit address.
    static let lowest: dn_gaddr = 0x1_0000
    static let stub: dn_gaddr = 0xe000
    static let slot: dn_gaddr = 0xf000
    /// Accesses so far below the stack count as running out of it.
    static let stackGuard: UInt64 = 64 << 10
    /// Accesses at least so far behind the limit do not.
    static let limitGuard: UInt64 = 64 << 10

    /// End of image, inputs and heap.
    let limit: dn_gaddr
    let stackLow: dn_gaddr
    /// End of the stack and of everything; representable.
    let size: UInt64

    init(limit: UInt64, stackBytes: UInt64) {
        self.limit = limit & ~(Self.page - 1)
        size = Representable.bounds(self.limit + Self.limitGuard + Self.stackGuard + stackBytes).length
        stackLow = size - stackBytes
    }

    /// What is accessible before an image says more.
    var memory: [PageRange] {
        [
            PageRange(begin: 0, end: limit, rights: [.read, .write]),
            PageRange(begin: stackLow, end: size, rights: [.read, .write]),
        ]
    }

    /// `adr x8, slot; ldr c0, [x8]; ldpbr c29, [c0]`: what a function jumps to when it leaves.
    static let stubWords: [UInt32] = {
        let distance = UInt32(slot - stub)
        return [0x1000_0008 | (distance & 3) << 29 | (distance >> 2) << 5, 0xc240_0100, 0xc2c4_101d]
    }()
}

internal import CNghttp2
internal import CPlatform
internal import Failure
internal import Glibc
internal import Memory

/// What nghttp2 holds for one connection, counted by its allocations. It is charged in steps, after each turn: nghttp2's ways
/// out of an allocation that fails are hardly ever gone, so none is made to fail.
final class HTTP2Memory {
    private var bytes = 0
    private var charge: MemoryCharge

    /// A client whose connection needs more is up to no good: what a hundred streams of answers need is a fifth of it.
    private static let most = 1 << 20
    private static let step = 8 << 10

    init(_ account: MemoryAccount) { charge = MemoryCharge(account, .connections) }

    /// False when the connection holds more than it may, or connections together do.
    func settle() -> Bool {
        guard bytes <= Self.most else { return false }
        let wanted = (bytes + Self.step - 1) / Self.step * Self.step
        guard wanted > charge.bytes else {
            charge.shrink(to: wanted)
            return true
        }
        do throws(Failure) { try charge.grow(to: wanted) } catch { return false }
        return true
    }

    /// Allocation functions that count here; valid as long as this lives.
    var functions: nghttp2_mem {
        nghttp2_mem(
            mem_user_data: Unmanaged.passUnretained(self).toOpaque(),
            malloc: { count, memory in HTTP2Memory.of(memory)?.took(Glibc.malloc(count)) },
            free: { block, memory in
                HTTP2Memory.of(memory)?.gives(block)
                Glibc.free(block)
            },
            calloc: { count, size, memory in HTTP2Memory.of(memory)?.took(Glibc.calloc(count, size)) },
            realloc: { block, count, memory in
                let memory = HTTP2Memory.of(memory)
                let before = cp_block_size(block)
                // A block that could not grow stays, and stays counted.
                guard let larger = Glibc.realloc(block, count) else { return nil }
                memory?.bytes -= before
                return memory?.took(larger)
            })
    }

    private func took(_ block: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        bytes += cp_block_size(block)
        return block
    }

    private func gives(_ block: UnsafeMutableRawPointer?) { bytes -= cp_block_size(block) }

    private static func of(_ pointer: UnsafeMutableRawPointer?) -> HTTP2Memory? {
        // SAFETY: the user data is the object that made the functions, which the session that calls them keeps.
        pointer.map { Unmanaged<HTTP2Memory>.fromOpaque($0).takeUnretainedValue() }
    }
}

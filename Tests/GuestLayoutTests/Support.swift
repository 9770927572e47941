import Failure
import GuestLayout
import Items

/// Deterministic randomness (SplitMix64), so that a failing case can be run again.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// A guest's memory in the host, and what a function would do in it.
final class Guest {
    static let low: UInt64 = 0x10000
    let limit: UInt64
    let word: Int
    let bytes: UnsafeMutableRawBufferPointer
    let stack: UnsafeMutableRawBufferPointer
    static let stackLow: UInt64 = 0x7fff_0000
    static let system: UInt64 = 0x10010

    init(word: Int, size: Int = 0x4000) {
        self.word = word
        limit = Guest.low + UInt64(size)
        bytes = .allocate(byteCount: size, alignment: 4096)
        stack = .allocate(byteCount: 0x1000, alignment: 4096)
        _ = bytes.initializeMemory(as: UInt8.self, repeating: 0)
        _ = stack.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
        bytes.deallocate()
        stack.deallocate()
    }

    var memory: GuestMemory {
        guard let base = bytes.baseAddress, let stackBase = stack.baseAddress else { fatalError("allocated above") }
        return GuestMemory(
            main: .init(base: base, low: Guest.low, high: limit),
            stack: .init(base: stackBase, low: Guest.stackLow, high: Guest.stackLow + 0x1000))
    }

    func frame(system: UInt64? = Guest.system, dataBegin: UInt64 = 0x10100) -> GuestFrame {
        GuestFrame(
            pointerBytes: word, systemData: system, dataBegin: dataBegin, limit: limit, stackLow: Guest.stackLow,
            stackHigh: Guest.stackLow + 0x1000, exitAddress: 0x1234, realtime: 5, random: (6, 7, 8, 9), counterHz: 10,
            time: 11)
    }

    func place(
        _ inputs: [ItemSet], inputNames: [String], outputNames: [String], frame: GuestFrame? = nil,
        mapsFrom: Int = .max, map: (FilePart, Blob, UInt64) -> Bool = { _, _, _ in false }
    ) throws -> Placed {
        try memory.place(
            inputs: inputs, inputNames: inputNames.map { Blob($0) }, outputNames: outputNames.map { Blob($0) },
            frame: frame ?? self.frame(), mapsFrom: mapsFrom, map: map)
    }

    func load(_ address: UInt64, _ index: Int = 0) -> UInt64 {
        let at = Int(address - Guest.low) + index * word
        return word == 8
            ? bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            : UInt64(bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
    }

    func store(_ value: UInt64, _ address: UInt64, _ index: Int = 0) {
        let at = Int(address - Guest.low) + index * word
        if word == 8 {
            bytes.storeBytes(of: value, toByteOffset: at, as: UInt64.self)
        } else {
            bytes.storeBytes(of: UInt32(truncatingIfNeeded: value), toByteOffset: at, as: UInt32.self)
        }
    }

    func text(_ address: UInt64, _ count: UInt64) -> String {
        if count == 0 { return "" }
        return String(decoding: bytes[Int(address - Guest.low)..<Int(address - Guest.low + count)], as: UTF8.self)
    }

    /// Field `index` of the system data; 0 is the exit code.
    func system(_ index: Int) -> UInt64 { load(Guest.system, index) }

    /// The inputs as a function sees them: (name, [(ident, key, data)]).
    func inputs() -> [(String, [(String, UInt32, String)])] {
        let sets = system(4)
        let items = system(7)
        return (0..<Int(system(3))).map { set in
            let range = load(sets, set * 3 + 2)..<load(sets, set * 3 + 5)
            return (
                text(load(sets, set * 3), load(sets, set * 3 + 1)),
                range.map { item in
                    let item = Int(item) * 5
                    return (
                        text(load(items, item), load(items, item + 1)), UInt32(load(items, item + 4)),
                        text(load(items, item + 2), load(items, item + 3))
                    )
                }
            )
        }
    }

    /// Behaves like a function that passes its inputs on: set i to output i, for the first `count` sets.
    func passInputsOn(_ count: Int) {
        let inputs = system(4)
        let outputs = system(6)
        for set in 0...count { store(load(inputs, set * 3 + 2), outputs, set * 3 + 2) }
        store(system(7), Guest.system, 8)
        bytes.storeBytes(of: 0, toByteOffset: Int(Guest.system - Guest.low), as: Int32.self)
    }

    func collect(
        _ count: Int, limits: GuestLimits = GuestLimits(items: 1000, bytes: 1 << 20)
    ) throws(Failure) -> GuestOutputs {
        try memory.collect(systemData: Guest.system, pointerBytes: word, outputCount: count, limits: limits)
    }

    func refusal(_ count: Int, limits: GuestLimits = GuestLimits(items: 1000, bytes: 1 << 20)) -> Failure? {
        do throws(Failure) {
            _ = try collect(count, limits: limits)
            return nil
        } catch {
            return error
        }
    }
}

func item(_ ident: String, _ data: String, key: UInt32 = 0) -> Item {
    Item(ident: Blob(ident), key: key, data: Blob(data))
}

func set(_ items: Item...) -> ItemSet { ItemSet(name: .empty, items: items) }

/// SHA-256 (FIPS 180-4): names cached code by what it was made from.
struct Digest {
    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    private var block: [UInt8] = []
    private var length: UInt64 = 0

    /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
    private static let constants: [UInt32] = {
        var constants: [UInt32] = []
        var candidate: UInt64 = 2
        while constants.count < 64 {
            if (2..<candidate).allSatisfy({ candidate % $0 != 0 }) { constants.append(cubeRootFraction(candidate)) }
            candidate += 1
        }
        return constants
    }()

    /// floor(cuberoot(n) * 2^32) mod 2^32, by bisection in 128-bit integers.
    private static func cubeRootFraction(_ n: UInt64) -> UInt32 {
        var low: UInt128 = 0
        var high: UInt128 = 8 << 32
        while high - low > 1 {
            let middle = (low + high) / 2
            if middle * middle * middle <= UInt128(n) << 96 { low = middle } else { high = middle }
        }
        return UInt32(truncatingIfNeeded: low)
    }

    mutating func update(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            block.append(byte)
            length &+= 1
            if block.count == 64 { compress() }
        }
    }

    mutating func finish() -> String {
        let bits = length &* 8
        update(CollectionOfOne(0x80))
        while block.count != 56 { update(CollectionOfOne(0)) }
        update((0..<8).map { UInt8(truncatingIfNeeded: bits >> UInt64(56 - 8 * $0)) })
        return state.map { word in
            let hex = String(word, radix: 16)
            return String(repeating: "0", count: 8 - hex.count) + hex
        }.joined()
    }

    private mutating func compress() {
        var words = (0..<16).map { i in
            (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(block[4 * i + $1]) }
        }
        block.removeAll(keepingCapacity: true)
        func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }
        for i in 16..<64 {
            let (a, b) = (words[i - 15], words[i - 2])
            let first = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3
            let second = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10
            words.append(words[i - 16] &+ first &+ words[i - 7] &+ second)
        }
        var s = state
        for i in 0..<64 {
            let first = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)
            let choice = s[4] & s[5] ^ ~s[4] & s[6]
            let one = s[7] &+ first &+ choice &+ Self.constants[i] &+ words[i]
            let second = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)
            let majority = s[0] & s[1] ^ s[0] & s[2] ^ s[1] & s[2]
            s = [one &+ second &+ majority, s[0], s[1], s[2], s[3] &+ one, s[4], s[5], s[6]]
        }
        for i in 0..<8 { state[i] &+= s[i] }
    }
}

internal import Platform

/// Fresh random words for functions' seeds, drawn from the kernel 4 KiB at a time. One per thread.
struct RandomSource {
    private var words = [UInt64](repeating: 0, count: 512)
    private var used = 512

    mutating func next4() -> (UInt64, UInt64, UInt64, UInt64) {
        if used + 4 > words.count {
            words.withUnsafeMutableBytes { Entropy.fill($0) }
            used = 0
        }
        defer {
            for index in used..<used + 4 { words[index] = 0 }
            used += 4
        }
        return (words[used], words[used + 1], words[used + 2], words[used + 3])
    }
}

import Glibc

/// Whatever is drawn is drawn again with the same seed (SplitMix64).
struct Chance: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// From 0 to 1.
    mutating func fraction() -> Double { Double(next() >> 11) / Double(1 << 53) }
    mutating func exponential(mean: Double) -> Double { -mean * log(1 - fraction()) }
}

/// Functions of the Azure trace: how long they run, and how often they are asked for beside one another.
struct Trace {
    struct Function {
        /// Milliseconds at 0, 1, 25, 50, 75, 99 and 100 percent.
        var quantiles: [Double]
        var average: Double
    }

    private static let percents = [0.0, 1, 25, 50, 75, 99, 100]
    private(set) var functions: [Function] = []
    /// Rising to 1.
    private var shares: [Double] = []

    /// - Parameter longest: functions that take longer on average, s, are left out.
    init(folder: String, longest: Double) {
        var counts: [String: Double] = [:]
        for row in Self.rows("\(folder)/invocations.csv") {
            // Minutes follow owner, application, function and trigger.
            counts[row[2]] = row.dropFirst(4).reduce(0) { $0 + (Double($1) ?? 0) }
        }
        var sum = 0.0
        for row in Self.rows("\(folder)/durations.csv") {
            let average = Double(row[3]) ?? 0
            guard average > 0, average / 1000 <= longest, let count = counts[row[2]], count > 0 else { continue }
            functions.append(Function(quantiles: row.suffix(7).map { Double($0) ?? 0 }, average: average))
            sum += count
            shares.append(sum)
        }
        for index in shares.indices { shares[index] /= sum }
        guard !functions.isEmpty else {
            print("no functions in \(folder)")
            exit(1)
        }
    }

    func choose(_ chance: inout Chance) -> Int {
        let at = chance.fraction()
        return shares.firstIndex { $0 >= at } ?? functions.count - 1
    }

    /// Seconds.
    func duration(of function: Int, _ chance: inout Chance) -> Double {
        let quantiles = functions[function].quantiles
        let at = chance.fraction() * 100
        for index in 1..<quantiles.count where at <= Self.percents[index] {
            let (low, high) = (Self.percents[index - 1], Self.percents[index])
            let part = (at - low) / (high - low)
            return (quantiles[index - 1] + (quantiles[index] - quantiles[index - 1]) * part) / 1000
        }
        return quantiles[quantiles.count - 1] / 1000
    }

    private static func rows(_ path: String) -> [[String]] {
        guard let file = fopen(path, "r") else {
            print("\(path): \(String(cString: strerror(errno)))")
            exit(1)
        }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var size = 0
        defer { free(line) }
        var rows: [[String]] = []
        while getline(&line, &size, file) > 0, let text = line.map({ String(cString: $0) }) {
            rows.append(text.split(whereSeparator: { $0 == "," || $0.isNewline }).map(String.init))
        }
        return Array(rows.dropFirst())
    }
}

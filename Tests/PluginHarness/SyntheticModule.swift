/// Modules in the original's raw form, written byte by byte.
public enum SyntheticModule {
    private static func number(_ value: Int) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7f) | 0x80] + number(value >> 7)
    }

    private static func constant(_ value: Int) -> [UInt8] {
        var (bytes, rest): ([UInt8], Int) = ([0x41], value)
        while !(-64..<64).contains(rest) {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest & 0x7f)]
    }

    private static func section(_ id: UInt8, _ bytes: [UInt8]) -> [UInt8] { [id] + number(bytes.count) + bytes }

    private static func export(_ name: String, _ kind: UInt8, _ index: Int) -> [UInt8] {
        number(name.utf8.count) + Array(name.utf8) + [kind] + number(index)
    }

    private static func body(_ code: [UInt8]) -> [UInt8] { number(code.count + 2) + [0] + code + [0x0b] }

    /// `functions` functions of about 11 bytes for each of their `steps`, which the constant `seed` tells from others of the
    /// same size. Each calls the next. `_start` calls the first and exits with the lowest 7 bits of what the last gives.
    public static func chain(_ functions: Int, steps: Int = 10, seed: Int = 1) -> [UInt8] {
        let bodies = (0..<functions).flatMap { index -> [UInt8] in
            let code = (0..<steps).flatMap { step -> [UInt8] in
                [0x20, 0] + constant((seed + index * 7 + step) % 8000 + 64) + [0x6c]
                    + constant((step * 31 + index) % 8000 + 64) + [0x73, 0x21, 0]
            }
            return body(code + [0x20, 0] + (index + 1 < functions ? [0x10] + number(index + 1) : []))
        }
        return module(
            functions, bodies,
            start: constant(0) + constant(seed) + [0x10, 0] + constant(127) + [0x71, 0x36, 2]
                + number(system))
    }

    /// What `chain` exits with.
    public static func chainResult(_ functions: Int, steps: Int = 10, seed: Int = 1) -> Int32 {
        var value = Int32(seed)
        for index in 0..<functions {
            for step in 0..<steps {
                value &*= Int32((seed + index * 7 + step) % 8000 + 64)
                value ^= Int32((step * 31 + index) % 8000 + 64)
            }
        }
        return value & 127
    }

    /// One function with `branches` branches one after another, each of which depends on memory: hard to compile.
    public static func thicket(_ branches: Int) -> [UInt8] {
        let code = (0..<branches).flatMap { index -> [UInt8] in
            let address = constant(index * 4 % 60000)
            return address + [0x20, 0] + [0x28, 2, 0, 0x04, 0x7f] + [0x20, 0] + constant(index) + [0x6c, 0x05]
                + address + [0x28, 2, 0, 0x0b, 0x22, 0, 0x36, 2, 0]
        }
        return module(1, body(code + [0x20, 0]), start: constant(7) + [0x10, 0, 0x1a])
    }

    /// `count` tables of so many functions, none of which is there. It exits with 0.
    public static func tables(_ count: Int, of size: Int) -> [UInt8] {
        let table: [UInt8] = [0x70, 0] + number(size)
        let all = [[UInt8]](repeating: table, count: count).flatMap { $0 }
        return module(0, [], start: exit, before: section(4, number(count) + all))
    }

    /// `count` blocks one after another, each with a thousand parameters and results: three bytes that move two thousand values.
    public static func blocks(_ count: Int) -> [UInt8] {
        let values = number(1000) + [UInt8](repeating: 0x7f, count: 1000)
        let code =
            (0..<1000).flatMap { _ in [0x41, 0] as [UInt8] } + (0..<count).flatMap { _ in [0x02, 2, 0x0b] as [UInt8] }
        return module(
            0, [], start: code + [UInt8](repeating: 0x1a, count: 1000) + exit, types: [[0x60] + values + values])
    }

    /// A jump by a table of `count` places; `seed` makes it another module.
    public static func jumps(_ count: Int, seed: Int) -> [UInt8] {
        let places = (0..<count).map { UInt8($0 & 1) }
        return module(
            0, [],
            start: [0x02, 0x40, 0x02, 0x40] + constant(seed) + [0x0e] + number(count) + places + [0, 0x0b, 0x0b] + exit)
    }

    private static let exit = constant(system) + constant(0) + [0x36, 2, 0]

    /// Where the system data lies.
    private static let system = 65000

    /// - Parameters:
    ///   - types: beside the first two.
    ///   - before: sections that stand before that of the memory.
    private static func module(
        _ functions: Int, _ bodies: [UInt8], start: [UInt8], types: [[UInt8]] = [], before: [UInt8] = []
    ) -> [UInt8] {
        let allTypes = number(2 + types.count) + [0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 0] + types.flatMap { $0 }
        return [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0] + section(1, allTypes)
            + section(3, number(functions + 1) + [UInt8](repeating: 0, count: functions) + [1]) + before
            + section(5, [1, 0, 1]) + section(6, [1, 0x7f, 0] + constant(system) + [0x0b])
            + section(7, [2] + export("_start", 0, functions) + export("__dandelion_system_data", 3, 0))
            + section(10, number(functions + 1) + bodies + body(start))
    }
}

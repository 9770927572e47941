import Testing

@testable import Registry

@Suite struct NameIndexTests {
    private func name(_ number: Int) -> String { String(1_000_000 + number) }

    @Test func behavesAsASortedList() {
        var index = NameIndex()
        var model: Set<String> = []
        var random = SystemRandomNumberGenerator()
        for round in 0..<6000 {
            let name = name(Int.random(in: 0..<3000, using: &random))
            if model.contains(name) {
                model.remove(name)
                index.remove(name)
            } else {
                model.insert(name)
                index.insert(name)
            }
            guard round % 500 == 0 else { continue }
            let sorted = model.sorted()
            #expect(index.names(after: nil, limit: .max) == sorted)
            for start in [self.name(0), self.name(1500), self.name(2999), "", "zzz"] {
                #expect(index.names(after: start, limit: 7) == Array(sorted.filter { $0 > start }.prefix(7)))
                let near = index.names(near: start, limit: 3)
                #expect(near == Array(sorted.filter { $0 < start }.suffix(3) + sorted.filter { $0 >= start }.prefix(3)))
            }
        }
        for name in model { index.remove(name) }
        #expect(index.names(after: nil, limit: 1).isEmpty && index.names(near: "a", limit: 1).isEmpty)
        index.remove("absent")
    }

    /// As many functions as a node has had; a page must not look at all of them.
    @Test func aPageOfManyIsQuick() {
        var index = NameIndex()
        for number in 0..<225_000 { index.insert(name((number &* 7919) % 225_000)) }
        let clock = ContinuousClock()
        let took = clock.measure {
            for number in 0..<100 {
                #expect(index.names(after: name(number * 2000), limit: 100).first == name(number * 2000 + 1))
            }
        }
        #expect(took < .milliseconds(500))
    }
}

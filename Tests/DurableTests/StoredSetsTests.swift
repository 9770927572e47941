import Durable
import Failure
import Items
import Memory
import Testing

@Suite struct StoredSetsTests {
    private let account = MemoryBudget().own

    private func sets() -> [ItemSet] {
        [
            ItemSet(
                name: Blob("a"),
                items: [Item(ident: Blob("x"), key: 7, data: Blob("one")), Item(ident: .empty, data: .empty)]),
            ItemSet(name: .empty),
            ItemSet(
                name: Blob("c"),
                items: [Item(ident: Blob("y"), key: .max, data: Blob([UInt8](repeating: 9, count: 5000)))]),
        ]
    }

    @Test func whatIsKeptComesBack() throws {
        let kept = try StoredSets.encode(sets(), limit: 1 << 20, account)
        #expect(kept.count == StoredSets.size(of: sets()))
        let read = try StoredSets.decode(kept)
        #expect(read.map(\.name.text) == ["a", "", "c"])
        #expect(read[0].items.map(\.key) == [7, 0] && read[0].items.map(\.data.text) == ["one", ""])
        #expect(read[2].items[0].data.array == [UInt8](repeating: 9, count: 5000) && read[2].items[0].key == .max)
    }

    @Test func whatIsTooLargeIsRefused() {
        #expect(throws: Failure.self) { try StoredSets.encode(sets(), limit: 5000, account) }
    }

    /// A disk may give other bytes than it took.
    @Test func damageIsSeen() throws {
        let kept = try StoredSets.encode(sets(), limit: 1 << 20, account).array
        for place in stride(from: 0, to: kept.count, by: 13) {
            var bytes = kept
            bytes[place] ^= 1 << UInt8(place % 8)
            #expect(throws: Failure.self, "byte \(place)") { try StoredSets.decode(Blob(bytes)) }
        }
        for count in [0, 1, 8, 15, 16, kept.count - 1] {
            #expect(throws: Failure.self, "\(count) bytes") { try StoredSets.decode(Blob(Array(kept.prefix(count)))) }
        }
    }
}

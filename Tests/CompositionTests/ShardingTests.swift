@testable import Composition
import Failure
import Testing
import Values

@Suite struct ShardingTests {
    @Test func keyedGroupsOverTheWholeSet() throws {
        let sets = [TestSet(keys: [1, 0, 1])]
        #expect(try instances(call([(.keyed, false)]), sets).rows(sets) == [[[1]], [[0, 2]]])
    }

    @Test func eachAndAllMultiply() throws {
        let sets = [TestSet(keys: [7, 7]), TestSet(keys: [1, 2, 3]), TestSet(keys: [5, 4])]
        let rows = try instances(call([(.each, false), (.all, false), (.keyed, false)]), sets).rows(sets)
        #expect(
            rows == [
                [[0], [0, 1, 2], [1]], [[0], [0, 1, 2], [0]], [[1], [0, 1, 2], [1]], [[1], [0, 1, 2], [0]],
            ])
    }

    @Test func emptySets() throws {
        let empty = TestSet([])
        let some = TestSet(keys: [1, 2])
        #expect(try instances(call([(.all, false)]), [empty]).count == 0)
        #expect(try instances(call([(.each, false), (.all, true)]), [empty, some]).count == 0)
        #expect(try instances(call([(.all, true)]), [empty]).count == 1)
        #expect(
            try instances(call([(.each, true), (.keyed, true)]), [empty, empty]).rows([empty, empty]) == [[[], []]])
        #expect(
            try instances(call([(.each, true), (.each, false)]), [empty, some]).rows([empty, some]) == [
                [[], [0]], [[], [1]],
            ])
        #expect(try instances(call([nil, nil]), [nil, nil]).rows([nil, nil]) == [[[], []]])
        #expect(
            try instances(call([nil, (.each, false)]), [nil, some]).rows([nil, some]) == [[[], [0]], [[], [1]]])
    }

    @Test(arguments: [
        (JoinKind.inner, [[[1, 2], [0]]]),
        (.left, [[[0], []], [[1, 2], [0]]]),
        (.right, [[[1, 2], [0]], [[], [1]]]),
        (.full, [[[0], []], [[1, 2], [0]], [[], [1]]]),
    ])
    func joinsPassEmptySetsForMissingKeys(kind: JoinKind, expected: [Row]) throws {
        let sets = [TestSet(keys: [1, 2, 2]), TestSet(keys: [2, 3])]
        let joined = Dimension(parameters: [0, 1], joins: [kind], isAny: false)
        #expect(try instances(call([(.keyed, false), (.keyed, false)], joined: [joined]), sets).rows(sets) == expected)
    }

    @Test func aMatchThatAnEarlierJoinDroppedStaysDropped() throws {
        // Key 1 is in a and c but not in b: (a inner b) has no row of it, so the full join gives c alone.
        let sets = [TestSet(keys: [1]), TestSet(keys: [2]), TestSet(keys: [1])]
        let joined = Dimension(parameters: [0, 1, 2], joins: [.inner, .full], isAny: false)
        let keyed = [(Sharding.keyed, optional: false)]
        #expect(try instances(call(keyed + keyed + keyed, joined: [joined]), sets).rows(sets) == [[[], [], [0]]])
    }

    @Test func matchesTheRelationalModel() throws {
        var random = Seeded(state: 1)
        for _ in 0..<3000 {
            let (call, sets) = randomCall(&random)
            #expect(try instances(call, sets).rows(sets) == RelationalModel.rows(call, sets), "\(call) \(sets)")
        }
    }

    @Test func mergedPartsHoldTheRowsOfTheModel() throws {
        var random = Seeded(state: 2)
        for _ in 0..<1500 {
            var (call, sets) = randomCall(&random)
            let full = RelationalModel.rows(call, sets)
            for index in call.dimensions.indices {
                call.dimensions[index].isAny = Bool.random(using: &random)
            }
            let modes: [PartitionMode] = [.fixed(.random(in: 1...5, using: &random)), .auto(2), .max]
            let policy = PartitionPolicy(
                mode: modes.randomElement(using: &random) ?? .max, localCores: .random(in: 1...4, using: &random),
                minSetBytes: (0..<Int.random(in: 0...4, using: &random)).map { _ in .random(in: 0...40, using: &random)
                })
            let merged = try instances(call, sets, policy)
            #expect(merged.count <= full.count)
            // Along each dimension, merging loses, repeats and reorders nothing.
            for parameter in sets.indices {
                let parts = Set(merged.rows(sets).map { $0[parameter] })
                let rows = Set(full.map { $0[parameter] })
                #expect(Set(parts.joined()) == Set(rows.joined()))
                #expect(rows.allSatisfy { row in row.isEmpty || parts.contains { Set(row).isSubset(of: $0) } })
            }
            let single = call.dimensions.filter { $0.parameters.count == 1 && $0.isAny }
            for parameter in single.compactMap(\.parameters.first) {
                let parts = Set(merged.rows(sets).map { $0[parameter] })
                #expect(parts.reduce(0) { $0 + $1.count } == (merged.count == 0 ? 0 : sets[parameter]?.count))
            }
        }
    }

    @Test func fixedPartitionsAreEven() throws {
        let sets = [TestSet(keys: Array(0..<10))]
        let rows = try instances(call([(.anyEach, false)]), sets, PartitionPolicy(mode: .fixed(3))).rows(sets)
        #expect(rows == [[[0, 1, 2, 3]], [[4, 5, 6]], [[7, 8, 9]]])
        let few = try instances(call([(.anyEach, false)]), sets, PartitionPolicy(mode: .fixed(.max)))
        #expect(few.count == 10)
    }

    @Test func whatIsFixedCountsTowardsTheTarget() throws {
        let sets = [TestSet(keys: [0, 1]), TestSet(keys: Array(0..<12)), TestSet(keys: [3, 2, 1])]
        let shape = call([(.each, false), (.anyKeyed, false), (.anyEach, false)])
        // 8 wanted, 2 are there by `each`: 4 parts of the 12 keys, which divide evenly; the other set stays whole.
        let rows = try instances(shape, sets, PartitionPolicy(mode: .fixed(8))).rows(sets)
        #expect(rows.count == 8)
        #expect(rows[0] == [[0], [0, 1, 2], [0, 1, 2]])
        #expect(rows[7] == [[1], [9, 10, 11], [0, 1, 2]])
    }

    @Test func autoLooksAtSizes() throws {
        let small = [TestSet((0..<10).map { (UInt32($0), 1) })]
        let large = [TestSet((0..<10).map { (UInt32($0), 1000) })]
        let unknown = [TestSet((0..<10).map { (UInt32($0), 0) })]
        let policy = PartitionPolicy(mode: .auto(2), localCores: 2, remoteCores: 3, minSetBytes: [100])
        let shape = call([(.anyEach, false)])
        // 10 <= 2 * 100 * 2: the local cores, but no part below 100 bytes.
        #expect(try instances(shape, small, policy).count == 1)
        #expect(try instances(shape, large, policy).count == 5)
        #expect(try instances(shape, unknown, policy).count == 10)
    }

    @Test func leastBytesBelongToTheParameterNotToItsPlaceInTheJoin() throws {
        let sets = [TestSet((0..<4).map { (UInt32($0), 10) }), TestSet((0..<4).map { (UInt32($0), 100) })]
        let joined = Dimension(parameters: [1, 0], joins: [.inner], isAny: true)
        let shape = call([(.anyKeyed, false), (.anyKeyed, false)], joined: [joined])
        let policy = PartitionPolicy(mode: .fixed(4), minSetBytes: [1_000_000, 200])
        #expect(try instances(shape, sets, policy).rows(sets) == [[[0, 1], [0, 1]], [[2, 3], [2, 3]]])
    }

    @Test func partsBySizeFillUp() {
        #expect(partsBySize([1, 50, 1, 50, 1], into: 3, atLeast: 1) == [[0, 2, 4], [1], [3]])
        #expect(partsBySize([10, 10, 10], into: 3, atLeast: 25) == [[0, 1, 2]])
        #expect(partsBySize([5], into: 1, atLeast: 100) == [[0]])
        #expect(partsBySize([], into: 1, atLeast: 1) == [])
    }

    @Test func tooManyInstancesAreRefused() throws {
        let sets = [TestSet(keys: Array(0..<2000)), TestSet(keys: Array(0..<2000))]
        #expect(throws: Failure.self) { try instances(call([(.each, false), (.each, false)]), sets) }
        // An empty join leaves nothing to refuse.
        let joined = Dimension(parameters: [2, 3], joins: [.inner], isAny: false)
        let four = sets + [TestSet(keys: [1]), TestSet(keys: [2])]
        let each = [(Sharding.each, optional: false)]
        let keyed = [(Sharding.keyed, optional: false)]
        #expect(try instances(call(each + each + keyed + keyed, joined: [joined]), four).count == 0)
    }

    @Test func keyOrderIsStable() {
        let keys: [UInt32] = [3, 1, 3, 0, 1]
        #expect(keyOrder(count: 5) { keys[$0] } == [3, 1, 4, 0, 2])
        #expect(keyOrder(count: 3) { [0, 0, 7][$0] } == nil)
        #expect(keyOrder(count: 0) { _ in 0 } == nil)
    }

    @Test func aHundredThousandItems() throws {
        let sets = [TestSet((0..<100_000).map { (UInt32($0 % 1000), 8) })]
        let clock = ContinuousClock()
        let taken = try clock.measure {
            let keyed = try instances(call([(.keyed, false)]), sets)
            #expect(keyed.count == 1000)
            guard case .items(let items) = keyed.selection(instance: 999, parameter: 0) else {
                Issue.record("no items")
                return
            }
            #expect(items.count == 100 && items.first == 999)
        }
        // Generous: an unoptimised build on a busy machine takes about a tenth of this.
        #expect(taken < .seconds(5))
    }

    private func randomCall(_ random: inout Seeded) -> (Call, [TestSet?]) {
        let count = Int.random(in: 1...4, using: &random)
        let shardings: [Sharding] = [.all, .each, .keyed, .keyed, .keyed]
        let bindings = (0..<count).map { _ -> (Sharding, optional: Bool)? in
            if Int.random(in: 0..<10, using: &random) == 0 { return nil }
            return (shardings.randomElement(using: &random) ?? .all, Bool.random(using: &random))
        }
        let sets = bindings.map { binding -> TestSet? in
            if binding == nil { return nil }
            return TestSet(
                (0..<Int.random(in: 0...5, using: &random)).map { _ in
                    (.random(in: 0...3, using: &random), .random(in: 1...30, using: &random))
                })
        }
        let keyed = bindings.indices.filter { bindings[$0]?.0 == .keyed }.shuffled(using: &random)
        let chain = Array(keyed.prefix(Int.random(in: 0...3, using: &random)))
        guard chain.count > 1 else { return (call(bindings), sets) }
        let joins = chain.dropFirst().map { _ in JoinKind.allCases.randomElement(using: &random) ?? .inner }
        return (call(bindings, joined: [Dimension(parameters: chain, joins: joins, isAny: false)]), sets)
    }
}

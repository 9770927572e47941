import Fleet
import Testing

/// Where a request runs, by what is known.
@Suite struct PolicyTests {
    private let policy = RoutingPolicy(cost: 1_000, percent: 50)
    private func first(_ count: Int) -> Int { 0 }

    @Test func whoeverHasRoomRunsItself() {
        let idle = RoutingPolicy.Peer(wait: 0)
        #expect(policy.place(wait: 0, peers: [idle, idle], random: first) == .here)
        #expect(policy.place(wait: 1_000, peers: [idle, idle], random: first) == .here)
    }

    @Test func whoeverIsFullPassesOnToTheLessLoadedOfTwo() {
        let (busy, idle) = (RoutingPolicy.Peer(wait: 400_000), RoutingPolicy.Peer(wait: 0))
        #expect(policy.place(wait: 1_000_000, peers: [busy, idle], random: first) == .peer(1))
        #expect(policy.place(wait: 1_000_000, peers: [idle, busy], random: first) == .peer(0))
        // Among those that wait for work, chance decides.
        #expect(policy.place(wait: 1_000_000, peers: [busy, idle, busy, idle], random: { $0 - 1 }) == .peer(3))
        // What was sent there already counts.
        let pledged = RoutingPolicy.Peer(wait: 0, pledged: 450_000)
        #expect(policy.place(wait: 1_000_000, peers: [pledged, busy], random: first) == .peer(1))
    }

    @Test func nothingGoesWhereItGainsLittle() {
        let peer = RoutingPolicy.Peer(wait: 499_500)
        #expect(policy.place(wait: 1_000_000, peers: [peer], random: first) == .here)
        #expect(policy.place(wait: 1_002_000, peers: [peer], random: first) == .peer(0))
    }

    @Test func nothingGoesToWhomCannotTakeIt() {
        let gone = RoutingPolicy.Peer(wait: 0, takes: false)
        let empty = RoutingPolicy.Peer(wait: 0, hasIt: false)
        #expect(policy.place(wait: 1_000_000, peers: [gone, empty], random: first) == .here)
        #expect(policy.place(wait: nil, peers: [gone, empty], random: first) == .here)
    }

    @Test func whatCannotRunHereGoesToWhoeverHasIt() {
        let peers = [RoutingPolicy.Peer(wait: .max / 8), RoutingPolicy.Peer(wait: 0, hasIt: false)]
        #expect(policy.place(wait: nil, peers: peers, random: first) == .peer(0))
    }

    /// Whatever is told, nobody is chosen who takes nothing, and arithmetic ends well.
    @Test func anyNumbersWillDo() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let numbers: [UInt64] = [0, 1, 999, 1_000_000, .max / 2, .max - 1, .max]
            let peers = (0..<Int.random(in: 0...5, using: &random)).map { _ in
                RoutingPolicy.Peer(
                    wait: numbers.randomElement() ?? 0, pledged: numbers.randomElement() ?? 0, takes: .random(),
                    hasIt: .random())
            }
            let place = policy.place(wait: numbers.randomElement(), peers: peers) { .random(in: 0..<$0) }
            if case .peer(let index) = place { #expect(peers[index].takes && peers[index].hasIt) }
        }
    }
}

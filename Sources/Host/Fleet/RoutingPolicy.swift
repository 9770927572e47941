/// Where a request runs: at the node that it came to, or, once, at another. A function of what is known and of chance, so that
/// the simulation (`Benchmarks/fleet`) runs the same.
public struct RoutingPolicy: Sendable {
    /// What another node must save a request, ns, before it is worth the way there and back.
    public var cost: UInt64
    /// How much shorter the wait there must be than the wait here, in percent: what is known of others is a moment old.
    public var percent: UInt64

    public init(cost: UInt64 = 1_000_000, percent: UInt64 = 50) {
        self.cost = cost
        self.percent = percent
    }

    /// What is known of another node.
    public struct Peer: Sendable {
        /// How long a request that comes there waits for an engine, ns, as it said last.
        public var wait: UInt64
        /// Requests that it was sent from here since, each with its usual time, ns, over its engines.
        public var pledged: UInt64
        /// It takes requests: it is neither draining nor silent, and has not just failed.
        public var takes: Bool
        /// It has what the request asks for.
        public var hasIt: Bool

        public init(wait: UInt64, pledged: UInt64 = 0, takes: Bool = true, hasIt: Bool = true) {
            self.wait = wait
            self.pledged = pledged
            self.takes = takes
            self.hasIt = hasIt
        }

        var estimate: UInt64 { wait &+ pledged }
    }

    public enum Place: Equatable, Sendable {
        case here
        /// By index.
        case peer(Int)
    }

    /// One of those that wait for work, taken by chance; where there is none, of two candidates taken by chance the one with less
    /// to do. Whoever took the best of all would send all requests to the same node, since all know of it.
    /// - Parameters:
    ///   - wait: how long the request would wait here, ns; nil: it cannot run here.
    ///   - random: gives a number below its argument.
    public func place(wait: UInt64?, peers: [Peer], random: (Int) -> Int) -> Place {
        if let wait, wait <= cost { return .here }
        let candidates = peers.indices.filter { peers[$0].takes && peers[$0].hasIt }
        guard !candidates.isEmpty else { return .here }
        let idle = candidates.filter { peers[$0].estimate <= cost }
        let best =
            idle.isEmpty ? lessLoaded(of: candidates, peers, random) : idle[random(idle.count)]
        guard let wait else { return .peer(best) }
        let there = peers[best].estimate &+ cost
        let (allowed, overflow) = wait.multipliedReportingOverflow(by: percent)
        return there < (overflow ? wait : allowed / 100) ? .peer(best) : .here
    }

    /// Of two by chance.
    private func lessLoaded(of candidates: [Int], _ peers: [Peer], _ random: (Int) -> Int) -> Int {
        let first = random(candidates.count)
        guard candidates.count > 1 else { return candidates[first] }
        let second = candidates[(first + 1 + random(candidates.count - 1)) % candidates.count]
        return peers[second].estimate < peers[candidates[first]].estimate ? second : candidates[first]
    }
}

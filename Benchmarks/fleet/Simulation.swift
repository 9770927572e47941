/// How requests come to be where they run.
enum Strategy: String, CaseIterable {
    /// The nodes' own policy.
    case fleet
    /// Where it came.
    case random
    /// A balancer before the nodes that counts.
    case roundRobin = "round robin"
    /// One queue for all engines, without any cost: what no real one can be better than.
    case central = "central queue"
}

struct Setup {
    var nodes = 10
    /// Of each node.
    var engines = 4
    /// Of all engines' time.
    var load = 0.7
    /// Half of the requests come to this part of the nodes; 1: all alike.
    var hot = 1.0
    /// The rate is this many times as high for a second in every ten, and lower in the others.
    var burst = 1.0
    var requests = 100_000
    /// One way between two nodes, with taking it apart and putting it together, s.
    var hop = 0.0003
    /// How long news of a node take to get to the others, s.
    var delay = 0.002
    var seed: UInt64 = 1
}

struct Figures {
    var p50 = 0.0
    var p99 = 0.0
    var mean = 0.0
    /// Of the engines' time from the first arrival to the last.
    var utilisation = 0.0
    var passedOn = 0.0
}

/// Engines that take requests in the order in which they came, as events in a heap. Times are seconds.
struct Simulation {
    private struct Node {
        var busy = 0
        var queue: [Int] = []
        var first = 0
        /// What waits, by what functions usually take.
        var work = 0.0
        /// What it has told the others, and what they know.
        var told = 0.0
        var toldAt = -1.0
        var known = 0.0
    }

    private struct Request {
        var function: Int
        var duration: Double
        var came: Double
        var from: Int
        var node = 0
        /// When an engine took it, less all that was on the way.
        var waited = 0.0
    }

    private enum Event {
        case arrives(Int), getsThere(Int), ends(Int), answers(Int), isKnown(Int, Double)
    }

    private let setup: Setup
    private let strategy: Strategy
    private let trace: Trace
    private let policy = RoutingPolicy()
    /// Average of a request, s, as a node measures it.
    private let usual: Double
    private var chance: Chance
    private var nodes: [Node]
    private var requests: [Request] = []
    private var events = Heap<Event>()
    private var busyTime = 0.0
    private var passedOn = 0
    private var next = 0
    /// By node and other node: requests sent there and not answered, and what an answer said last.
    private var pledged: [Int32]
    private var heard: [Float]

    init(_ setup: Setup, _ strategy: Strategy, _ trace: Trace) {
        (self.setup, self.strategy, self.trace) = (setup, strategy, trace)
        chance = Chance(state: setup.seed)
        usual = trace.functions.reduce(0) { $0 + $1.average } / Double(trace.functions.count) / 1000
        let count = strategy == .central ? 1 : setup.nodes
        nodes = Array(repeating: Node(), count: count)
        let pairs = strategy == .fleet ? count * count : 0
        pledged = Array(repeating: 0, count: pairs)
        heard = Array(repeating: -1, count: pairs)
    }

    private var engines: Int { strategy == .central ? setup.engines * setup.nodes : setup.engines }

    mutating func run() -> Figures {
        makeRequests()
        let last = requests.last?.came ?? 0
        for index in requests.indices { events.push(requests[index].came, .arrives(index)) }
        while let (now, event) = events.pop() { handle(event, now) }
        var waits = requests.map { $0.waited }
        waits.sort()
        func quantile(_ part: Double) -> Double { waits[min(waits.count - 1, Int(part * Double(waits.count)))] }
        return Figures(
            p50: quantile(0.5), p99: quantile(0.99), mean: waits.reduce(0, +) / Double(waits.count),
            utilisation: busyTime / (last * Double(setup.nodes * setup.engines)),
            passedOn: Double(passedOn) / Double(requests.count))
    }

    private mutating func makeRequests() {
        var functions: [(Int, Double)] = []
        var sum = 0.0
        for _ in 0..<setup.requests {
            let function = trace.choose(&chance)
            let duration = trace.duration(of: function, &chance)
            functions.append((function, duration))
            sum += duration
        }
        let gap = sum / Double(setup.requests) / (Double(setup.nodes * setup.engines) * setup.load)
        let slow = (10 - setup.burst) / 9
        var now = 0.0
        let hotNodes = max(1, Int(Double(setup.nodes) * setup.hot))
        for (function, duration) in functions {
            let rate = setup.burst == 1 ? 1 : now.truncatingRemainder(dividingBy: 10) < 1 ? setup.burst : slow
            now += chance.exponential(mean: gap / rate)
            let isHot = setup.hot < 1 && chance.fraction() < 0.5
            let from = Int.random(in: 0..<(isHot ? hotNodes : setup.nodes), using: &chance)
            requests.append(Request(function: function, duration: duration, came: now, from: from))
        }
    }

    private mutating func handle(_ event: Event, _ now: Double) {
        switch event {
        case .arrives(let request): arrive(request, now)
        case .getsThere(let request): take(request, now)
        case .ends(let request): end(request, now)
        case .answers(let request):
            let (from, node) = (requests[request].from, requests[request].node)
            pledged[from * nodes.count + node] -= 1
            heard[from * nodes.count + node] = Float(wait(at: node))
        case .isKnown(let node, let wait):
            nodes[node].known = wait
            for from in nodes.indices { heard[from * nodes.count + node] = -1 }
        }
    }

    private mutating func arrive(_ request: Int, _ now: Double) {
        let from = requests[request].from
        var node = from
        switch strategy {
        case .central: node = 0
        case .random: break
        case .roundRobin:
            node = next
            next = (next + 1) % nodes.count
        case .fleet: node = place(from)
        }
        requests[request].node = node
        guard strategy == .fleet, node != from else { return take(request, now) }
        passedOn += 1
        pledged[from * nodes.count + node] += 1
        events.push(now + setup.hop, .getsThere(request))
    }

    /// How long a request that comes now waits, by what functions usually take, as a node counts it: until an engine is free,
    /// and for those that came before.
    private func wait(at node: Int) -> Double {
        nodes[node].busy < engines ? 0 : (nodes[node].work + usual) / Double(engines)
    }

    private mutating func place(_ from: Int) -> Int {
        let here = UInt64(wait(at: from) * 1e9)
        if here <= policy.cost { return from }
        var peers: [RoutingPolicy.Peer] = []
        peers.reserveCapacity(nodes.count)
        for node in nodes.indices where node != from {
            let pair = from * nodes.count + node
            let known = heard[pair] >= 0 ? Double(heard[pair]) : nodes[node].known
            let pledge = Double(pledged[pair]) * usual / Double(engines)
            peers.append(RoutingPolicy.Peer(wait: UInt64(known * 1e9), pledged: UInt64(pledge * 1e9)))
        }
        switch policy.place(wait: here, peers: peers, random: { Int.random(in: 0..<$0, using: &chance) }) {
        case .here: return from
        case .peer(let index): return index < from ? index : index + 1
        }
    }

    private mutating func take(_ request: Int, _ now: Double) {
        let node = requests[request].node
        if nodes[node].busy < engines {
            nodes[node].busy += 1
            begin(request, now)
        } else {
            nodes[node].queue.append(request)
            nodes[node].work += trace.functions[requests[request].function].average / 1000
        }
        tell(node, now)
    }

    private mutating func begin(_ request: Int, _ now: Double) {
        requests[request].waited = now - requests[request].came
        busyTime += requests[request].duration
        events.push(now + requests[request].duration, .ends(request))
    }

    private mutating func end(_ request: Int, _ now: Double) {
        let node = requests[request].node
        if nodes[node].first < nodes[node].queue.count {
            let waiting = nodes[node].queue[nodes[node].first]
            nodes[node].first += 1
            nodes[node].work -= trace.functions[requests[waiting].function].average / 1000
            begin(waiting, now)
        } else {
            nodes[node].busy -= 1
        }
        if strategy == .fleet, node != requests[request].from { events.push(now + setup.hop, .answers(request)) }
        tell(node, now)
    }

    /// As a node does: when the wait has changed by half and 5 ms, ten times a second at most.
    private mutating func tell(_ node: Int, _ now: Double) {
        guard strategy == .fleet, now - nodes[node].toldAt >= 0.1 else { return }
        let (told, wait) = (nodes[node].told, wait(at: node))
        let (low, high) = (min(told, wait), max(told, wait))
        guard high > 0.005, high / 2 > low || now - nodes[node].toldAt >= 5.0 / 3 else { return }
        (nodes[node].told, nodes[node].toldAt) = (wait, now)
        events.push(now + setup.delay, .isKnown(node, wait))
    }
}

/// Events by their time.
struct Heap<Element> {
    private var entries: [(time: Double, element: Element)] = []

    mutating func push(_ time: Double, _ element: Element) {
        entries.append((time, element))
        var at = entries.count - 1
        while at > 0, entries[(at - 1) / 2].time > entries[at].time {
            entries.swapAt(at, (at - 1) / 2)
            at = (at - 1) / 2
        }
    }

    mutating func pop() -> (Double, Element)? {
        guard let first = entries.first, let last = entries.popLast() else { return nil }
        guard !entries.isEmpty else { return first }
        entries[0] = last
        var at = 0
        while true {
            var least = at
            for child in [2 * at + 1, 2 * at + 2]
            where child < entries.count && entries[child].time < entries[least].time { least = child }
            guard least != at else { return first }
            entries.swapAt(at, least)
            at = least
        }
    }
}

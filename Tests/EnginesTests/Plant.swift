import Config
import Engines

/// A node as the controller sees it: requests that need some communication first, then some computing.
///
/// Time is counted in control intervals, cost in core intervals.
struct Plant {
    struct Load {
        /// Requests in one interval, on average.
        var rate: Double
        /// Cost of one request.
        var communication: Double
        var compute: Double

        /// A load that takes a share of all cores, of which a part is communication. `cost`: of one request.
        static func share(_ share: Double, of cores: Int, communicating part: Double, cost: Double = 0.02) -> Load {
            Load(rate: share * Double(cores) / cost, communication: cost * part, compute: cost * (1 - part))
        }
    }

    /// Loops see no more events than this at once, for each core.
    private static let mostEvents = 128.0

    private(set) var controller: CoreController
    private(set) var waitingToCommunicate = 0.0
    private(set) var waitingToCompute = 0.0
    /// Requests that clients had to keep to themselves.
    private(set) var refused = 0.0
    /// Interval and direction of each move.
    private(set) var moves: [(interval: Int, change: Int)] = []
    private var interval = 0
    private var random: Generator

    init(cores: Int, seed: UInt64 = 1) {
        controller = CoreController(split: CoreSplit(cores: cores), settings: ControlSettings())
        random = Generator(seed: seed &+ UInt64(cores))
    }

    var split: CoreSplit { controller.split }
    var reversals: Int { zip(moves, moves.dropFirst()).count { $0.change != $1.change } }

    func moves(after interval: Int) -> Int { moves.count { $0.interval >= interval } }

    mutating func run(_ intervals: Int, _ load: (Int) -> Load) {
        for _ in 0..<intervals {
            pass(load(interval))
            let before = split
            if controller.step(QueueSample(compute: Int(waitingToCompute), communication: Int(waitingToCommunicate))) {
                moves.append((interval, split.compute - before.compute))
            }
            interval += 1
        }
    }

    private mutating func pass(_ load: Load) {
        // About a Poisson distribution, by its mean and variance.
        let normal = (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &random) }
        waitingToCommunicate += max(0, load.rate + normal * load.rate.squareRoot())
        let most = Self.mostEvents * Double(split.communication)
        let read = min(waitingToCommunicate, Double(split.communication) / load.communication)
        waitingToCommunicate -= read
        refused += max(0, waitingToCommunicate - most)
        waitingToCommunicate = min(waitingToCommunicate, most)
        waitingToCompute += read
        // What a core of both kinds used for one kind, it has not for the other.
        let isShared = split.compute + split.communication > split.cores
        let used = isShared ? read * load.communication / Double(split.communication) : 0
        waitingToCompute -= min(waitingToCompute, (Double(split.compute) - used) / load.compute)
    }
}

/// A small generator with a seed, so that a failure can be repeated.
struct Generator: RandomNumberGenerator {
    var seed: UInt64

    mutating func next() -> UInt64 {
        seed &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (seed ^ (seed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

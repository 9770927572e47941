public import Config

/// What waited at one moment.
public struct QueueSample: Sendable {
    /// Functions without an engine.
    public var compute: Int
    /// Events that loops had not handled.
    public var communication: Int

    public init(compute: Int, communication: Int) {
        self.compute = compute
        self.communication = communication
    }
}

/// Decides which kind of engine gets a core: a proportional-integral controller on the difference between the growth rates
/// of the two kinds' queues (paper, section 5). Pure: the samples are all that it sees.
///
/// Lengths count per core of the kind, so that the same gains do for 2 cores and for 128. The integral is of the
/// difference in length, so that a short queue that stays moves a core in the end. It forgets slowly, and at once when the
/// other kind's queue becomes the longer one or a core has moved (Clegg, 1958): nothing winds up. A core that comes back
/// soon after it went is a sign that no split is right; each such reversal doubles the time that the next one has to wait.
public struct CoreController: Sendable {
    private let settings: ControlSettings
    public private(set) var split: CoreSplit
    private var last = QueueSample(compute: 0, communication: 0)
    private var integral = 0.0
    private var lastChange = 0
    private var sinceChange = 0
    /// Samples that must lie between a change and its reversal.
    private var patience = CoreController.leastPatience

    private static let memory = 0.95
    /// More per core says no more: the kind has too few cores.
    private static let full = 64.0
    private static let leastPatience = 4
    private static let mostPatience = 128
    /// Samples without a change after which half of the patience is forgotten.
    private static let calm = 100

    public init(split: CoreSplit, settings: ControlSettings) {
        self.split = split
        self.settings = settings
    }

    /// One interval has passed; moves one core at most.
    /// - Returns: whether `split` has changed.
    public mutating func step(_ sample: QueueSample) -> Bool {
        let change = change(sample)
        last = sample
        sinceChange += 1
        if sinceChange % Self.calm == 0 { patience = max(Self.leastPatience, patience / 2) }
        let isReversal = change == -lastChange
        guard change != 0, !isReversal || sinceChange >= patience, split.move(change) else { return false }
        if isReversal, sinceChange < Self.calm { patience = min(patience * 2, Self.mostPatience) }
        lastChange = change
        sinceChange = 0
        integral = 0
        return true
    }

    /// 1: computing should get a core; -1: communicating should; 0: neither.
    private mutating func change(_ sample: QueueSample) -> Int {
        let difference = difference(sample)
        let growth = difference - self.difference(last)
        integral = difference + (integral * difference > 0 ? Self.memory * integral : 0)
        let signal = settings.kp * growth + settings.ki * integral
        // That one kind's queue shrinks is no need of the other.
        guard abs(signal) > settings.deadBand, signal * difference > 0 else { return 0 }
        return signal > 0 ? 1 : -1
    }

    /// How much more computing has to do for each of its cores than communicating has.
    private func difference(_ sample: QueueSample) -> Double {
        func perCore(_ length: Int, _ cores: Int) -> Double { min(Double(length) / Double(cores), Self.full) }
        return perCore(sample.compute, split.compute) - perCore(sample.communication, split.communication)
    }
}

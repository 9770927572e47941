import Config
import Engines
import Testing

/// The controller on traces: it settles, does not flap, and gives each kind what it needs. 100 intervals are 3 s.
@Suite struct ControllerTests {
    static let nodes = [2, 3, 4, 8, 16, 32, 64, 128]

    @Test func eachKindKeepsACore() {
        for cores in 1...130 {
            for load in [QueueSample(compute: 1 << 20, communication: 0), .init(compute: 0, communication: 1 << 20)] {
                var controller = CoreController(split: CoreSplit(cores: cores), settings: ControlSettings())
                for _ in 0..<2 * cores { _ = controller.step(load) }
                let split = controller.split
                let kinds = (0..<cores).map(split.kind(of:))
                #expect(kinds.count { $0.computes } == split.compute)
                #expect(kinds.count { $0.communicates } == split.communication)
                #expect(min(split.compute, split.communication) == 1)
                // Two cores: one is of both kinds, so that the other one can go either way.
                #expect(split.compute + split.communication == (cores <= 2 ? cores + 1 : cores))
            }
        }
    }

    @Test func idleNodesStayAsTheyAre() {
        for cores in 1...130 {
            var plant = Plant(cores: cores)
            plant.run(200) { _ in .init(rate: 0, communication: 0.01, compute: 0.01) }
            #expect(plant.moves.isEmpty)
            #expect(plant.split == CoreSplit(cores: cores))
        }
    }

    @Test func deadBandHolds() {
        let settings = ControlSettings(kp: 1, ki: 1, deadBand: 10)
        var controller = CoreController(split: CoreSplit(cores: 4), settings: settings)
        // Two cores compute: 8 that wait, and have not before, are a signal of 4 + 4.
        let moved = [8, 0, 8, 12].map { controller.step(QueueSample(compute: $0, communication: 0)) }
        #expect(moved == [false, false, false, true])
        #expect(controller.split.compute == 3)
    }

    /// One function that waits while a core only communicates, and has nothing to do, does not wait forever.
    @Test(arguments: [2, 3, 4])
    func shortQueuesThatStayMoveACore(cores: Int) {
        var controller = CoreController(split: CoreSplit(cores: cores), settings: ControlSettings())
        while controller.split.communication < max(2, cores - 1) {
            _ = controller.step(QueueSample(compute: 0, communication: 1000))
        }
        let before = controller.split.compute
        for _ in 0..<50 { _ = controller.step(QueueSample(compute: 1, communication: 0)) }
        #expect(controller.split.compute > before)
    }

    /// 75 % of the node, of which a part is communication.
    @Test(arguments: nodes, [0.02, 0.1, 0.5, 0.9])
    func step(cores: Int, part: Double) {
        var plant = Plant(cores: cores)
        plant.run(20) { _ in .share(0.1, of: cores, communicating: part) }
        plant.run(600) { _ in .share(0.75, of: cores, communicating: part) }
        guard cores >= 4 else {
            // No whole number of cores does for every part: the pauses between reversals grow.
            #expect(plant.moves.count <= 12 && plant.moves(after: 320) <= 4)
            return
        }
        #expect(plant.reversals == 0)
        #expect(plant.moves.allSatisfy { $0.interval <= 100 })
        #expect(plant.waitingToCompute == 0 && plant.waitingToCommunicate == 0)
    }

    /// From 10 % to 90 % communication within 24 s, at 70 %.
    @Test(arguments: nodes)
    func ramp(cores: Int) {
        var plant = Plant(cores: cores)
        plant.run(1000) { .share(0.7, of: cores, communicating: 0.1 + 0.8 * min(1, Double($0) / 800)) }
        #expect(plant.reversals <= (cores >= 8 ? 1 : 8))
        #expect(plant.moves.count <= cores + 8)
        guard cores >= 4 else { return }
        if cores >= 8 { #expect(plant.refused == 0) }
        #expect(plant.split.communication >= Int(0.63 * Double(cores)))
        #expect(plant.waitingToCompute == 0 && plant.waitingToCommunicate == 0)
    }

    /// Twice what the node can do, for 0.3 s in every 6 s.
    @Test(arguments: nodes)
    func burst(cores: Int) {
        var plant = Plant(cores: cores)
        plant.run(1000) { .share($0 % 200 < 10 ? 2 : 0.3, of: cores, communicating: 0.3) }
        #expect(plant.reversals <= 2 * 5)
        #expect(plant.moves(after: 850) == 0)
        #expect(plant.waitingToCompute == 0 && plant.waitingToCommunicate == 0)
    }

    /// A load that wants another split every 30 ms to 900 ms: it is not followed forever.
    @Test(arguments: nodes, [1, 3, 10, 30])
    func oscillation(cores: Int, period: Int) {
        var plant = Plant(cores: cores)
        plant.run(2000) { .share(0.8, of: cores, communicating: $0 / period % 2 == 0 ? 0.1 : 0.9) }
        #expect(plant.reversals <= 30)
        let second = plant.reversals
        plant.run(1000) { .share(0.8, of: cores, communicating: $0 / period % 2 == 0 ? 0.1 : 0.9) }
        #expect(plant.reversals - second <= 15)
    }
}

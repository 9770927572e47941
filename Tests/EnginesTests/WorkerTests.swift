import Failure
import Synchronization
import Testing

@testable import Engines

/// Which worker takes a task, without threads: no loop sleeps, as while a core looks for work before it does.
@Suite struct WorkerTests {
    private func function(typicalRunTime: UInt64) -> ComputeFunction {
        let function = ComputeFunction(
            name: "f", stages: StageMetrics(className: "c"), memoryLimit: 0, timeout: 0, inputNames: [],
            outputNames: [],
            mayRunInline: true
        ) { _, _ throws(Failure) in throw Failure(.unavailable, "has no image") }
        function.typicalRunTime.store(typicalRunTime, ordering: .relaxed)
        return function
    }

    @Test func coreWithConnectionsLeavesLongFunctionsToAFreeOne() throws {
        let pool = try WorkerPool(cores: [0, 1])
        let (shared, computing) = (pool.workers[0], pool.workers[1])
        #expect(shared.kind == .both && computing.kind == .compute)
        let short = function(typicalRunTime: 50_000)
        for long in [function(typicalRunTime: 5_000_000), function(typicalRunTime: 0)] {
            #expect(computing.taker.takes(long))
            #expect(!shared.taker.takes(long))
            #expect(shared.taker.takes(short))
            // The other one is busy: better here than not at all.
            #expect(computing.roles.takePermit())
            #expect(shared.taker.takes(long))
            computing.roles.returnPermit()
        }
    }

    @Test func leaderRunsWhatHoldsNobodyUpForLong() throws {
        let alone = try WorkerPool(cores: [0])
        let two = try WorkerPool(cores: [0, 1])
        let short = function(typicalRunTime: 50_000), brief = function(typicalRunTime: 1_500_000)
        #expect(alone.workers[0].mayLead(during: short) && two.workers[0].mayLead(during: short))
        #expect(alone.workers[0].mayLead(during: brief))
        #expect(!two.workers[0].mayLead(during: brief), "the other core could take what the loop brings")
        #expect(two.workers[1].mayLead(during: brief), "its loop has nothing")
        for long in [function(typicalRunTime: 5_000_000), function(typicalRunTime: 0)] {
            #expect(!alone.workers[0].mayLead(during: long) && !two.workers[0].mayLead(during: long))
        }
    }
}

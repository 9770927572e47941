import Testing

@testable import Engines

/// Who turns the loop and who runs a function, of a worker's two threads.
@Suite struct RolesTests {
    @Test func oneThreadHasThePermit() {
        let roles = Roles()
        #expect(!roles.isComputing && roles.takePermit() && roles.isComputing)
        #expect(!roles.takePermit())
        roles.returnPermit()
        #expect(!roles.isComputing && roles.takePermit())
    }

    @Test func theLoopGoesToTheOtherThreadAndBack() {
        let roles = Roles()
        #expect(roles.isLeader(0) && !roles.isLeader(1))
        roles.handOver(from: 0)
        #expect(roles.isLeader(1) && !roles.isLeader(0))
        // Woken by the hand-over, so that this does not sleep.
        roles.park(1)
        roles.handOver(from: 1)
        #expect(roles.isLeader(0))
    }

    @Test func aRunOnTheLeaderEndsOnceOrLosesTheLoop() {
        let roles = Roles()
        #expect(roles.currentInlineRun == nil)
        let first = roles.beginInlineRun()
        #expect(roles.currentInlineRun == first)
        #expect(roles.endInlineRun(first, of: 0) && roles.currentInlineRun == nil && roles.isLeader(0))
        // A mark of a run that is over takes nothing from the next one.
        let second = roles.beginInlineRun()
        #expect(second != first)
        roles.takeLoop(fromRun: first)
        #expect(roles.isLeader(0) && roles.currentInlineRun == second)
        roles.takeLoop(fromRun: second)
        #expect(roles.isLeader(1) && roles.currentInlineRun == nil)
        #expect(!roles.endInlineRun(second, of: 0))
    }
}

import Config
import Foundation
import Platform
import Testing

/// What workers do while no function waits, seen by the CPU time that it takes.
@Suite(.serialized) struct WaitingTests {
    /// CPU milliseconds of this process in so many milliseconds.
    static func use(_ milliseconds: UInt32) -> Double {
        let before = Clock.processCPU()
        usleep(milliseconds * 1000)
        return Double(Clock.processCPU() - before) / 1e6
    }

    @Test(arguments: [WaitingPolicy.park, .spinThenPark(500_000_000), .spin])
    func engineWaitsAsItsClassSays(policy: WaitingPolicy) throws {
        let server = try TestServer(cores: CoreMoveTests.cores, waiting: policy)
        defer { server.stop() }
        let client = try server.connect()
        #expect(client.send("PUT", "/v1/functions/E?inputs=a&outputs=x", "E")?.status == 201)
        let before = Self.use(300)
        #expect(client.send("POST", "/v1/invoke/E", "a")?.status == 200)
        let after = Self.use(300)
        if policy == .park {
            #expect(after < 30)
        } else {
            #expect(after > before + 10)
        }
        // Whatever the class says, an idle node costs nothing; the monitor still ticks.
        usleep(1_200_000)
        #expect(Self.use(500) < 30)
    }
}

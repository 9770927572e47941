import Config
import Foundation
import Testing

/// What workers do while no function waits, seen by the CPU time that it takes.
@Suite(.serialized) struct WaitingTests {
    static func threads() -> Set<String> {
        Set((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? [])
    }

    /// CPU milliseconds that threads have used so far.
    static func used(_ threads: Set<String>) -> Double {
        threads.reduce(0) { sum, thread in
            let text = (try? String(contentsOfFile: "/proc/self/task/\(thread)/schedstat", encoding: .utf8)) ?? ""
            return sum + (Double(text.split(separator: " ").first ?? "") ?? 0) / 1e6
        }
    }

    static func use(of threads: Set<String>, in milliseconds: UInt32) -> Double {
        let before = used(threads)
        usleep(milliseconds * 1000)
        return used(threads) - before
    }

    @Test(arguments: [WaitingPolicy.park, .spinThenPark(500_000_000), .spin])
    func engineWaitsAsItsClassSays(policy: WaitingPolicy) throws {
        let others = Self.threads()
        let server = try TestServer(cores: CoreMoveTests.cores, waiting: policy)
        defer { server.stop() }
        let client = try server.connect()
        #expect(client.send("PUT", "/v1/functions/E?inputs=a&outputs=x", "E")?.status == 201)
        let own = Self.threads().subtracting(others)
        // A thread that is put off its CPU by another spins less: it has a few tries.
        var uses: [Double] = []
        repeat {
            #expect(client.send("POST", "/v1/invoke/E", "a")?.status == 200)
            uses.append(Self.use(of: own, in: 300))
        } while uses.count < 5 && policy != .park && !uses.contains { $0 > 10 }
        #expect(policy == .park ? uses[0] < 30 : uses.contains { $0 > 10 }, "\(uses) ms")
        // Whatever the class says, an idle node costs nothing; the monitor still ticks.
        usleep(1_200_000)
        #expect(Self.use(of: own, in: 500) < 30)
    }
}

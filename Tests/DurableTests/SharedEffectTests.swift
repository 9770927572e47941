import Testing

@testable import Durable

/// What the fleet's engine keeps of a request that has an effect.
@Suite struct SharedEffectTests {
    private let step = StoredStep(
        place: "0.1", digest: "d", function: "HTTP", item: "i", hasOutcome: false, isDoubted: false)

    /// Whoever finds bytes like those that it wants to write takes them for its own, whose answer was lost: two attempts that
    /// intend the same request must not write the same.
    @Test func attemptsThatIntendTheSameAreToldApart() {
        #expect(SharedEffect(step, outcome: nil).bytes != SharedEffect(step, outcome: nil).bytes)
    }

    @Test func whatIsReadIsWhatWasWritten() throws {
        for outcome in [nil, [1, 2, 10, 3] as [UInt8]] {
            let bytes = SharedEffect(step, outcome: outcome).bytes
            let read = try #require(SharedEffect(bytes))
            #expect(read.bytes == bytes && read.outcome == outcome && read.step.place == "0.1")
            #expect(read.step.hasOutcome == (outcome != nil))
        }
    }
}

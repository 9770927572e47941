import Glibc
import Platform
import Synchronization
import Testing

@testable import Engines

/// One loop, turned by the test's own thread.
@Suite struct EventLoopTests {
    private let loop: EventLoop
    private let meter = TurnMeter(worker: 900)

    init() throws { loop = try EventLoop(meter: meter) }

    /// Turns without waiting until nothing is due, or until `done`.
    private func turn(until done: () -> Bool = { false }, for seconds: Double = 5) {
        let end = Clock.now() + UInt64(seconds * 1e9)
        while !done(), Clock.now() < end { if loop.turn(mayWait: false, beforeSleep: { false }) == 0 { usleep(200) } }
    }

    @Test func timersFireInOrderAndNotBeforeTheirTime() {
        let start = Clock.now()
        var fired: [(number: Int, time: UInt64)] = []
        for number in [7, 2, 9, 1, 5] {
            loop.schedule(at: start + UInt64(number) * 2_000_000) { fired.append((number, Clock.now())) }
        }
        turn { fired.count == 5 }
        #expect(fired.map(\.number) == [1, 2, 5, 7, 9])
        #expect(fired.allSatisfy { $0.time >= start + UInt64($0.number) * 2_000_000 })
        #expect(loop.isVacant)
    }

    /// Cancelled timers stay in the heap for a while: neither they nor their being dropped may disturb the others.
    @Test func cancelledTimersDoNotFire() {
        let start = Clock.now()
        var fired: [Int] = []
        var timers: [LoopTimer] = []
        // Each at a time of its own, in no order.
        let times = (0..<2300).map { $0 * 7919 % 2300 }
        for time in times[..<2000] {
            timers.append(loop.schedule(at: start + UInt64(time) * 1000) { fired.append(time) })
        }
        for (number, timer) in timers.enumerated() where number % 3 != 0 { timer.cancel() }
        for time in times[2000...] { loop.schedule(at: start + UInt64(time) * 1000) { fired.append(time) } }
        turn(until: { loop.isVacant })
        let kept = times.enumerated().filter { $0.offset % 3 == 0 || $0.offset >= 2000 }.map(\.element).sorted()
        #expect(fired.count == kept.count && fired == kept)
    }

    /// One that is due again at once waits for the next turn, with everybody else.
    @Test func aTimerThatComesBackAtOnceKeepsTheLoopFree() {
        var fired = 0
        func again() {
            fired += 1
            if fired < 1000 { loop.schedule(at: Clock.now(), again) }
        }
        loop.schedule(at: 1, again)
        for turns in 1...3 {
            _ = loop.turn(mayWait: false) { false }
            #expect(fired == turns)
        }
    }

    @Test func aTimerMayScheduleAndCancelOthers() {
        var fired: [String] = []
        var second: LoopTimer?
        loop.schedule(at: 1) {
            fired.append("first")
            second?.cancel()
            loop.schedule(at: 2) { fired.append("third") }
        }
        second = loop.schedule(at: Clock.now() + 1_000_000) { fired.append("second") }
        turn(until: { loop.isVacant })
        #expect(fired == ["first", "third"])
    }

    private final class Pipe: EventSource {
        let other: Int32
        var action: () -> Void = {}
        var events: [UInt32] = []

        /// - Parameter number: that the watched end gets.
        init(at number: Int32? = nil) {
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            // What had the number is closed by this.
            if let number {
                #expect(dup2(ends[0], number) == number)
                Glibc.close(ends[0])
                ends[0] = number
            }
            #expect(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
            other = ends[1]
            super.init(descriptor: ends[0], work: .connection)
        }

        /// EPOLLIN
        static let readable: UInt32 = 1

        override func ready(_ events: UInt32) {
            self.events.append(events)
            var byte: UInt8 = 0
            _ = read(descriptor, &byte, 1)
            action()
        }

        func write() { _ = Glibc.write(other, "x", 1) }
    }

    /// Both are ready in one turn; the first closes the second, whose number goes to a third.
    @Test func anEventOfAClosedDescriptorReachesNobodyElse() throws {
        let pipes = [Pipe(), Pipe()]
        var third: Pipe?
        for (own, pipe) in pipes.enumerated() {
            try loop.add(pipe, events: Pipe.readable)
            pipe.write()
            pipe.action = { [loop] in
                guard third == nil else { return }
                let other = pipes[1 - own]
                loop.remove(other)
                third = Pipe(at: other.descriptor)
                if let third { try? loop.add(third, events: Pipe.readable) }
            }
        }
        turn(until: { third != nil })
        for _ in 0..<3 { _ = loop.turn(mayWait: false) { false } }
        #expect(pipes.map(\.events.count).sorted() == [0, 1])
        #expect(third?.events.isEmpty == true)
        third?.write()
        turn(until: { third?.events.isEmpty == false })
        #expect(third?.events == [Pipe.readable])
    }

    @Test func aJobOfAnotherThreadWakesASleepingLoop() throws {
        let isDone = Atomic<Bool>(false)
        let began = Clock.now()
        try Thread.start(name: "poster", core: nil) { [loop] in
            while !loop.isAsleep, Clock.now() < began + 5_000_000_000 { usleep(100) }
            loop.post { isDone.store(true, ordering: .releasing) }
        }
        // A turn that nobody wakes would last for ever: the timer ends it.
        loop.schedule(at: began + 10_000_000_000) {}
        while !isDone.load(ordering: .acquiring), Clock.now() < began + 10_000_000_000 {
            _ = loop.turn(mayWait: true) { true }
        }
        #expect(isDone.load(ordering: .acquiring) && Clock.now() < began + 10_000_000_000)
    }

    @Test func whoHasWorkKeepsTheLoopAwake() {
        var asked = 0
        let began = Clock.now()
        loop.schedule(at: began + 10_000_000_000) {}
        #expect(
            loop.turn(mayWait: true) {
                asked += 1; return false
            } == 0)
        #expect(asked == 1 && Clock.now() < began + 5_000_000_000)
    }

    /// The work that a turn names is the one whose length is told.
    @Test func lengthsAreToldByWork() {
        loop.post { [loop] in
            loop.begins(.sweep)
            usleep(2000)
        }
        loop.schedule(at: 1) { usleep(1000) }
        turn(until: { loop.isVacant && meter.longest(.sweep) > 0 })
        #expect(meter.longest(.sweep) >= 2_000_000 && meter.longest(.timer) >= 1_000_000)
        #expect(meter.longest(.connection) == 0)
    }
}

import Dispatcher
import Engines
import Failure
import Foundation
import Items
import Registry
import Testing

@Suite(.serialized) struct InvocationTests {
    let node = TestNode.shared

    @Test func aFunctionGetsItsInputsAndGivesItsOutputs() {
        let outcome = node.invoke(.name("E"), [["one", "two"], ["three"]])
        #expect(outcome.texts == [["one", "two"], ["three"]])
        #expect(outcome.timeline.sandboxes == 1)
        #expect(outcome.timeline.total > 0)
    }

    @Test func unknownNamesAreNotFound() {
        #expect(node.invoke(.name("nope"), []).failure?.kind == .notFound)
    }

    @Test func aFaultIsTheFunctionsOwn() {
        let failure = node.invoke(.name("F"), [["a"]]).failure
        #expect(failure?.kind == .functionFault)
        #expect(failure?.facts.contains(.init("address", "0xbad")) == true)
        #expect(failure?.facts.contains(.init("fault", "read")) == true)
    }

    @Test func aLyingOutputTableIsAFault() {
        #expect(node.invoke(.name("X"), [["a"]]).failure?.kind == .functionFault)
        #expect(node.contexts() == 0)
    }

    @Test func aDeadEngineIsReplacedAndTheRunRepeated() {
        for _ in 0..<8 { #expect(node.invoke(.name("D"), [["again"]]).texts == [["again"], []]) }
    }

    /// Three times, then the platform's fault is told; the next function gets a good engine.
    @Test func runsAreNotRepeatedForever() {
        let before = node.runs
        let failure = node.invoke(.name("Z"), [["again"]]).failure
        #expect(failure?.kind == .internal)
        #expect(failure?.cause == .engineDead)
        #expect(node.runs - before == 3)
        #expect(node.invoke(.name("E"), [["on"]]).texts == [["on"], []])
        #expect(node.contexts() == 0)
    }

    /// A fault, lying outputs and a time that is up are the function's own.
    @Test(arguments: ["F", "X", "L"])
    func ownFaultsAreNotRepeated(name: String) {
        let before = node.runs
        #expect(node.invoke(.name(name), [["once"]]).failure != nil)
        #expect(node.runs - before == 1)
    }

    @Test func nobodyRepeatsForARequestThatHasEnded() {
        let before = node.runs
        let begun = TestNode.now()
        #expect(node.invoke(.name("Z"), [["late"]], deadline: begun).failure?.kind == .deadline)
        #expect(node.contexts() == 0)
        #expect(node.runs - before <= 1)
    }

    @Test func theClassTimeoutEndsAnEndlessFunction() {
        let begun = TestNode.now()
        #expect(node.invoke(.name("L"), [["x"]]).failure?.kind == .deadline)
        #expect(TestNode.now() - begun < 2_000_000_000)
    }

    @Test func theRequestDeadlineComesFirst() {
        let begun = TestNode.now()
        let outcome = node.invoke(.name("L"), [["x"]], deadline: begun + 50_000_000)
        #expect(outcome.failure?.kind == .deadline)
        #expect(TestNode.now() - begun < 250_000_000)
    }

    @Test func cancellingEndsTheRun() {
        let begun = TestNode.now()
        #expect(node.invoke(.name("L"), [["x"]], cancelAfter: 0.02).failure?.kind == .cancelled)
        #expect(TestNode.now() - begun < 250_000_000)
        #expect(node.contexts() == 0)
    }

    /// A run that nobody knew to be long loses the loop to the standby thread, so a short one passes it.
    @Test func aLongFunctionDoesNotHoldUpOthersOnItsLoop() {
        let finished = DispatchSemaphore(value: 0)
        Foundation.Thread.detachNewThread {
            _ = node.invoke(.name("L"), [["x"]], deadline: TestNode.now() + 200_000_000)
            finished.signal()
        }
        usleep(10_000)
        let begun = TestNode.now()
        #expect(node.invoke(.name("nope"), []).failure?.kind == .notFound)
        #expect(TestNode.now() - begun < 50_000_000, "the loop was held up")
        finished.wait()
    }

    @Test func largeOutputsStayInTheirContextUntilTheyAreRead() {
        do {
            let big = String(repeating: "x", count: 1 << 20)
            let outcome = node.invoke(.name("E"), [[big]])
            #expect(outcome.texts[0][0].count == 1 << 20)
        }
        #expect(node.contexts() == 0)
    }

    /// The first worker reads the request; only the last core's may run it, and is woken for it.
    @Test func aClassMayKeepToSomeCores() {
        for _ in 0..<50 {
            let outcome = node.invoke(.name("E"), [["1"]], worker: 0, className: "last")
            #expect(outcome.texts == [["1"], []])
        }
    }

    @Test func manyAtOnceAllEnd() {
        let group = DispatchGroup()
        nonisolated(unsafe) var wrong = 0
        let lock = NSLock()
        for index in 0..<64 {
            DispatchQueue.global().async(group: group) {
                let name = index % 4 == 0 ? "S" : "E"
                let outcome = node.invoke(.name(name), [["\(index)"]], worker: index)
                if outcome.texts != [["\(index)"], []] { lock.withLock { wrong += 1 } }
            }
        }
        group.wait()
        #expect(wrong == 0)
        #expect(node.contexts() == 0)
    }

    /// A request that is answered before its deadline leaves nothing behind until then.
    @Test func timersOfAnsweredRequestsDoNotPileUp() {
        nonisolated(unsafe) var alive = Int.max
        let done = DispatchSemaphore(value: 0)
        let loop = node.pool.workers[0].loop
        loop.post {
            var timers: [WeakTimer] = []
            for _ in 0..<10_000 {
                let timer = loop.schedule(at: TestNode.now() + 3_600_000_000_000) {}
                timer.cancel()
                timers.append(WeakTimer(timer: timer))
            }
            alive = timers.filter { $0.timer != nil }.count
            done.signal()
        }
        done.wait()
        #expect(alive < 1000)
    }

    private struct WeakTimer { weak var timer: LoopTimer? }

    @Test func aRemovedFunctionIsForgotten() throws {
        weak var removed: RegisteredFunction?
        try node.catalogue.standard.register(
            FunctionDefinition(name: "Gone", className: "default", inputs: [.init(name: "a")], outputs: ["x"]),
            image: Blob("E"), account: node.account)
        if case .function(let function) = node.catalogue.standard.entry(named: "Gone") { removed = function }
        #expect(node.invoke(.name("Gone"), [["1"]]).texts == [["1"]])
        #expect(removed != nil)
        try node.catalogue.standard.removeFunction("Gone")
        for _ in 0..<200 where removed != nil { usleep(5000) }
        #expect(removed == nil)
    }

    /// Class names are the client's, in any case; each spelling must not cost memory for ever.
    @Test func spellingsOfAClassAreOneFunction() throws {
        guard case .function(let function) = node.catalogue.standard.entry(named: "E") else {
            Issue.record("E is not registered")
            return
        }
        #expect(try function.compute(in: "LAST") === function.compute(in: "lAsT"))
        #expect(try function.compute(in: "default") === function.compute(in: nil))
    }
}

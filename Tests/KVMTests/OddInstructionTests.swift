import PluginABI
import PluginHarness
import Testing

extension KVMBackend {
    /// About 130 privileged, odd or hostile instructions, one by one; the engine must be as good as new after each.
    @Suite struct OddInstructionTests {
        enum End: Hashable {
            case survives
            case leaves
            case fault(Int32)
        }

        static let protection = End.fault(DN_FAULT_PROTECTION)
        static let illegal = End.fault(DN_FAULT_ILLEGAL_INSTRUCTION)
        static let trap = End.fault(DN_FAULT_TRAP)
        static let systemCall = End.fault(DN_FAULT_SYSCALL)
        static let read = End.fault(DN_FAULT_READ)
        static let write = End.fault(DN_FAULT_WRITE)
        static let execute = End.fault(DN_FAULT_EXECUTE)

        /// By the numbers of Guests/odd.c. Where processors differ, each of the ends is right.
        static let expected: [(numbers: [ClosedRange<UInt64>], ends: Set<End>)] = [
            ([0...0, 73...73, 79...79, 97...102, 115...115, 125...125], [.survives]),
            // Privileged instructions, ports, the exit port from elsewhere, software interrupts, bad selectors.
            ([1...37, 39...46, 51...51, 62...67, 70...71, 74...76, 78...78, 83...83], [protection]),
            ([117...117, 122...122], [protection]),
            // Refused by one exception or another, depending on what the processor knows.
            ([38...38, 47...49, 52...56, 105...111], [protection, illegal]),
            ([57...58, 68...69, 112...114, 121...121], [illegal]),
            ([59...59, 77...77], [trap]),
            ([60...60], [trap, illegal]),
            ([50...50, 61...61, 124...124, 126...126], [systemCall]),
            ([81...81], [.fault(DN_FAULT_ARITHMETIC)]),
            // Null page, other half of the address space, system pages, descriptor tables, own code.
            ([82...82, 84...84, 87...88, 91...93, 95...96, 116...116, 119...119], [write]),
            ([85...86, 90...90, 94...94], [read]),
            ([89...89, 118...118, 120...120, 123...123, 129...129], [execute]),
            // A selector that only a page-table VM's own tables know; alignment checks, which QEMU's TCG does not make.
            ([72...72, 80...80], [.survives, protection]),
            // Hypercalls: refused, or an error that the function gets back; KVM may try to write the processor's own in
            // the other's place.
            ([103...104], [.survives, protection, illegal, write]),
            // As images of the original system leave.
            ([127...128], [.leaves]),
        ]

        @Test func eachEndsAsItMust() throws {
            let odd = try Rig.image("odd"), hello = try Rig.sharedImage("hello")
            let numbered = Self.expected.flatMap(\.numbers).reduce(0) { $0 + $1.count }
            #expect(numbered == 130, "not every number is expected once")
            try Rig.withEngine { engine in
                for (ranges, ends) in Self.expected {
                    for number in ranges.joined() {
                        let outcome = try engine.invoke(odd, inputs: Rig.parameters(number))
                        let isExpected = Self.end(outcome).map(ends.contains) == true
                        #expect(isExpected, "instruction \(number): \(outcome)")
                        #expect(try engine.invoke(hello).isHello, "after instruction \(number)")
                    }
                }
            }
        }

        private static func end(_ outcome: Outcome) -> End? {
            switch (outcome.outcome, outcome.exitCode) {
            case (DN_RUN_EXITED, 7): .survives
            case (DN_RUN_EXITED, -1): .leaves
            case (DN_RUN_FAULTED, _): .fault(outcome.faultKind)
            default: nil
            }
        }

        @Test func faultsTellWhere() throws {
            let odd = try Rig.image("odd")
            try Rig.withEngine { engine in
                let store = try engine.invoke(odd, inputs: Rig.parameters(87))
                #expect(store.address == 0x80_0000_1000)
                #expect(store.pc.map { $0 >= 0x1_0000 && $0 < 0x2_0000 } == true)
                let jump = try engine.invoke(odd, inputs: Rig.parameters(120))
                #expect((jump.address, jump.pc) == (0, 0))
                #expect(try engine.invoke(odd, inputs: Rig.parameters(124)).syscall == 1)
                #expect(try engine.invoke(odd, inputs: Rig.parameters(59)).trapCode == 3)
            }
        }
    }
}

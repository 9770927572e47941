import PluginHarness
import Testing

@Suite struct EveryGuest {
    /// Pinned as in the node, and not, where the child may run beside the engine.
    @Test(arguments: [true, false], Reuse.allCases) func isTreatedAsNativeBackendsMust(
        pinned: Bool, reuse: Reuse
    ) throws {
        let plugin = try reuse.plugin()
        let run = { @Sendable (core: Int32) throws in
            let engine = try HarnessEngine(plugin, core: core)
            let images = GuestImages(plugin)
            for guestCase in BackendSuite.cases {
                let problems = try BackendSuite.run(guestCase, on: engine, images)
                #expect(problems.isEmpty, "\(guestCase): \(problems)")
            }
            engine.destroy()
        }
        if pinned { try onPinnedThread(run) } else { try run(-1) }
        #expect(plugin.host.log.isEmpty, "\(plugin.host.log)")
    }

    @Test(arguments: [true, false], Reuse.allCases) func isTreatedSoFromASnapshot(pinned: Bool, reuse: Reuse) throws {
        let plugin = try reuse.plugin()
        let run = { @Sendable (core: Int32) throws in
            let engine = try HarnessEngine(plugin, core: core)
            let images = GuestImages(plugin)
            for guestCase in BackendSuite.hostile {
                let problems = try BackendSuite.runFromSnapshot(guestCase, on: engine, images)
                #expect(problems.isEmpty, "\(guestCase): \(problems)")
            }
            engine.destroy()
        }
        if pinned { try onPinnedThread(run) } else { try run(-1) }
    }
}

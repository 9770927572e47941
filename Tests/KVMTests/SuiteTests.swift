import PluginHarness
import Testing

extension KVMBackend {
    /// The guests that every native backend must treat alike.
    @Suite struct EveryGuest {
        @Test func isTreatedAsNativeBackendsMust() throws {
            let plugin = try Rig.plugin.get()
            try Rig.withEngine { engine in
                let images = GuestImages(plugin)
                for guestCase in BackendSuite.cases {
                    let problems = try BackendSuite.run(guestCase, on: engine, images)
                    #expect(problems.isEmpty, "\(guestCase): \(problems)")
                }
            }
            #expect(plugin.host.log.isEmpty, "\(plugin.host.log)")
        }

        @Test func isTreatedSoFromASnapshot() throws {
            let plugin = try Rig.plugin.get()
            try Rig.withEngine { engine in
                let images = GuestImages(plugin)
                for guestCase in BackendSuite.hostile {
                    let problems = try BackendSuite.runFromSnapshot(guestCase, on: engine, images)
                    #expect(problems.isEmpty, "\(guestCase): \(problems)")
                }
            }
        }
    }
}

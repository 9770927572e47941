import CRWasm
import PluginABI
package import PluginKit

/// A module and what its instances start with.
package final class InstantiableModule: Sendable {
    package let module: Module
    package let template: Template
    package let minimumBytes: UInt64
    /// The largest memory that the module allows.
    package let maximumBytes: UInt64

    package init(_ module: Module, isLinkable: Bool = false) {
        let plan = ModulePlan(module, isLinkable: isLinkable)
        self.module = module
        template = Template(module, plan.ordinals, tag: ModulePlan.soleTag)
        let memory = module.memories.first
        minimumBytes = UInt64(memory?.minimum ?? 0) * Part.pageBytes
        maximumBytes = memory.map { UInt64($0.maximum ?? 65536) * Part.pageBytes } ?? 0
    }

    /// The value of the exported global `__dandelion_system_data`: an address of 36 bytes in memory.
    package func systemData() throws(PluginError) -> UInt64? {
        let name = "__dandelion_system_data"
        guard let global = module.export(name, .global) else { return nil }
        guard module.globals[global].type == GlobalType(value: .i32, isMutable: false), !module.memories.isEmpty else {
            throw PluginError(DN_BAD_IMAGE, "\(name) must be an immutable i32 in a module with a memory")
        }
        let address = template.globals[global].low
        guard address + UInt64(MemoryLayout<dn_guest_system32>.size) <= minimumBytes else {
            throw PluginError(DN_BAD_IMAGE, "\(name) at \(address) lies outside the memory")
        }
        return address
    }
}

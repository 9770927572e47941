import PluginABI
import PluginKit
import RWasmCore

extension Instance {
    /// Answers dn.translate/1: a function image of a module, when the host can use one.
    func translate(_ parameters: dn_translate_params) throws(PluginError) {
        let targets = parameters.targets.map { String(cString: $0) } ?? ""
        guard targets.split(separator: " ").contains(Substring(ImageBuilder.format)) else {
            throw PluginError(DN_UNSUPPORTED, "modules become \(ImageBuilder.format), not \(targets)")
        }
        guard let result = parameters.result else { throw PluginError(DN_MISUSE, "nobody takes the result") }
        // SAFETY: borrow-call bytes of the host.
        let given = [UInt8](
            UnsafeBufferPointer(start: parameters.bytes.data, count: Int(clamping: parameters.bytes.len)))
        let cache = try cache(parameters.cache_directory)
        let charge = HostCharge(memory, account: parameters.account)
        defer { withExtendedLifetime(charge) {} }
        try Self.charge(given.count, on: charge)
        let made = try ImageBuilder(builder).image(
            of: given, in: cache, turns: turns, memory: (memory, parameters.account)
        ) { permille, stage in
            stage.withCString { _ = parameters.progress?(parameters.progress_arg, permille, $0) }
        }
        made.withUnsafeBufferPointer {
            result(parameters.result_arg, dn_bytes(data: $0.baseAddress, len: UInt64($0.count)))
        }
    }
}

import CommHarness
import Glibc
import PluginABI

typealias Plugin = CommPlugin
typealias Client = CommClient

extension CommPlugin {
    /// The product beside the running test program.
    static let httpComm: String = {
        var path = [CChar](repeating: 0, count: 4096)
        readlink("/proc/self/exe", &path, path.count - 1)
        let folder = String(decoding: path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(separator: "/").dropLast().joined(separator: "/")
        return "/\(folder)/libDandelionHTTPComm.so"
    }()

    convenience init(_ settings: [String: Setting] = [:], memory: ChargedMemory? = nil) throws {
        try self.init(file: Self.httpComm, settings, memory: memory)
    }

    static func descriptor() throws -> dn_plugin { try descriptor(of: httpComm) }

    static func probe(_ settings: [String: Setting]) throws -> dn_probe { try probe(file: httpComm, settings) }
}

extension CommClient {
    convenience init(_ settings: [String: Setting]) throws { try self.init(Plugin(settings)) }
}

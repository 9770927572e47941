import Glibc
import PluginABI

/// A value of the plugin's configuration.
public enum Setting: Sendable {
    case text(String)
    case number(Int64)
    case flag(Bool)
    case list([String])
}

/// The smallest host that the plugin can be started by: dn_host with dn.host.config/1.
final class SettingsHost {
    let pointer = UnsafeMutablePointer<dn_host>.allocate(capacity: 1)
    private let settings: [String: Setting]
    private var texts: [String: UnsafeMutableBufferPointer<UInt8>] = [:]

    init(_ settings: [String: Setting]) {
        self.settings = settings
        pointer.initialize(to: dn_host())
        pointer.pointee.struct_size = UInt32(MemoryLayout<dn_host>.size)
        pointer.pointee.abi_major = UInt32(DN_ABI_MAJOR)
        pointer.pointee.host_data = Unmanaged.passUnretained(self).toOpaque()
        pointer.pointee.get_interface = { _, id in
            strcmp(id, DN_HOST_CONFIG_1) == 0 ? UnsafeRawPointer(SettingsHost.config) : nil
        }
        for (key, value) in settings {
            switch value {
            case .text(let text): keep(key, text)
            case .list(let all): for (index, text) in all.enumerated() { keep("\(key).\(index)", text) }
            default: break
            }
        }
    }

    deinit {
        for text in texts.values { text.deallocate() }
        pointer.deallocate()
    }

    private func keep(_ path: String, _ text: String) {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
        _ = copy.initialize(from: text.utf8)
        texts[path] = copy
    }

    private static func of(_ host: UnsafePointer<dn_host>) -> SettingsHost? {
        host.pointee.host_data.map { Unmanaged<SettingsHost>.fromOpaque($0).takeUnretainedValue() }
    }

    nonisolated(unsafe) private static let config: UnsafeMutablePointer<dn_host_config> = {
        let table = UnsafeMutablePointer<dn_host_config>.allocate(capacity: 1)
        table.initialize(
            to: dn_host_config(
                struct_size: UInt32(MemoryLayout<dn_host_config>.size), padding: 0,
                get_string: { host, path, out in
                    guard let me = of(host) else { return DN_MISUSE }
                    let path = String(cString: path)
                    guard let text = me.texts[path] else {
                        return me.settings[path] == nil ? DN_INVALID : DN_BAD_CONFIG
                    }
                    out.pointee = dn_bytes(data: UnsafePointer(text.baseAddress), len: UInt64(text.count))
                    return DN_OK
                },
                get_int: { host, path, out in
                    guard let value = of(host)?.settings[String(cString: path)] else { return DN_INVALID }
                    guard case .number(let number) = value else { return DN_BAD_CONFIG }
                    out.pointee = number
                    return DN_OK
                },
                get_bool: { host, path, out in
                    guard let value = of(host)?.settings[String(cString: path)] else { return DN_INVALID }
                    guard case .flag(let flag) = value else { return DN_BAD_CONFIG }
                    out.pointee = flag ? 1 : 0
                    return DN_OK
                },
                get_count: { host, path, out in
                    guard let value = of(host)?.settings[String(cString: path)] else { return DN_INVALID }
                    guard case .list(let all) = value else { return DN_BAD_CONFIG }
                    out.pointee = UInt64(all.count)
                    return DN_OK
                }))
        return table
    }()
}

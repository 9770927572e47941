internal import CCurl
internal import CHTTPComm
internal import CVersion
internal import Glibc
public import PluginABI
internal import PluginKit

/// The plugin's entry (plugin.h).
@c(dn_plugin_entry_v1)
public func dn_plugin_entry_v1(_ hostMinor: UInt32) -> UnsafePointer<dn_plugin>? { descriptor }

// SAFETY of nonisolated(unsafe), here and below: written once, read-only afterwards, never freed.
private nonisolated(unsafe) let descriptor = pluginDescriptor(
    id: "org.dandelion.httpcomm", name: "HTTPComm", version: dandelion_version(),
    description: "HTTP/1.1 and HTTP/2 requests for functions, through libcurl.", schema: Settings.table.schema,
    probe: { host, _, out, _ in
        probing(host, out) { services throws(PluginError) in
            _ = try Settings.read(services)
            return library()
        }
    },
    start: { host, _, out, err in
        starting(host, out, err) { services throws(PluginError) in try Instance(host: services) }
    },
    interface: { strcmp($0, DN_COMM_1) == 0 ? UnsafeRawPointer(comm) : nil })

private nonisolated(unsafe) let comm = commTable()

/// What libcurl can do here.
private func library() -> Finding {
    let info = hc_version().pointee
    let name = "libcurl \(info.version.map { String(cString: $0) } ?? "")"
    guard info.features & CURL_VERSION_SSL != 0 else {
        return .degraded(DN_REASON_MISSING_LIBRARY, "\(name) has no TLS: https requests will fail")
    }
    guard info.features & CURL_VERSION_HTTP2 != 0 else {
        return .degraded(DN_REASON_MISSING_LIBRARY, "\(name) has no HTTP/2: HTTP/1.1 is used")
    }
    guard info.features & CURL_VERSION_ASYNCHDNS != 0 else {
        return .degraded(DN_REASON_MISSING_LIBRARY, "\(name) looks names up while all other requests wait")
    }
    guard Authorities.systemFile != nil else {
        return .degraded(
            DN_REASON_OTHER, "the system has no certificate bundle; install ca-certificates for https")
    }
    return .available(name)
}

internal import CCurl
internal import CHTTPComm
internal import CVersion
internal import Glibc
public import PluginABI

/// The plugin's entry (plugin.h).
@c(dn_plugin_entry_v1)
public func dn_plugin_entry_v1(_ hostMinor: UInt32) -> UnsafePointer<dn_plugin>? { UnsafePointer(Descriptor.pointer) }

/// The static descriptor.
enum Descriptor {
    // SAFETY of nonisolated(unsafe): written once by the initialiser, read-only afterwards.
    nonisolated(unsafe) static let pointer = permanent(
        dn_plugin(
            magic: DN_PLUGIN_MAGIC, struct_size: UInt32(MemoryLayout<dn_plugin>.size), abi_major: DN_ABI_MAJOR,
            abi_minor: DN_ABI_MINOR, pointer_bytes: UInt32(MemoryLayout<UnsafeRawPointer>.size),
            flags: DN_PLUGIN_RELOADABLE, id: text("org.dandelion.httpcomm"), name: text("HTTPComm"),
            version: dandelion_version(), vendor: text("Dandelion for Swift"), license: text("Apache-2.0"),
            description: text("HTTP/1.1 and HTTP/2 requests for functions, through libcurl."),
            config_schema: text(Settings.schema), probe: probe, start: start, stop: stop, get_interface: interface))

    static func permanent<T>(_ value: T) -> UnsafeMutablePointer<T> {
        let pointer = UnsafeMutablePointer<T>.allocate(capacity: 1)
        pointer.initialize(to: value)
        return pointer
    }

    /// A static C text.
    static func text(_ text: StaticString) -> UnsafePointer<CChar> {
        // SAFETY: literals live as long as the process and end with a zero.
        UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    private static let probe:
        @convention(c) (
            UnsafePointer<dn_host>, dn_bytes, UnsafeMutablePointer<dn_probe>, UnsafeMutablePointer<dn_error>
        ) -> dn_status = { host, _, out, _ in
            var (availability, reason, message) = library()
            do throws(Refusal) { _ = try Settings(host) } catch {
                (availability, reason, message) = (DN_NOT_AVAILABLE, DN_REASON_BAD_CONFIG, error.message)
            }
            out.pointee.availability = availability
            out.pointee.reason = reason
            Text.copy(message, to: &out.pointee.message)
            return DN_OK
        }

    private static func library() -> (Int32, Int32, String) {
        let info = hc_version().pointee
        let name = "libcurl \(info.version.map { String(cString: $0) } ?? "")"
        guard info.features & CURL_VERSION_SSL != 0 else {
            return (DN_DEGRADED, DN_REASON_MISSING_LIBRARY, "\(name) has no TLS: https requests will fail")
        }
        guard info.features & CURL_VERSION_HTTP2 != 0 else {
            return (DN_DEGRADED, DN_REASON_MISSING_LIBRARY, "\(name) has no HTTP/2: HTTP/1.1 is used")
        }
        guard info.features & CURL_VERSION_ASYNCHDNS != 0 else {
            return (DN_DEGRADED, DN_REASON_MISSING_LIBRARY, "\(name) looks names up while all other requests wait")
        }
        guard Authorities.systemFile != nil else {
            let advice = "the system has no certificate bundle; install ca-certificates for https"
            return (DN_DEGRADED, DN_REASON_OTHER, advice)
        }
        return (DN_AVAILABLE, DN_REASON_NONE, name)
    }

    private static let start:
        @convention(c) (
            UnsafePointer<dn_host>, dn_bytes, UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<dn_error>
        ) -> dn_status = { host, _, out, failure in
            do throws(Refusal) {
                out.pointee = OpaquePointer(Unmanaged.passRetained(try Instance(host)).toOpaque())
                return DN_OK
            } catch { return error.write(to: failure) }
        }

    private static let stop: @convention(c) (OpaquePointer) -> Void = { instance in
        // SAFETY: the host gives back what start gave it, once.
        Unmanaged<Instance>.fromOpaque(UnsafeRawPointer(instance)).release()
    }

    private static let interface: @convention(c) (UnsafePointer<CChar>) -> UnsafeRawPointer? = { id in
        strcmp(id, DN_COMM_1) == 0 ? UnsafeRawPointer(CommTable.pointer) : nil
    }
}

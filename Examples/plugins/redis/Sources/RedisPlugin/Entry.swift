import PluginABI
import Glibc

/// The plugin's entry (plugin.h).
@c(dn_plugin_entry_v1)
public func dn_plugin_entry_v1(_ hostMinor: UInt32) -> UnsafePointer<dn_plugin>? { UnsafePointer(Tables.plugin) }

/// The static tables of the ABI, and the way from C arguments to `Instance` and `Reactor`.
enum Tables {
    // SAFETY of nonisolated(unsafe), here and below: written once by the initialiser, read-only afterwards.
    nonisolated(unsafe) static let plugin = permanent(
        dn_plugin(
            magic: DN_PLUGIN_MAGIC, struct_size: UInt32(MemoryLayout<dn_plugin>.size), abi_major: DN_ABI_MAJOR,
            abi_minor: DN_ABI_MINOR, pointer_bytes: UInt32(MemoryLayout<UnsafeRawPointer>.size),
            flags: DN_PLUGIN_RELOADABLE, id: text("org.dandelion.example.redis"), name: text("Redis"),
            version: text("1.0.0"),
            vendor: text("Dandelion examples"), license: text("Apache-2.0"),
            description: text("Commands to Redis servers, by RESP3."), config_schema: text(Instance.schema),
            probe: probe,
            start: start, stop: { end(Instance.self, $0) },
            get_interface: { strcmp($0, DN_COMM_1) == 0 ? UnsafeRawPointer(comm) : nil }))

    private nonisolated(unsafe) static let comm = permanent(
        dn_comm(
            struct_size: UInt32(MemoryLayout<dn_comm>.size), padding: 0,
            protocols: { _, out, count, _ in
                out.pointee = UnsafePointer(protocols)
                count.pointee = 1
                return DN_OK
            }, validate: validate, reactor_create: create,
            reactor_destroy: { handle in
                object(Reactor.self, handle).shutDown()
                end(Reactor.self, handle)
            }, reactor_fd: { object(Reactor.self, $0).descriptor }, submit: submit, poll: poll,
            wake: { object(Reactor.self, $0).wake() }, cancel: { object(Reactor.self, $0).cancel($1) },
            release: { object(Reactor.self, $0).release($1) }))

    private nonisolated(unsafe) static let protocols = permanent(
        dn_comm_protocol(
            struct_size: UInt32(MemoryLayout<dn_comm_protocol>.size), signature_count: 1, name: text("redis"),
            signatures: UnsafePointer(
                permanent(dn_comm_signature(inputs: text("requests"), outputs: text("kinds replies"))))))

    private static func permanent<T>(_ value: T) -> UnsafeMutablePointer<T> {
        let pointer = UnsafeMutablePointer<T>.allocate(capacity: 1)
        pointer.initialize(to: value)
        return pointer
    }

    private static func text(_ text: StaticString) -> UnsafePointer<CChar> {
        // SAFETY: literals live as long as the process and end with a zero.
        UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    private static func handle(_ object: some AnyObject) -> OpaquePointer {
        OpaquePointer(Unmanaged.passRetained(object).toOpaque())
    }

    private static func object<T: AnyObject>(_ type: T.Type, _ handle: OpaquePointer) -> T {
        // SAFETY: the host passes only what `handle` gave and `end` has not taken.
        Unmanaged<T>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
    }

    private static func end<T: AnyObject>(_ type: T.Type, _ handle: OpaquePointer) {
        // SAFETY: as above, and the host ends a handle once.
        Unmanaged<T>.fromOpaque(UnsafeRawPointer(handle)).release()
    }

    private static let probe:
        @convention(c) (
            UnsafePointer<dn_host>, dn_bytes, UnsafeMutablePointer<dn_probe>, UnsafeMutablePointer<dn_error>
        )
            -> dn_status = { host, _, out, _ in
                do throws(Refusal) {
                    _ = try Instance(host)
                    out.pointee.availability = DN_AVAILABLE
                } catch {
                    out.pointee.availability = DN_NOT_AVAILABLE
                    out.pointee.reason = DN_REASON_BAD_CONFIG
                    writeText(error.message, to: &out.pointee.message)
                }
                return DN_OK
            }

    private static let start:
        @convention(c) (
            UnsafePointer<dn_host>, dn_bytes, UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<dn_error>
        ) -> dn_status = { host, _, out, failure in
            do throws(Refusal) {
                out.pointee = handle(try Instance(host))
                return DN_OK
            } catch { return error.write(to: failure) }
        }

    private static let validate:
        @convention(c) (
            OpaquePointer, UnsafePointer<dn_comm_request>, UnsafeMutablePointer<dn_request_info>,
            UnsafeMutablePointer<dn_error>
        ) -> dn_status = { instance, request, out, failure in
            do throws(Refusal) {
                let instance = object(Instance.self, instance)
                guard request.pointee.input_count == 1 else { return DN_MISUSE }
                let command = try Command(request.pointee.inputs.pointee, instance)
                out.pointee.idempotent = command.isReading ? DN_IDEMPOTENT_YES : DN_IDEMPOTENT_NO
                out.pointee.body_offset = UInt64(command.bodyOffset)
                let name = String(decoding: command.name, as: UTF8.self)
                writeText("\(name) \(instance.servers[command.server].name)", to: &out.pointee.target)
                return DN_OK
            } catch { return error.write(to: failure) }
        }

    private static let create:
        @convention(c) (
            OpaquePointer, UnsafePointer<dn_reactor_params>, UnsafeMutablePointer<OpaquePointer?>,
            UnsafeMutablePointer<dn_error>
        ) -> dn_status = { instance, params, out, failure in
            do throws(Refusal) {
                out.pointee = handle(
                    try Reactor(object(Instance.self, instance), maxInflight: params.pointee.max_inflight))
                return DN_OK
            } catch { return error.write(to: failure) }
        }

    private static let submit:
        @convention(c) (OpaquePointer, UnsafePointer<dn_comm_request>, UnsafeMutablePointer<dn_error>) -> dn_status = {
            reactor, request, failure in
            do throws(Refusal) {
                try object(Reactor.self, reactor).submit(request.pointee)
                return DN_OK
            } catch { return error.write(to: failure) }
        }

    private static let poll:
        @convention(c) (
            OpaquePointer, UInt64, UnsafeMutablePointer<dn_completion>, UInt64, UnsafeMutablePointer<UInt64>,
            UnsafeMutablePointer<dn_error>
        ) -> dn_status = { reactor, timeout, out, capacity, count, failure in
            do throws(Refusal) {
                count.pointee = UInt64(try object(Reactor.self, reactor).poll(timeout, out, Int(clamping: capacity)))
                return DN_OK
            } catch { return error.write(to: failure) }
        }
}

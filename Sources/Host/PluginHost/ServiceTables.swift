internal import CPlatform
internal import CVersion
internal import Glibc
internal import PluginABI
internal import Telemetry
internal import Values

/// The vtables of dn.host.*: one of each for the process, because a call carries its dn_host.
enum ServiceTables {
    // SAFETY of nonisolated(unsafe), here and below: written once before any plugin is loaded, read-only afterwards.
    nonisolated(unsafe) static let hostName = UnsafePointer(strdup("dandelion"))
    nonisolated(unsafe) static let hostVersion = dandelion_version()

    static func table(_ id: String) -> UnsafeRawPointer? {
        switch id {
        case DN_HOST_LOG_1: UnsafeRawPointer(log)
        case DN_HOST_METRICS_1: UnsafeRawPointer(metrics)
        case DN_HOST_CONFIG_1: UnsafeRawPointer(config)
        case DN_HOST_SIGNAL_1: UnsafeRawPointer(signal)
        case DN_HOST_JOBS_1: UnsafeRawPointer(jobs)
        case DN_HOST_MEMORY_1: UnsafeRawPointer(memory)
        case DN_HOST_TURNS_1: UnsafeRawPointer(turns)
        case DN_HOST_FILES_1: UnsafeRawPointer(files)
        case DN_HOST_EGRESS_1: UnsafeRawPointer(EgressTable.table)
        default: nil
        }
    }

    private static func permanent<T>(_ value: T) -> UnsafeMutablePointer<T> {
        let pointer = UnsafeMutablePointer<T>.allocate(capacity: 1)
        pointer.initialize(to: value)
        return pointer
    }

    private nonisolated(unsafe) static let log = permanent(
        dn_host_log(
            struct_size: UInt32(MemoryLayout<dn_host_log>.size), padding: 0,
            enabled: { _, level in Log.isEnabled(LogLevel(rawValue: level) ?? .info) ? 1 : 0 },
            log: { host, level, message in HostServices.of(host)?.log(level, message) }))

    private nonisolated(unsafe) static let metrics = permanent(
        dn_host_metrics(
            struct_size: UInt32(MemoryLayout<dn_host_metrics>.size), padding: 0,
            define: { host, kind, name, help, out in
                guard let services = HostServices.of(host) else { return DN_MISUSE }
                let (status, id) = services.define(kind, String(cString: name), String(cString: help))
                if status == DN_OK { out.pointee = id }
                return status
            },
            add: { host, id, value in HostServices.of(host)?.add(id, value) }))

    private nonisolated(unsafe) static let config = permanent(
        dn_host_config(
            struct_size: UInt32(MemoryLayout<dn_host_config>.size), padding: 0,
            get_string: { host, path, out in
                guard let services = HostServices.of(host) else { return DN_MISUSE }
                let (status, bytes) = services.string(String(cString: path))
                if status == DN_OK { out.pointee = bytes }
                return status
            },
            get_int: { host, path, out in
                lookUp(host, path) {
                    guard case .integer(let value) = $0 else { return false }
                    out.pointee = value
                    return true
                }
            },
            get_bool: { host, path, out in
                lookUp(host, path) {
                    guard case .boolean(let value) = $0 else { return false }
                    out.pointee = value ? 1 : 0
                    return true
                }
            },
            get_count: { host, path, out in
                lookUp(host, path) {
                    guard case .array(let elements) = $0 else { return false }
                    out.pointee = UInt64(elements.count)
                    return true
                }
            }))

    private static func lookUp(
        _ host: UnsafePointer<dn_host>, _ path: UnsafePointer<CChar>, _ take: (ParsedValue.Kind) -> Bool
    ) -> dn_status {
        guard let services = HostServices.of(host) else { return DN_MISUSE }
        guard let value = services.tree.value(at: String(cString: path)) else { return DN_INVALID }
        return take(value.kind) ? DN_OK : DN_BAD_CONFIG
    }

    private nonisolated(unsafe) static let signal = permanent(
        dn_host_signal(
            struct_size: UInt32(MemoryLayout<dn_host_signal>.size), kick_signal: cp_kick_signal(),
            attach: { _, handler, argument, token in
                guard cp_signals_install() == 0 else { return DN_FAILED }
                return cp_signals_attach(handler, argument, token) == 0 ? DN_OK : DN_LIMIT
            },
            detach: { _, token in cp_signals_detach(token) },
            kick: { _, token in cp_signals_kick(token) }))

    private nonisolated(unsafe) static let jobs = permanent(
        dn_host_jobs(
            struct_size: UInt32(MemoryLayout<dn_host_jobs>.size), padding: 0,
            submit: { host, job, argument in
                guard let services = HostServices.of(host) else { return DN_MISUSE }
                // SAFETY of nonisolated(unsafe): the plugin passed argument for exactly this use on another thread.
                nonisolated(unsafe) let argument = argument
                return services.submit { job(argument) }
            }))

    private nonisolated(unsafe) static let memory = permanent(
        dn_host_memory(
            struct_size: UInt32(MemoryLayout<dn_host_memory>.size), padding: 0,
            charge: { host, account, bytes in HostServices.of(host)?.charge(bytes, on: account) ?? DN_MISUSE },
            release: { host, account, bytes in HostServices.of(host)?.release(bytes, on: account) },
            room: { host, account in HostServices.of(host)?.room(on: account) ?? 0 }))

    private nonisolated(unsafe) static let turns = permanent(
        dn_host_turns(
            struct_size: UInt32(MemoryLayout<dn_host_turns>.size), padding: 0,
            begin: { host, kind, out in
                guard let services = HostServices.of(host) else { return DN_MISUSE }
                let (status, turn) = services.beginTurn(kind == DN_TURN_IMPROVEMENT ? .improvement : .awaited)
                out.pointee = turn
                return status
            },
            is_wanted: { host, _ in HostServices.of(host)?.isWanted == true ? 1 : 0 },
            end: { host, turn in HostServices.of(host)?.endTurn(turn) }))

    private nonisolated(unsafe) static let files = permanent(
        dn_host_files(
            struct_size: UInt32(MemoryLayout<dn_host_files>.size), has_large_pages: cp_has_large_pages(),
            create: { _, length, out in
                guard length > 0, length <= UInt64(Int64.max) else { return DN_NO_MEMORY }
                let file = cp_shared_file(length)
                guard file >= 0 else { return file == -EMFILE || file == -ENFILE ? DN_LIMIT : DN_NO_MEMORY }
                out.pointee = file
                return DN_OK
            }))
}

internal import PluginABI

/// The vtables of dn.host.* that a `JudgedHost` gives: each slot asks the judge and calls the real host's.
enum JudgedTables {
    /// - Parameter real: the host that offers the services.
    static func table(_ id: String, of real: RealHost) -> UnsafeRawPointer? {
        // A number of the process, the same each time.
        signal.pointee.kick_signal = real.signal.kick_signal
        files.pointee.has_large_pages = real.files.has_large_pages
        return switch id {
        case DN_HOST_LOG_1: UnsafeRawPointer(log)
        case DN_HOST_METRICS_1: UnsafeRawPointer(metrics)
        case DN_HOST_CONFIG_1: UnsafeRawPointer(config)
        case DN_HOST_SIGNAL_1: UnsafeRawPointer(signal)
        case DN_HOST_JOBS_1: UnsafeRawPointer(jobs)
        case DN_HOST_MEMORY_1: UnsafeRawPointer(memory)
        case DN_HOST_FILES_1: UnsafeRawPointer(files)
        default: nil
        }
    }

    private typealias Host = UnsafePointer<dn_host>

    private static func permanent<T>(_ value: T) -> UnsafeMutablePointer<T> {
        let pointer = UnsafeMutablePointer<T>.allocate(capacity: 1)
        pointer.initialize(to: value)
        return pointer
    }

    // SAFETY of nonisolated(unsafe), here and below: written once, read-only afterwards.
    private nonisolated(unsafe) static let log = permanent(
        dn_host_log(
            struct_size: UInt32(MemoryLayout<dn_host_log>.size), padding: 0,
            enabled: { host, level in
                guard let to = JudgedHost.of(host)?.admit("enabled of dn.host.log", isForProbe: true) else { return 0 }
                return to.log.enabled?(to.host, level) ?? 0
            },
            log: { host, level, message in
                guard let to = JudgedHost.of(host)?.admit("log of dn.host.log", isForProbe: true) else { return }
                to.log.log?(to.host, level, message)
            }))

    private nonisolated(unsafe) static let metrics = permanent(
        dn_host_metrics(
            struct_size: UInt32(MemoryLayout<dn_host_metrics>.size), padding: 0,
            define: { host, kind, name, help, out in
                guard let judge = JudgedHost.of(host), let to = judge.admit("define of dn.host.metrics") else {
                    return DN_MISUSE
                }
                let status = to.metrics.define?(to.host, kind, name, help, out) ?? DN_UNSUPPORTED
                judge.defined(status == DN_OK ? out.pointee : 0, status, String(cString: name))
                return status
            },
            add: { host, id, value in
                guard let judge = JudgedHost.of(host), let to = judge.admit("add of dn.host.metrics") else { return }
                judge.added(id)
                to.metrics.add?(to.host, id, value)
            }))

    private nonisolated(unsafe) static let config = permanent(
        dn_host_config(
            struct_size: UInt32(MemoryLayout<dn_host_config>.size), padding: 0,
            get_string: { host, path, out in settings(host) { $1.get_string?($0, path, out) } },
            get_int: { host, path, out in settings(host) { $1.get_int?($0, path, out) } },
            get_bool: { host, path, out in settings(host) { $1.get_bool?($0, path, out) } },
            get_count: { host, path, out in settings(host) { $1.get_count?($0, path, out) } }))

    private static func settings(_ host: Host, _ read: (Host, dn_host_config) -> dn_status?) -> dn_status {
        guard let to = JudgedHost.of(host)?.admit("dn.host.config", isForProbe: true) else { return DN_MISUSE }
        return read(to.host, to.config) ?? DN_UNSUPPORTED
    }

    private nonisolated(unsafe) static let signal = permanent(
        dn_host_signal(
            struct_size: UInt32(MemoryLayout<dn_host_signal>.size), kick_signal: 0,
            attach: { host, handler, argument, token in
                guard let judge = JudgedHost.of(host), let to = judge.admit("attach of dn.host.signal") else {
                    return DN_MISUSE
                }
                let status = to.signal.attach?(to.host, handler, argument, token) ?? DN_UNSUPPORTED
                if status == DN_OK { judge.didAttach(token.pointee) }
                return status
            },
            detach: { host, token in
                guard let judge = JudgedHost.of(host), let to = judge.admit("detach of dn.host.signal") else { return }
                judge.willDetach(token)
                to.signal.detach?(to.host, token)
            },
            kick: { host, token in
                // The one slot that signal handlers may use.
                let judge = JudgedHost.of(host)
                let to = Contract.isInHandler ? judge?.real : judge?.admit("kick of dn.host.signal")
                guard let to else { return }
                to.signal.kick?(to.host, token)
            }))

    private nonisolated(unsafe) static let jobs = permanent(
        dn_host_jobs(
            struct_size: UInt32(MemoryLayout<dn_host_jobs>.size), padding: 0,
            submit: { host, job, argument in
                guard let judge = JudgedHost.of(host), let to = judge.admit("submit of dn.host.jobs") else {
                    return DN_MISUSE
                }
                let order = Unmanaged.passRetained(Job(contract: judge.contract, body: job, argument: argument))
                let status = to.jobs.submit?(to.host, Job.run, order.toOpaque()) ?? DN_UNSUPPORTED
                if status != DN_OK { order.release() }
                return status
            }))

    private nonisolated(unsafe) static let memory = permanent(
        dn_host_memory(
            struct_size: UInt32(MemoryLayout<dn_host_memory>.size), padding: 0,
            charge: { host, account, bytes in
                guard let to = JudgedHost.of(host)?.admit("charge of dn.host.memory") else { return DN_MISUSE }
                return to.memory.charge?(to.host, account, bytes) ?? DN_UNSUPPORTED
            },
            release: { host, account, bytes in
                guard let to = JudgedHost.of(host)?.admit("release of dn.host.memory") else { return }
                to.memory.release?(to.host, account, bytes)
            },
            room: { host, account in
                guard let to = JudgedHost.of(host)?.admit("room of dn.host.memory") else { return 0 }
                return to.memory.room?(to.host, account) ?? 0
            }))

    private nonisolated(unsafe) static let files = permanent(
        dn_host_files(
            struct_size: UInt32(MemoryLayout<dn_host_files>.size), has_large_pages: 0,
            create: { host, length, out in
                guard let to = JudgedHost.of(host)?.admit("create of dn.host.files") else { return DN_MISUSE }
                return to.files.create?(to.host, length, out) ?? DN_UNSUPPORTED
            }))

    /// A job of the plugin, which makes the thread that runs it known as the host's.
    private final class Job {
        let contract: Contract
        let body: @convention(c) (UnsafeMutableRawPointer?) -> Void
        let argument: UnsafeMutableRawPointer?

        init(
            contract: Contract, body: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Void,
            argument: UnsafeMutableRawPointer?
        ) {
            self.contract = contract
            self.body = body
            self.argument = argument
        }

        static let run: @convention(c) (UnsafeMutableRawPointer?) -> Void = { order in
            guard let order else { return }
            // SAFETY: the one reference that submit retained for this call.
            let job = Unmanaged<Job>.fromOpaque(order).takeRetainedValue()
            job.contract.enter()
            job.body(job.argument)
        }
    }
}

/// The host of the process and its services; what it does not offer has no slots.
struct RealHost {
    let host: UnsafePointer<dn_host>
    let log: dn_host_log
    let metrics: dn_host_metrics
    let config: dn_host_config
    let signal: dn_host_signal
    let jobs: dn_host_jobs
    let memory: dn_host_memory
    let files: dn_host_files

    init(_ host: UnsafePointer<dn_host>) {
        func table<T>(_ id: String, _ none: T) -> T {
            // SAFETY: the id fixes the table's type, and the host of this process is of this version.
            host.pointee.get_interface?(host, id)?.assumingMemoryBound(to: T.self).pointee ?? none
        }
        self.host = host
        log = table(DN_HOST_LOG_1, dn_host_log())
        metrics = table(DN_HOST_METRICS_1, dn_host_metrics())
        config = table(DN_HOST_CONFIG_1, dn_host_config())
        signal = table(DN_HOST_SIGNAL_1, dn_host_signal())
        jobs = table(DN_HOST_JOBS_1, dn_host_jobs())
        memory = table(DN_HOST_MEMORY_1, dn_host_memory())
        files = table(DN_HOST_FILES_1, dn_host_files())
    }
}

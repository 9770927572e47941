import CPluginKit
import CProcess
import Glibc
import PluginABI
import PluginKit

/// The process of which a sandbox's children are clones, the page by which the host speaks with it, and the socket by which
/// children get files. Used by its engine's thread only; its end takes the process along.
final class Zygote {
    /// 0 once it is reaped.
    private var pid: Int32
    let page: UnsafeMutablePointer<dp_zygote>
    private let socket: Int32
    /// Of the last message that was sent there.
    private var message: UInt64 = 0

    /// One that is ready for children of that memory.
    /// - Parameters:
    ///   - pinned: the engine's thread has one CPU, which children inherit.
    ///   - held: children are held at their end.
    init(_ settings: Settings, _ memory: borrowing SlotMemory, pinned: Bool, held: Bool) throws(PluginError) {
        var ends: (host: Int32, child: Int32) = (-1, -1)
        let error = dp_socket_pair(&ends.host, &ends.child)
        guard error == 0 else {
            throw PluginError(DN_NO_MEMORY, "no socket for a sandbox: \(errorText(-error))", errno: -error)
        }
        socket = ends.host
        defer { close(ends.child) }
        // Until the pid is set, `deinit` does not follow a throw; from then on it does.
        let file = dk_memory_file("dandelion-zygote-page", pageSize)
        guard file >= 0 else {
            close(socket)
            throw PluginError(DN_NO_MEMORY, "no memory file: \(errorText(-file))", errno: -file)
        }
        defer { close(file) }
        guard let mapped = dp_map(file, pageSize) else {
            let error = errno
            close(socket)
            throw PluginError(DN_NO_MEMORY, "no addresses: \(errorText(error))", errno: error)
        }
        page = mapped.assumingMemoryBound(to: dp_zygote.self)
        var spawn = dp_spawn(
            slot_fd: memory.file, zygote_fd: file, socket: ends.child, batch: pinned ? 1 : 0, held: held ? 1 : 0,
            padding: 0, stack_size: settings.stackBytes, context_offset: memory.offset(SlotMemory.contextBegin),
            small_end: min(SlotMemory.smallEnd, settings.contextMax), context_begin: SlotMemory.contextBegin,
            context_end: settings.contextMax)
        let made = dp_spawn_zygote(&spawn)
        guard made > 0 else {
            munmap(page, Int(pageSize))
            close(socket)
            throw PluginError(
                DN_UNAVAILABLE,
                "cannot execute a program made in memory: \(errorText(-made)); is vm.memfd_noexec set?", errno: -made)
        }
        pid = made
        try awaitReadiness()
    }

    deinit {
        if pid != 0 {
            dp_kill(pid)
            _ = dp_reap(pid, 1)
        }
        munmap(page, Int(pageSize))
        close(socket)
    }

    private func awaitReadiness() throws(PluginError) {
        var patience = Patience()
        var end: Int32?
        // Short waits: a zygote that was killed wakes nobody.
        while dp_load(dp_zygote_ready(page)) == 0, end == nil, patience.takeStep() {
            _ = dp_futex_wait(dp_zygote_ready(page), 0, Clock.now() &+ Patience.step)
            end = self.end()
        }
        guard dp_load(dp_zygote_ready(page)) == 1, page.pointee.failure == 0 else {
            throw StepFailure(page: page.pointee, end: end, waited: Patience.seconds).error
        }
    }

    /// How its process ended (`dp_reap_telling`); nil = it lives.
    func end() -> Int32? {
        guard pid != 0 else { return 0 }
        var end: Int32 = 0
        guard dp_reap_telling(pid, &end) == 0 else { return nil }
        pid = 0
        return end
    }

    /// Asks for a child. Does not wait.
    func ask() {
        page.pointee.child = 0
        dp_store(dp_command(page), page.pointee.command &+ 1)
        dp_futex_wake(dp_command(page))
    }

    /// Sends files to the child that asks for the message of that number, which is 0 when they could not be sent.
    func send(_ number: inout UInt64, _ files: [Int32]) -> Int32 {
        message &+= 1
        let error = dp_send(socket, message, files, UInt32(files.count))
        number = error == 0 ? message : 0
        return -error
    }
}

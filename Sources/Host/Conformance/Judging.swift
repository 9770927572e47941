internal import CConformance
internal import Glibc
internal import Platform

/// One check in a child process, from its begin to its verdict.
struct Judging {
    let check: Check
    let child: pid_t
    private let sheet: Sheet
    private let deadline: UInt64
    private let timeout: UInt64

    /// Forks; the child judges and does not return.
    /// - Returns: nil when there is no child, with errno.
    init?(_ check: Check, timeout: UInt64, isQuiet: Bool, _ body: (Sheet) -> Void) {
        guard let sheet = Sheet() else { return nil }
        self.check = check
        self.sheet = sheet
        self.timeout = timeout
        deadline = Clock.now() &+ timeout
        child = ck_fork(isQuiet)
        guard child >= 0 else { return nil }
        if child == 0 {
            sheet.attend()
            body(sheet)
            // Not through exit handlers: a plugin's may hang or crash after the verdict.
            _exit(0)
        }
    }

    /// Nil while it goes on.
    func verdict() -> Verdict? {
        var status: Int32 = 0
        let ended = waitpid(child, &status, WNOHANG)
        guard ended == 0 else { return ended == child ? verdict(ofStatus: status) : lost() }
        guard Clock.now() >= deadline else { return nil }
        end()
        return verdict(.hung, "did not end within \(timeout / 1_000_000_000) s\(during)")
    }

    /// Ends the child and what it made.
    func end() {
        kill(-child, SIGKILL)
        kill(child, SIGKILL)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
    }

    private func verdict(ofStatus status: Int32) -> Verdict {
        // What the plugin made may live on.
        kill(-child, SIGKILL)
        if status & 0x7f != 0 {
            let signal = status & 0x7f
            var reason = "signal \(signal): \(String(cString: strsignal(signal)))\(during)"
            if !sheet.access.isEmpty { reason += ": \(sheet.access)" }
            if signal == SIGABRT {
                reason += ": the end of abort(3), as of an exception or panic that leaves the plugin, or a broken heap"
            }
            return verdict(.crashed, reason)
        }
        // A plugin that ends the process may choose any status: only what was written down counts.
        guard let kind = sheet.verdict else {
            return verdict(.crashed, "ended the process with status \(status >> 8 & 0xff)\(during)")
        }
        return verdict(kind, sheet.text)
    }

    private func lost() -> Verdict {
        verdict(.failed, "the child process was lost: \(String(cString: strerror(errno)))")
    }

    private func verdict(_ kind: Verdict.Kind, _ reason: String) -> Verdict {
        Verdict(check: check, kind: kind, reason: reason, notes: sheet.notes)
    }

    private var during: String { sheet.call.isEmpty ? "" : " in \(sheet.call)" }
}

internal import Failure
internal import Glibc
internal import Items
internal import Platform
internal import Registry

/// What is done with a plugin's file before it is mapped.
enum PluginFile {
    /// How far a trial goes.
    enum Trial {
        /// Entry and probe.
        case probe
        /// All that the conformance kit judges (decision 0019).
        case whole
    }

    /// Has child processes do what the node is about to do, so that a plugin that crashes, hangs or breaks a rule costs it
    /// nothing. A signal that asks the node to stop ends the trial.
    ///
    /// - Parameter copy: of the file `original`; nil when that itself is mapped.
    /// - Throws: `.unavailable`, with why the node must not go on.
    static func attempt(
        _ trial: Trial, _ copy: PluginCopy?, original: String, settings: String
    ) throws(Failure) {
        let seconds: UInt64 = trial == .probe ? 10 : 180
        let path = copy?.path(by: ChildProcess.folderDescriptor) ?? original
        let (ending, said) = ChildProcess.run(
            "/proc/self/exe",
            ["plugins", "trial", path, "--original", original] + (trial == .probe ? ["--probe"] : []),
            input: Array(settings.utf8), folder: copy?.folder.descriptor, timeout: seconds * 1_000_000_000,
            while: { !NodeSignals.askToStop })
        func refuse(_ why: String) -> Failure {
            Failure(.unavailable, trial == .probe ? "\(why) when it was inspected" : "failed its trial: \(why)")
        }
        switch ending {
        case .exited(0): return
        case .exited(1):
            let reason = said.trimmingPrefix { $0.isWhitespace }.prefix { $0 != "\n" }
            throw Failure(
                .unavailable,
                trial == .probe ? "was refused when it was inspected: \(reason)" : "failed its trial: \(reason)")
        case .exited(let status): throw refuse("its judge left with status \(status)")
        case .signalled(let signal): throw refuse("its judge died of \(String(cString: strsignal(signal)))")
        case .failed(let code):
            throw refuse("no process could be made for its judge, \(String(cString: strerror(code))),")
        case .abandoned: throw Failure(.unavailable, "was not inspected to its end, because the node is stopping")
        case .timedOut: throw refuse("its judge did not end within \(seconds) s")
        }
    }

    /// - Throws: `.unavailable` when the file cannot be read or has another digest.
    /// - Returns: SHA-256, hexadecimal.
    static func digest(_ path: String, expected: String?) throws(Failure) -> String {
        try digest(of: Blob(try read(path)), path, expected: expected)
    }

    static func digest(of bytes: Blob, _ path: String, expected: String?) throws(Failure) -> String {
        let digest = Store.digest(of: bytes)
        guard expected == nil || digest == expected?.lowercased() else {
            throw Failure(.unavailable, "plugin \(path): has SHA-256 \(digest), the config wants \(expected ?? "")")
        }
        return digest
    }

    private static let mostBytes = 1 << 30

    /// The whole file.
    /// - Throws: `.unavailable`, also when it has more than a gibibyte.
    static func read(_ path: String) throws(Failure) -> [UInt8] {
        // Not blocking, should somebody have put a pipe there.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw failed(path) }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { throw failed(path) }
        guard facts.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.unavailable, "plugin file \(path): is not a regular file")
        }
        do throws(WholeFile.Failed) { return try WholeFile.read(descriptor, limit: mostBytes) } catch {
            if case .tooLong = error {
                throw Failure(.unavailable, "plugin file \(path): has more than \(mostBytes) bytes")
            }
            throw Failure(.unavailable, "plugin file \(path): \(error.text)")
        }
    }

    private static func failed(_ path: String) -> Failure {
        Failure(.unavailable, "plugin file \(path): \(String(cString: strerror(errno)))")
    }
}

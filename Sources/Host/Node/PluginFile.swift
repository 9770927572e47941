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
    /// - Parameter original: what `path` is a copy of.
    /// - Throws: `.unavailable`, with why the node must not go on.
    static func attempt(_ trial: Trial, _ path: String, original: String, settings: String) throws(Failure) {
        let seconds: UInt64 = trial == .probe ? 10 : 180
        let (ending, said) = ChildProcess.run(
            "/proc/self/exe",
            ["plugins", "trial", path, "--original", original] + (trial == .probe ? ["--probe"] : []),
            input: Array(settings.utf8), timeout: seconds * 1_000_000_000, while: { !NodeSignals.askToStop })
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
        try digest(of: read(path), path, expected: expected)
    }

    /// Copies the file to `folder`/<SHA-256>.so, which a changed original does not touch: a mapped file that is
    /// overwritten takes the process with it.
    static func copy(
        _ path: String, expected: String?, to folder: String
    ) throws(Failure) -> (path: String, digest: String) {
        let bytes = try read(path)
        let digest = try digest(of: bytes, path, expected: expected)
        let copy = "\(folder)/\(digest).so"
        if access(copy, R_OK) == 0 { return (copy, digest) }
        let temporary = "\(copy).\(getpid())"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o500)
        guard descriptor >= 0 else { throw failed(temporary) }
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            // SAFETY: bytes has bytes.count readable bytes, and done is below that.
            let count = bytes.withUnsafeBytes {
                write(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done)
            }
            guard count > 0 else { throw failed(temporary) }
            done += count
        }
        guard rename(temporary, copy) == 0 else { throw failed(copy) }
        return (copy, digest)
    }

    /// Makes the folder of copies, empty: those of an earlier node are of no use.
    static func makeFolder(in state: String) throws(Failure) -> String {
        let folder = "\(state)/plugins"
        for (index, character) in zip(folder.indices, folder) where character == "/" && index > folder.startIndex {
            mkdir(String(folder[..<index]), 0o700)
        }
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw failed(folder) }
        guard let stream = opendir(folder) else { throw failed(folder) }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            // SAFETY: d_name is NUL-terminated inside the entry, which lives until the next readdir.
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name.contains(".so") { unlink("\(folder)/\(name)") }
        }
        return folder
    }

    private static func digest(of bytes: [UInt8], _ path: String, expected: String?) throws(Failure) -> String {
        let digest = Store.digest(of: Blob(bytes))
        guard expected == nil || digest == expected?.lowercased() else {
            throw Failure(.unavailable, "plugin \(path): has SHA-256 \(digest), the config wants \(expected ?? "")")
        }
        return digest
    }

    private static func read(_ path: String) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failed(path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failed(path) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }

    private static func failed(_ path: String) -> Failure {
        Failure(.unavailable, "plugin file \(path): \(String(cString: strerror(errno)))")
    }
}

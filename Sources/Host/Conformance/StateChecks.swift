internal import Glibc
internal import Items
internal import Platform
internal import PluginABI
internal import PluginHost

/// What a plugin shares with the host and with its own other generation.
let stateChecks: [Check] = [
    Check(
        "process-kept", .start,
        "It changes no signal handler, mask, directory, umask, locale, environment, affinity or resource limit."
    ) { subject in
        let before = ProcessState.now()
        let instance = try subject.start()
        if subject.offers(DN_COMM_1, instance) { _ = try CommRig(subject) }
        if subject.offers(DN_COMPUTE_1, instance) { _ = try ComputeRig(subject) }
        try ProcessState.now().requireEqual(before)
        if let signal = try ProcessState.handled(by: subject.path) {
            throw Violation(what: "it installed a handler of signal \(signal) of its own; ask \(DN_HOST_SIGNAL_1)")
        }
    },
    Check("two-generations", .start, "A copy of the file loads and works beside the first, and outlives its instance.")
    {
        subject in
        let library = try subject.load()
        guard library.descriptor.isReloadable else {
            throw NotApplicable(why: "it offers no second generation (no DN_PLUGIN_RELOADABLE)")
        }
        let copy = try CopiedFile(of: subject.path)
        defer { copy.remove() }
        let second = Subject(
            path: copy.path, original: subject.path, configuration: subject.configuration, seed: subject.seed,
            guests: subject.guests)
        var first: PluginInstance? = try subject.start()
        let later = try second.start()
        func use(_ generation: Subject, _ instance: PluginInstance) throws {
            if subject.offers(DN_COMM_1, instance) {
                let rig = try CommRig(generation)
                try rig.complete(try rig.submit(1, [65], deadline: 2_000_000_000) ? [1] : [])
            }
            if subject.offers(DN_COMPUTE_1, instance) { _ = try ComputeRig(generation) }
        }
        if let first { try use(subject, first) }
        try use(second, later)
        first = nil
        try use(second, later)
    },
]

/// The file under another path, as a reload gives it.
private struct CopiedFile {
    let path: String
    private let folder: String

    init(of original: String) throws {
        let temporary = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(temporary)/dandelion-generation-XXXXXX".utf8CString)
        // SAFETY: the template is NUL-terminated and ours to change (mkdtemp(3)).
        guard mkdtemp(&template) != nil else {
            throw NotApplicable(why: "\(temporary): no folder for a copy: \(String(cString: strerror(errno)))")
        }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        path = "\(folder)/second.so"
        let bytes = try Folder.read(original)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o755)
        var done = 0
        while descriptor >= 0, done < bytes.count {
            // SAFETY: the range left lies inside bytes.
            let count = bytes.withUnsafeBytes {
                write(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done)
            }
            guard count > 0 else { break }
            done += count
        }
        close(descriptor)
        guard done == bytes.count else { throw NotApplicable(why: "\(path): \(String(cString: strerror(errno)))") }
    }

    func remove() {
        unlink(path)
        rmdir(folder)
    }
}

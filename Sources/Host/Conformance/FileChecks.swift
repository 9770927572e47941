internal import Config
internal import Platform
internal import PluginABI
internal import PluginHost
internal import Values

/// Entry, descriptor, probe and the life of instances.
let fileChecks: [Check] = [
    Check("entry-loads", .file, "The file loads, and its entry gives a complete descriptor of this ABI.") { subject in
        _ = try subject.load()
    },
    Check("descriptor-texts", .file, "The id is a reverse domain name, the version semver; name and license are there.")
    {
        subject in
        let said = try subject.load().descriptor
        try require(said.id.split(separator: ".").count >= 2, "id '\(said.id)' is no reverse domain name")
        let numbers = said.version.prefix { $0 != "-" && $0 != "+" }.split(separator: ".").map { Int($0) }
        try require(numbers.count == 3 && !numbers.contains(nil), "version '\(said.version)' is not semver")
        try require(!said.name.isEmpty && !said.license.isEmpty, "the descriptor lacks a name or a license")
    },
    Check("config-schema", .file, "Each setting in the schema has a type and a description.") {
        subject in
        let text = try subject.load().descriptor.configSchema
        guard !text.isEmpty else { throw NotApplicable(why: "it takes no settings") }
        let schema = try JSONReader.read(text)
        guard let properties = schema["properties"] else { throw Violation(what: "the schema has no properties") }
        for property in properties.entries {
            try require(
                property.value["type"]?.text != nil && property.value["description"]?.text != nil,
                "setting '\(property.key)' lacks a type or a description")
        }
    },
    Check("probe-repeats", .probe, "The probe ends in 100 ms (1 s on a busy machine) and answers the same each time.") {
        subject in
        let first = try subject.probe()
        // Who waits for a CPU is slow for nobody's fault: not each time, and by as many as wait.
        let limit = UInt64(1e9 * min(max(MachineLoad.crowd, 1), 10))
        var fastest = UInt64.max
        for _ in 0..<5 where fastest >= limit {
            let begin = Clock.now()
            let next = try subject.probe()
            fastest = min(fastest, Clock.now() &- begin)
            let said = "first \(first.availability), then \(next.availability)"
            try require(first.availability == next.availability, "\(said): \(first.message) | \(next.message)")
        }
        try require(fastest < limit, "each of five probes took more than \(limit / 1_000_000) ms")
    },
    Check("probe-leaks-nothing", .probe, "A probe leaves no descriptor, thread or signal handler behind.") { subject in
        _ = try subject.probe()
        let before = Resources.now()
        let count = subject.isTrial ? 2 : 4
        for _ in 0..<count { _ = try subject.probe() }
        try Resources.requireNoMore(than: before, after: "\(count) probes")
    },
    Check("interface-stable", .start, "An interface is always the same table, and an unknown one is null.") { subject in
        let library = try subject.load()
        try require(!library.interfaces.isEmpty, "offers neither \(DN_COMPUTE_1) nor \(DN_COMM_1)")
        subject.watch.call("get_interface") { _ = library.interfaces }
        for id in library.interfaces {
            try require(library.interface(id) == library.interface(id), "\(id) has a new table at each call")
        }
        try require(library.interface("org.example.unknown/1") == nil, "an unknown interface is offered")
    },
    Check("start-stop-leaks-nothing", .start, "Starting and stopping leaves no descriptor, thread or handler behind.") {
        subject in
        _ = try subject.start()
        let before = Resources.now()
        let count = subject.isTrial ? 2 : 4
        for _ in 0..<count { _ = try subject.start() }
        try Resources.requireNoMore(than: before, after: "\(count) instances")
    },
    Check("two-instances", .start, "Two instances live side by side, and the first may end before the second.") {
        subject in
        var first: PluginInstance? = try subject.start()
        let second = try subject.start()
        try require(first?.handle != second.handle, "both instances have one handle")
        first = nil
        if subject.offers(DN_COMPUTE_1, second) { _ = try ComputeBackend(second) }
        if subject.offers(DN_COMM_1, second) { _ = try CommBackend(second) }
    },
]

extension Subject {
    func offers(_ id: String, _ instance: PluginInstance) -> Bool { instance.library.interfaces.contains(id) }
}

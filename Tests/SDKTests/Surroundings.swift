import PluginHarness

/// Programs that try what a system gives to a process; all of them say "all good".
enum Surroundings: String, CaseIterable, Sendable {
    case threads, streams, mappings, largeStack, places, blocks, threadsOfCPlusPlus, complex

    var source: String {
        switch self {
        case .largeStack: "mappings.c"
        case .threadsOfCPlusPlus: "threads.cpp"
        case .complex: "complex.cpp"
        default: rawValue + ".c"
        }
    }

    var flags: [String] {
        switch self {
        case .largeStack: ["-Wl,-z,stack-size=33554432"]
        case .threadsOfCPlusPlus, .complex: ["-std=c++20"]
        default: []
        }
    }

    /// The set stdio; mappings.c takes the size of the stack in MiB that it fills.
    var inputs: [GuestSet] {
        [
            GuestSet(
                "stdio",
                [
                    GuestItem("argv", text: self == .largeStack ? "program 31" : "program"),
                    GuestItem("environ", text: "OWN=value"), GuestItem("cwd", text: "/job/here\n"),
                    GuestItem("stdin", text: "input\n"),
                ])
        ]
    }

    var output: String { self == .places ? "by device\nall good\n" : "all good\n" }
}

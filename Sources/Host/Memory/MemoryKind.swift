/// What memory is taken for. The raw values are part of account ids (`MemoryAccount.id(for:)`) and of nothing stored.
public enum MemoryKind: Int, CaseIterable, Sendable {
    /// Sandboxes of functions that run, by their memory limits.
    case runs
    /// Bodies of requests, of registrations too.
    case bodies
    /// What a body, text or table of outputs becomes when it is decoded.
    case decoded
    /// What functions left and consumers have not taken yet.
    case outputs
    /// Sandboxes that are kept for outputs that lie in them.
    case held
    /// Answers that communication functions get.
    case replies
    /// Replies to clients that are being written or sent, as far as they are copies.
    case answers
    /// Registered functions, with the items that are bound to them.
    case functions
    /// Registered compositions.
    case compositions
    /// Images that are loaded, and what loading them takes.
    case images
    /// Buffers and protocol state of connections.
    case connections
    /// What plugins hold on their own behalf.
    case plugins
    /// Entries of durable invocations that have not ended, and the memory of their store.
    case durable

    /// What bounds a kind beside the node's whole memory; kinds of one group share the bound.
    enum Group: Int, CaseIterable {
        case runs, data, kept, images, connections, plugins

        /// The beginning of a sentence that says why there is no room; it goes on with "much memory".
        var what: String {
            switch self {
            case .runs, .data: "the requests in progress hold too"
            case .kept: "what is registered, or about to be, and what waits to be run hold too"
            case .images: "images that are being prepared or in use hold too"
            case .connections: "connections hold too"
            case .plugins: "plugins hold too"
            }
        }
    }

    var group: Group {
        switch self {
        case .runs: .runs
        case .bodies, .decoded, .outputs, .held, .replies, .answers: .data
        case .functions, .compositions, .durable: .kept
        case .images: .images
        case .connections: .connections
        case .plugins: .plugins
        }
    }

    /// In a sentence that says who wants too much.
    var what: String {
        switch self {
        case .runs: "a function"
        case .bodies, .decoded, .outputs, .held, .answers: "the data of a request"
        case .replies: "a reply of a communication function"
        case .functions: "a registered function"
        case .compositions: "a registered composition"
        case .images: "an image"
        case .connections: "a connection"
        case .plugins: "a plugin"
        case .durable: "a durable invocation"
        }
    }

    /// A sandbox: what it takes is at most what is charged, and is asked of the kernel where it must be known.
    public var isSandbox: Bool { self == .runs || self == .held }

    /// As metrics name it.
    public var name: String { "\(self)" }
}

/// One of the places where the node accepts connections: `[node] listen`, or an element of `[[listeners]]`.
public struct ListenerSettings: Sendable, Equatable {
    public var place: ListenPlace
    /// What is served there.
    public var serves: ServedParts
    /// Nil: bytes as they are.
    public var tls: TLSSettings?
    /// Whether requests must say who makes them.
    public var authenticates: Bool
    /// The operator knows that others can listen in, or send what they want.
    public var isInsecure: Bool

    public init(
        _ place: ListenPlace, serves: ServedParts = .all, tls: TLSSettings? = nil, authenticates: Bool = false,
        isInsecure: Bool = false
    ) {
        self.place = place
        self.serves = serves
        self.tls = tls
        self.authenticates = authenticates
        self.isInsecure = isInsecure
    }

    /// Why the node must not serve there unless it is `insecure`; nil when nothing speaks against it.
    /// - Parameter isLocal: whether only this machine's users reach it.
    public func exposure(isLocal: Bool) -> String? { isInsecure || isLocal ? nil : weakness }

    /// What is to be said of a place that others may reach; nil when nothing is.
    public var warning: String? { isInsecure && place.isLocal != true ? weakness : nil }

    private var weakness: String? {
        var missing: [String] = []
        if tls == nil { missing.append("TLS") }
        if !authenticates { missing.append("authentication") }
        guard !missing.isEmpty else { return nil }
        return "others than this machine may reach \(place), and it has no \(missing.joined(separator: " and no "))"
    }
}

/// Where a listener is.
public enum ListenPlace: Sendable, Equatable, CustomStringConvertible {
    case address(ListenAddress)
    /// Path of a socket.
    case unix(String)
    /// A socket that the service manager opened (sd_listen_fds(3)); nil = its only one.
    case inherited(String?)

    /// Reads "127.0.0.1:8080", "unix:/run/node.sock", "inherited" or "inherited:NAME"; nil when `text` has another form.
    public init?(_ text: String) {
        if text == "inherited" {
            self = .inherited(nil)
        } else if let name = text.rest(after: "inherited:") {
            guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x3a }) else { return nil }
            self = .inherited(name)
        } else if let path = text.rest(after: "unix:") {
            // sockaddr_un has 108 bytes, one of them for the end.
            guard !path.isEmpty, path.utf8.count <= 107, !path.utf8.contains(0) else { return nil }
            self = .unix(path)
        } else if let address = ListenAddress(text) {
            self = .address(address)
        } else {
            return nil
        }
    }

    /// Whether only this machine's users reach it; nil when that shows only when the socket is there.
    public var isLocal: Bool? {
        switch self {
        case .unix: true
        case .inherited: nil
        case .address(let address): address.host == "localhost" || AddressRange.isLoopback(address.host)
        }
    }

    public var description: String {
        switch self {
        case .address(let address): "\(address)"
        case .unix(let path): "unix:\(path)"
        case .inherited(let name): name.map { "inherited:\($0)" } ?? "inherited"
        }
    }
}

/// What a listener serves.
public struct ServedParts: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Running functions and compositions.
    public static let invoke = ServedParts(rawValue: 1)
    /// Changing what is registered, and the node's plugins.
    public static let register = ServedParts(rawValue: 2)
    /// Lists, counters, health.
    public static let watch = ServedParts(rawValue: 4)
    public static let all: ServedParts = [.invoke, .register, .watch]

    static let names: KeyValuePairs<String, ServedParts> = [
        "invoke": .invoke, "register": .register, "watch": .watch, "all": .all,
    ]
}

/// The table `tls` of a listener. Files are read again when they change.
public struct TLSSettings: Sendable, Equatable {
    /// PEM file of the certificate, followed by those that lead to the authority.
    public var certificate: String
    /// PEM file of its private key.
    public var key: String
    /// PEM file of the authorities of clients' certificates.
    public var clientAuthorities: String?
    public var clients: ClientCertificates

    public init(
        certificate: String, key: String, clientAuthorities: String? = nil, clients: ClientCertificates = .none
    ) {
        self.certificate = certificate
        self.key = key
        self.clientAuthorities = clientAuthorities
        self.clients = clients
    }

    public var files: [String] { [certificate, key] + (clientAuthorities.map { [$0] } ?? []) }
}

/// Whether clients show certificates.
public enum ClientCertificates: String, Sendable, CaseIterable {
    case none, optional, required
}

extension String {
    /// What follows `prefix`; nil when the text does not begin so.
    fileprivate func rest(after prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}

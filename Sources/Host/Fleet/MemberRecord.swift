internal import Values

/// What a node tells of itself, as the others read it.
struct MemberRecord: Equatable, Sendable {
    /// `http://HOST:PORT`, by which others reach it: its name.
    var address: String
    /// Tells this life of the node from its others.
    var life: String
    var version: String
    var isDraining: Bool
    /// How long a request that comes now waits for an engine, ns.
    var wait: UInt64
    /// Requests in progress.
    var requests: Int
    /// Engines.
    var cores: Int
    /// All changes of the registry up to this revision are in place there.
    var applied: UInt64
    /// Functions and compositions that it has.
    var names: Int

    var json: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("address", address)
            json.member("life", life)
            json.member("version", version)
            json.member("draining", isDraining ? 1 : 0)
            json.member("wait", Int(clamping: wait))
            json.member("requests", requests)
            json.member("cores", cores)
            json.member("applied", Int(clamping: applied))
            json.member("names", names)
        }
        return json.bytes
    }

    init(
        address: String, life: String, version: String, isDraining: Bool, wait: UInt64, requests: Int, cores: Int,
        applied: UInt64, names: Int
    ) {
        (self.address, self.life, self.version, self.isDraining) = (address, life, version, isDraining)
        (self.wait, self.requests, self.cores) = (wait, requests, cores)
        (self.applied, self.names) = (applied, names)
    }

    /// Nil for what no node wrote. Members that are not known are left alone: nodes of a later version write them.
    init?(_ bytes: [UInt8]) {
        guard let read = try? JSONReader.read(bytes: bytes) else { return nil }
        func number(_ key: String) -> UInt64? {
            if case .integer(let number)? = read[key]?.kind { UInt64(exactly: number) } else { nil }
        }
        guard let address = read["address"]?.text, let life = read["life"]?.text, let draining = number("draining"),
            let wait = number("wait"), let applied = number("applied")
        else { return nil }
        self.init(
            address: address, life: life, version: read["version"]?.text ?? "", isDraining: draining != 0, wait: wait,
            requests: Int(clamping: number("requests") ?? 0), cores: max(1, Int(clamping: number("cores") ?? 1)),
            applied: applied, names: Int(clamping: number("names") ?? 0))
    }
}

internal import Items
internal import Registry

/// Where the fleet's engine keeps what belongs to durable invocations.
enum SharedKey {
    static let invocations = "job"
    static let effects = "effect"
    static let keys = "key"

    private static func short(_ text: String) -> String { String(Store.digest(of: Blob(text)).prefix(32)) }
    private static func name(_ owner: InvocationOwner) -> String { short("\(owner.tenant)\0\(owner.space)") }

    static func invocations(of owner: InvocationOwner) -> String { "\(invocations).\(name(owner))" }
    static func invocation(_ id: InvocationID, of owner: InvocationOwner) -> String {
        "\(invocations(of: owner)).\(id)"
    }
    /// Also what keeps two invocations of different owners from having one id.
    static func input(_ id: InvocationID) -> String { "input.\(id)" }
    /// An attempt's own, so that one which is over does not write another's.
    static func result(_ record: InvocationRecord) -> String {
        "result.\(record.id).\(String(record.begun, radix: 16))-\(record.attempts)"
    }
    static func effects(of id: InvocationID) -> String { "\(effects).\(id)" }
    static func effect(_ id: InvocationID, at place: String) -> String { "\(effects(of: id)).\(short(place))" }
    static func key(_ text: String, of owner: InvocationOwner) -> String { "\(keys).\(name(owner)).\(short(text))" }

    /// Tenants are spread over so many queues: a long line of one holds up few others.
    static let queues = 4
    static func queue(_ index: Int) -> String { "durable-\(index)" }
    static func queue(of owner: InvocationOwner) -> Int {
        Int(Store.digest(of: Blob(owner.tenant)).utf8.first ?? 0) % queues
    }
}

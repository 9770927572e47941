internal import Glibc

/// A user of this machine and the groups that it is in.
public struct User: Sendable {
    public let name: String
    public let id: UInt32
    public let group: UInt32
    public let groups: [UInt32]

    /// - Parameter text: a name, or a number that the system knows a user of.
    /// - Returns: nil when there is no such user.
    public init?(_ text: String) {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        let room = UnsafeMutablePointer<CChar>.allocate(capacity: Self.roomForEntry)
        defer { room.deallocate() }
        // SAFETY: `room` has as many bytes as is said; the entry's name lies in it and is copied before it goes.
        let status =
            UInt32(text).map { getpwuid_r($0, &entry, room, Self.roomForEntry, &found) }
            ?? getpwnam_r(text, &entry, room, Self.roomForEntry, &found)
        guard status == 0, found != nil else { return nil }
        (name, id, group) = (String(cString: entry.pw_name), entry.pw_uid, entry.pw_gid)
        groups = Self.groups(of: name, group)
    }

    private static let roomForEntry = 1 << 14

    /// Whose a file is, with that file's group; nil when there is no such file.
    public init?(owning path: String) {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return nil }
        (name, id, group) = ("\(facts.st_uid)", facts.st_uid, facts.st_gid)
        groups = [facts.st_gid]
    }

    private static let mostGroups: Int32 = 1 << 16

    private static func groups(of name: String, _ first: UInt32) -> [UInt32] {
        var count: Int32 = 64
        while true {
            var list = [UInt32](repeating: first, count: Int(count))
            // SAFETY: the list has as many places as `count` says.
            if getgrouplist(name, first, &list, &count) >= 0 { return Array(list.prefix(Int(count))) }
            guard count > Int32(list.count), count <= mostGroups else { return [first] }
        }
    }
}

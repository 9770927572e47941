import CRWasm
import Glibc
import PluginABI
package import PluginKit

/// A folder of compiled modules, bounded: what was not used for longest goes first.
///
/// What is taken from it runs in the node, so each file ends with a seal by which it is known that this node wrote it,
/// under this name. Anything else is removed and told.
package final class Cache: Sendable {
    private let folder: Folder
    private let isTemporary: Bool
    private let budget: UInt64
    private let seal: Seal
    private let told: @Sendable (String) -> Void

    /// The key of the seals, in the folder.
    private static let keyName = "seal.key"
    private static let largest = 1 << 30

    /// Nil makes a folder that goes with this object; so does a folder that others can change, which is told.
    package init(_ directory: String?, budget: UInt64, told: @escaping @Sendable (String) -> Void = { _ in })
        throws(PluginError)
    {
        (self.budget, self.told) = (budget, told)
        if let directory, let own = try Self.own(directory, told) {
            (folder, isTemporary) = (own, false)
            seal = Seal(key: try Self.key(in: own, told))
        } else {
            (folder, isTemporary) = (try Folder.temporary("dandelion-rwasm-"), true)
            guard let key = Seal.makeKey() else { throw Files.failure("no random numbers") }
            seal = Seal(key: key)
        }
    }

    deinit { if isTemporary { folder.removeAll() } }

    private static func own(_ directory: String, _ told: (String) -> Void) throws(PluginError) -> Folder? {
        do throws(PluginError) {
            let folder = try Folder(directory)
            try folder.requireOwn()
            return folder
        } catch {
            told("compiled modules are not kept: \(error.message)")
            return nil
        }
    }

    private static func key(in folder: Folder, _ told: (String) -> Void) throws(PluginError) -> [UInt8] {
        var why = ""
        for _ in 0..<3 {
            do throws(PluginError) {
                if let key = try folder.read(keyName, atMost: Seal.count, isOwn: true) {
                    if key.count == Seal.count { return key }
                    folder.remove(keyName)
                }
            } catch {
                told("compiled modules are made anew: \(error.message)")
                folder.remove(keyName)
            }
            guard let key = Seal.makeKey() else { throw Files.failure("no random numbers") }
            // Of two that do this at once, the second one finds the first one's key.
            do throws(PluginError) { try folder.write(key, to: keyName, mode: 0o600) } catch { why = error.message }
        }
        throw PluginError(DN_IO, "no key to seal compiled modules with: \(why)", retryable: true)
    }

    // MARK: What is kept

    /// A file as it was kept; nil when there is none, or none of this node's.
    package func read(_ name: String) -> [UInt8]? {
        do throws(PluginError) {
            guard var bytes = try folder.read(name, atMost: Self.largest, isOwn: true) else { return nil }
            let end = bytes.count - Seal.count
            guard end >= 0, seal.fits(bytes[end...], name, bytes[..<end]) else {
                throw PluginError(DN_PERMISSION, "\(folder.path)/\(name) was not written by this node")
            }
            bytes.removeLast(Seal.count)
            return bytes
        } catch {
            told("\(error.message); it is removed")
            folder.remove(name)
            return nil
        }
    }

    package func contains(_ name: String) -> Bool { folder.contains(name) }

    package func keep(_ bytes: [UInt8], as name: String) throws(PluginError) {
        try folder.place(bytes + seal.make(name, bytes[...]), as: name)
    }

    /// A new folder for a compiler.
    func makeWork() throws(PluginError) -> Folder { try folder.makeFolder(Self.workPrefix) }

    private static let workPrefix = "work-"

    /// Removes the oldest objects until the rest is within the budget. Loaded ones live on until they are unloaded.
    package func prune(keeping kept: String) {
        guard !isTemporary else { return }
        removeWork()
        let files = folder.entries.filter { $0.name != kept && ($0.name.hasSuffix(".so") || $0.name.hasSuffix(".elf")) }
        var total = files.reduce(0) { $0 + $1.size }
        for file in files.sorted(by: { $0.used < $1.used }) where total > budget {
            folder.remove(file.name)
            total -= file.size
        }
    }

    /// Removes what compilations left that the end of a node cut short: none takes as long as `longestWork`.
    private func removeWork() {
        for entry in folder.entries where entry.name.hasPrefix(Self.workPrefix) || entry.name.hasPrefix("new-") {
            if time(nil) - entry.used > Self.longestWork { folder.remove(entry.name) }
        }
    }

    /// Seconds.
    private static var longestWork: Int { 24 * 3600 }
}

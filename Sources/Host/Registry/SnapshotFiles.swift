internal import Failure
internal import Items
internal import Memory
internal import Telemetry

/// Snapshots as files of the state folder, so that a restart need not prepare functions again.
///
/// Functions begin with what is in them, so each ends with a seal (HMAC-SHA-256) by which it is known that this node wrote it,
/// under this name. Anything else is removed and told, and the function is prepared anew.
final class SnapshotFiles: Sendable {
    private let folder: StoreFolder
    private let temporary: StoreFolder
    private let damaged: StoreFolder
    private let seal: StateSeal

    private static let sealSize = 32

    /// - Parameter root: the state folder.
    init(in root: StoreFolder, temporary: StoreFolder, damaged: StoreFolder) throws(Failure) {
        folder = try StoreFolder("snapshots", in: root)
        self.temporary = temporary
        self.damaged = damaged
        seal = try StateSeal(in: folder)
    }

    /// What was written under the name; nil when nothing was, or nothing that can be used.
    /// - Throws: `.busy` or `.memory` when there is no room for it now.
    func read(_ name: String, _ account: MemoryAccount) throws(Failure) -> Blob? {
        do throws(Failure) {
            let file = try folder.openFile(name, limit: .max)
            let all = try file.read(account, .images)
            let size = all.count - Self.sealSize
            guard let start = all.start, size >= 0,
                isSeal(
                    UnsafeRawBufferPointer(start: start + size, count: Self.sealSize), of: name,
                    UnsafeRawBufferPointer(start: start, count: size))
            else { throw Failure(.invalid, "state: \(file.path) was not written by this node, or was changed") }
            return Blob(storage: all.storage, start: start, count: size)
        } catch {
            if error.kind == .busy || error.kind == .memory { throw error }
            if error.kind != .notFound { refuse(name, error.detail) }
            return nil
        }
    }

    /// Removes a file that cannot be used, and tells why.
    func refuse(_ name: String, _ why: String) {
        Log.error("\(why); the snapshot is removed, and made anew")
        // What is no file is moved out of the way.
        if (try? folder.remove(name)) == nil { _ = try? folder.setAside(name, to: damaged) }
    }

    /// Keeps `contents`, behind which there is room for the seal.
    func write(_ name: String, _ contents: UnsafeMutableRawBufferPointer) throws(Failure) {
        let size = contents.count - Self.sealSize
        guard size >= 0 else { return }
        let made = seal.seal(of: name, UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(contents)[..<size]))
        made.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: contents[size...]).copyMemory(from: $0) }
        try folder.write(name, UnsafeRawBufferPointer(contents), by: temporary)
    }

    /// Bytes that `write` needs behind the contents.
    static var room: Int { sealSize }

    func names() -> [String] { ((try? folder.names()) ?? []).filter { $0 != StateSeal.file } }
    func remove(_ name: String) { folder.discard(name) }

    private func isSeal(_ given: UnsafeRawBufferPointer, of name: String, _ contents: UnsafeRawBufferPointer) -> Bool {
        // Not by ==, whose time tells how much of a forged one is right.
        zip(given, seal.seal(of: name, contents)).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

public import Failure
internal import Glibc
public import Items
public import Memory
internal import Synchronization

/// What is registered, in a folder that survives `kill -9` and loss of power at any moment.
///
///     lock            held by the process that uses the folder
///     functions/      one record for each version of a function (StoreFormat)
///     compositions/   one record for each registered text
///     aliases/        one record for each alias
///     contents/       images and data of bound items, each under its SHA-256
///     temporary/      files being written
///     damaged/        what could not be used at a start
///     cache/          what backends made of the default tenant's images, to be used again
///     caches/         the same for each other tenant, in a folder of its own
///     plugins/        copies of the plugins' files while a node runs (room Node)
///     trials/         which plugins passed their trial (room Node)
///     secrets/        what communication functions send and no function knows, sealed (room Identity)
///     accounts/       what tenants used, a file for each day (room Node)
///     snapshots/      what programs of functions prepared for every run to begin with (SnapshotFiles)
///
/// Calls block on the disk and may come from any thread; those that change something wait for each other.
public final class Store: Sendable {
    let functionsFolder: StoreFolder
    let textsFolder: StoreFolder
    let aliasesFolder: StoreFolder
    let contents: StoreFolder
    let openImages = OpenImages()
    let temporary: StoreFolder
    let damaged: StoreFolder
    let snapshots: SnapshotFiles
    private let lock: StoreLock
    let index = Mutex(StoreIndex())
    /// Where what is read from the folder is charged.
    let memory: MemoryBudget
    /// Folders for results of image loading that a later load may reuse: the default tenant's, and those of the others.
    private let cache: StoreFolder
    private let otherCaches: StoreFolder

    /// Opens the folder, makes it when it does not exist, reads all records and cleans up after a crash. Records that are
    /// found wrong are set aside, those that cannot be read stay; both are told to the log and stop nothing.
    /// - Throws: `.internal` when the folder as a whole cannot be used, or another process uses it.
    public init(directory: String, memory: MemoryBudget = MemoryBudget()) throws(Failure) {
        self.memory = memory
        let root = try StoreFolder(directory)
        lock = try StoreLock(in: root)
        functionsFolder = try StoreFolder("functions", in: root)
        textsFolder = try StoreFolder("compositions", in: root)
        aliasesFolder = try StoreFolder("aliases", in: root)
        contents = try StoreFolder("contents", in: root)
        temporary = try StoreFolder("temporary", in: root)
        damaged = try StoreFolder("damaged", in: root)
        cache = try StoreFolder("cache", in: root)
        otherCaches = try StoreFolder("caches", in: root)
        snapshots = try SnapshotFiles(in: root, temporary: temporary, damaged: damaged)
        try load()
    }

    /// All functions, in the order of their registration.
    public func functions() -> [StoredFunction] {
        index.withLock { $0.functions.values.sorted { $0.sequence < $1.sequence }.map(\.function) }
    }

    /// All compositions, in the order of their registration.
    public func compositions() -> [StoredComposition] {
        index.withLock { index in
            index.texts.sorted { $0.key < $1.key }.flatMap { _, stored in
                zip(stored.names, stored.versions).map {
                    StoredComposition(
                        name: $0, text: stored.text, tenant: stored.tenant, space: stored.space, version: $1)
                }
            }
        }
    }

    public func aliases() -> [StoredAlias] { index.withLock { Array($0.aliases.values) } }

    /// A folder for results of image loading that a later load of the same tenant may reuse: with others' the time that loading
    /// takes would tell what they have.
    func cacheDirectory(of space: String) throws(Failure) -> String {
        guard space != Space.standard else { return cache.path }
        return try StoreFolder(StoreName.encode(space.utf8), in: otherCaches).path
    }

    /// Reads an image from the disk (from the page cache, where it usually is).
    /// - Parameter account: What the image takes is charged there; nil = the node's own.
    /// - Throws: `.internal` when it is gone or the disk fails; `.busy` or `.memory` when there is no room for it.
    public func image(_ digest: String, _ account: MemoryAccount? = nil) throws(Failure) -> Blob {
        let account = account ?? memory.own
        do throws(Failure) {
            return try openImage(digest).read(account, .images)
        } catch {
            guard error.kind == .busy || error.kind == .memory else { throw Failure(.internal, error.detail) }
            throw error
        }
    }

    /// An image's file, which can be read even when it was removed. - Throws: as `StoreFolder.openFile`.
    func openImage(_ digest: String) throws(Failure) -> OpenFile {
        if let open = openImages.file(digest) { return open }
        let file = try contents.openFile(digest, limit: .max)
        openImages.keep(file, digest)
        return file
    }
}

/// What the folder holds.
struct StoreIndex {
    /// By file name.
    var functions: [String: (sequence: Int64, function: StoredFunction)] = [:]
    /// By sequence, which is their file name.
    var texts: [Int64: StoredText] = [:]
    /// By file name.
    var aliases: [String: StoredAlias] = [:]
    /// Names of files that could not be read, so that nothing overwrites them.
    var unreadable: Set<String> = []
    /// How many functions need each content.
    var uses: [StoredContent: Int] = [:]
    /// The same among those of one tenant.
    var usesBySpace: [String: [StoredContent: Int]] = [:]
    var nextSequence: Int64 = 1

    /// Of compositions, with their versions.
    func labels(in space: String) -> Set<String> {
        Set(texts.values.lazy.filter { $0.space == space }.flatMap(\.labels))
    }

    mutating func use(_ function: StoredFunction) {
        for content in function.contents {
            uses[content, default: 0] += 1
            usesBySpace[function.definition.space, default: [:]][content, default: 0] += 1
        }
    }

    mutating func release(_ function: StoredFunction) {
        for content in function.contents {
            Self.release(content, in: &uses)
            Self.release(content, in: &usesBySpace[function.definition.space, default: [:]])
        }
        if usesBySpace[function.definition.space]?.isEmpty == true { usesBySpace[function.definition.space] = nil }
    }

    private static func release(_ content: StoredContent, in uses: inout [StoredContent: Int]) {
        uses[content] = uses[content].flatMap { $0 > 1 ? $0 - 1 : nil }
    }
}

/// Keeps a second node out of the folder. The kernel gives the lock up when the process ends, however it ends, and does
/// not pass it to children, as it would one of flock(2).
private final class StoreLock: Sendable {
    private let descriptor: Int32

    init(in folder: StoreFolder) throws(Failure) {
        let path = "\(folder.path)/lock"
        descriptor = try folder.openOrMake("lock")
        var range = Glibc.flock()
        range.l_type = Int16(F_WRLCK)
        range.l_whence = Int16(SEEK_SET)
        guard fcntl(descriptor, F_SETLK, &range) != 0 else { return }
        if errno == EACCES || errno == EAGAIN {
            throw Failure(.internal, "state: \(folder.path) is in use by another node")
        }
        throw StoreFolder.failed("lock", path)
    }

    deinit { close(descriptor) }
}

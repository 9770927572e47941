import Failure
import Foundation
import Items
import Testing

@testable import Registry

/// Whatever stands in the place of a file of the state folder: the store comes up without it or says what is wrong, does not
/// wait for ever, and touches nothing outside.
@Suite struct PlantedFileTests {
    enum Kind: String, CaseIterable, Sendable {
        case link, danglingLink, pipe, folder, huge, empty, half, writable, others
    }

    private let scratch = Scratch()
    private var state: String { scratch.path + "/state" }
    private var victim: String { scratch.path + "/victim" }
    private static let image = Blob("the image of f")

    init() throws {
        for made in [scratch.path, state] { mkdir(made, 0o700) }
        try Data("untouched".utf8).write(to: URL(fileURLWithPath: victim))
        let store = try Store(directory: state)
        try store.save("f", image: Self.image, bound: [Item(ident: Blob("i"), key: 0, data: Blob("bound"))])
        let root = try StoreFolder(state)
        _ = try StateSeal(in: try StoreFolder("trials", in: root))
    }

    private func plant(_ kind: Kind, at file: String) throws {
        let bytes = (try? Data(contentsOf: URL(fileURLWithPath: file))) ?? Data()
        if ![.writable, .others, .half, .huge].contains(kind) { unlink(file) }
        switch kind {
        case .link: symlink(victim, file)
        case .danglingLink: symlink(scratch.path + "/made", file)
        case .pipe: mkfifo(file, 0o600)
        case .folder: mkdir(file, 0o700)
        case .huge: truncate(file, 1 << 42)
        case .empty: try Data().write(to: URL(fileURLWithPath: file))
        case .half: truncate(file, bytes.count / 2)
        case .writable: chmod(file, 0o666)
        case .others: chown(file, 65534, 65534)
        }
    }

    private func requireVictimUntouched() throws {
        #expect(try Data(contentsOf: URL(fileURLWithPath: victim)) == Data("untouched".utf8))
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/made"))
    }

    private func restart() -> (store: Store?, why: String) {
        do throws(Failure) { return (try Store(directory: state), "") } catch { return (nil, error.detail) }
    }

    /// Records and what they need: the function is gone, and the store works.
    @Test(.timeLimit(.minutes(1)), arguments: ["functions", "contents"], Kind.allCases)
    func whatIsKept(folder: String, kind: Kind) throws {
        guard kind != .others || geteuid() == 0 else { return }
        let name = folder == "functions" ? "f" : Store.digest(of: Self.image)
        try plant(kind, at: "\(state)/\(folder)/\(name)")
        let (store, why) = restart()
        let works = try #require(store, "\(why)")
        #expect(works.functions().isEmpty)
        try works.save("g", image: Blob("another"))
        #expect(works.functions().map(\.definition.name) == ["g"])
        try requireVictimUntouched()
    }

    /// The lock is this node's or none: the folder is refused, and the message names it.
    @Test(.timeLimit(.minutes(1)), arguments: [Kind.link, .danglingLink, .pipe, .folder, .others])
    func theLock(kind: Kind) throws {
        guard kind != .others || geteuid() == 0 else { return }
        try plant(kind, at: "\(state)/lock")
        let (store, why) = restart()
        #expect(store == nil && why.contains("lock"), "\(why)")
        try requireVictimUntouched()
    }

    /// Where files are written first: what stands there is replaced, by a running node too.
    @Test(.timeLimit(.minutes(1)), arguments: [Kind.link, .danglingLink, .pipe, .huge, .writable])
    func whatIsBeingWritten(kind: Kind) throws {
        let store = try Store(directory: state)
        let next = Blob("an image that comes")
        for name in ["g", Store.digest(of: next)] {
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(state)/temporary/\(name)"))
            try plant(kind, at: "\(state)/temporary/\(name)")
        }
        try store.save("g", image: next)
        #expect(try store.image(Store.digest(of: next)).text == "an image that comes")
        try requireVictimUntouched()
    }

    /// A key that is not the node's own, or not whole, is replaced by a new one: what was sealed by it is worth nothing.
    @Test(.timeLimit(.minutes(1)), arguments: Kind.allCases) func theKey(kind: Kind) throws {
        guard kind != .others || geteuid() == 0 else { return }
        let folder = try StoreFolder("trials", in: try StoreFolder(state))
        let before = try StateSeal(in: folder).seal(of: "text")
        #expect(try StateSeal(in: folder).seal(of: "text") == before)
        try plant(kind, at: "\(state)/trials/key")
        if kind == .folder {
            let failure = #expect(throws: Failure.self) { _ = try StateSeal(in: folder) }
            #expect(failure?.detail.contains("trials/key") == true, "\(failure?.detail ?? "")")
        } else {
            let after = try StateSeal(in: folder).seal(of: "text")
            #expect(after != before)
            #expect(try StateSeal(in: folder).seal(of: "text") == after)
            var facts = stat()
            #expect(stat("\(state)/trials/key", &facts) == 0 && facts.st_mode & 0o777 == 0o600)
        }
        try requireVictimUntouched()
    }
}

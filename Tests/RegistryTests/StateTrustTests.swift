import Failure
import Foundation
import Items
import Testing

@testable import Registry

/// What somebody else could have put into the state folder is not used, and told.
@Suite struct StateTrustTests {
    @Test func aFolderThatOthersCanWriteIsRefused() throws {
        let scratch = Scratch()
        let folder = scratch.path + "/open"
        for place in ["", "/functions"] {
            do { _ = try Store(directory: folder) }
            chmod(folder + place, 0o777)
            let failure = #expect(throws: Failure.self) { _ = try Store(directory: folder) }
            #expect(failure?.detail.contains("chmod go-w") == true, "\(failure?.detail ?? "")")
            chmod(folder + place, 0o700)
        }
        if geteuid() == 0 {
            chown(folder, 65534, 65534)
            let failure = #expect(throws: Failure.self) { _ = try Store(directory: folder) }
            #expect(failure?.detail.contains("belongs to user 65534") == true, "\(failure?.detail ?? "")")
            chown(folder, 0, 0)
        }
        #expect(throws: Never.self) { _ = try Store(directory: folder) }
    }

    /// A link in the place of a folder leads nowhere, and nothing behind it is touched.
    @Test(arguments: ["temporary", "contents", "functions", "cache"]) func linksAreNotFollowed(name: String) throws {
        let scratch = Scratch()
        let folder = scratch.path + "/state"
        let victim = scratch.path + "/victim"
        for made in [scratch.path, folder, victim] { mkdir(made, 0o700) }
        _ = FileManager.default.createFile(atPath: victim + "/important", contents: Data([1]))
        symlink(victim, "\(folder)/\(name)")
        let failure = #expect(throws: Failure.self) { _ = try Store(directory: folder) }
        #expect(failure?.detail.contains("is a link") == true, "\(failure?.detail ?? "")")
        #expect(FileManager.default.fileExists(atPath: victim + "/important"))
    }

    @Test func aPlantedContentIsNotRead() throws {
        let scratch = Scratch()
        let folder = scratch.path + "/state"
        let digest = Store.digest(of: Blob("mine"))
        do {
            let store = try Store(directory: folder)
            try store.save(
                FunctionDefinition(name: "f", className: "c", inputs: [], outputs: []), image: Blob("mine"),
                digest: digest)
        }
        let file = "\(folder)/contents/\(digest)"
        chmod(file, 0o666)
        #expect(try Store(directory: folder).functions().isEmpty)
        #expect(FileManager.default.fileExists(atPath: folder + "/damaged/f"))
    }
}

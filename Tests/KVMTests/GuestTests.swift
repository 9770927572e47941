import Glibc
import PluginHarness
import Testing

/// Every guest compiles, on machines without /dev/kvm too; Machines/svm.sh takes the images from here.
@Test func everyGuestCompiles() throws {
    for folder in [GuestCompiler.sources, Rig.guests] {
        let stream = try #require(opendir(folder))
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasSuffix(".c") else { continue }
            let flags = folder == Rig.guests && name == "registers.c" ? Rig.ownEntry : []
            #expect(!(try GuestCompiler.image(String(name.dropLast(2)), flags: flags, in: folder)).isEmpty)
        }
    }
}

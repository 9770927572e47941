internal import Failure
internal import Memory
internal import Items
internal import PluginABI
internal import PluginHost

/// Translators: what becomes of images that they do not know.
let translateChecks: [Check] = [
    Check("translate-refuses", .translate, "It makes nothing of noise, nor of anything for unknown formats.") {
        subject in
        let instance = try subject.start()
        guard subject.offers(DN_TRANSLATE_1, instance) else {
            throw NotApplicable(why: "it offers no \(DN_TRANSLATE_1)")
        }
        let translator = try Translator(instance)
        func makes(_ image: [UInt8], for targets: String) throws -> Bool {
            do throws(Failure) {
                let made = try Blob(image).withUnsafeBytes { bytes throws(Failure) in
                    try subject.watch.call("translate") { () throws(Failure) -> Blob? in
                        try translator.translate(
                            bytes, targets: targets, label: "noise", cacheDirectory: "/proc/self/none",
                            account: subject.memory.own)
                    }
                }
                return made != nil
            } catch {
                try require(error.kind == .invalid, "\(image.count) bytes of noise are answered with: \(error.detail)")
                return false
            }
        }
        var random = subject.random
        for _ in 0..<50 {
            let noise = (0..<Int.random(in: 0...300, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            try require(
                try !makes(noise, for: "elf-x86_64 elf-aarch64"), "noise of \(noise.count) bytes became an image")
            try require(try !makes(noise, for: "org.example.none"), "an image was made in a format that nobody knows")
        }
    }
]

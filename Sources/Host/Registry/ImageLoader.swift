internal import Failure
internal import Items
internal import Memory
internal import PluginHost

/// The loading of one image on backends, as it is or translated.
struct ImageLoader {
    /// What messages call it: the function's name.
    let label: String
    /// The function at which runs begin; nil for the format's own.
    let entry: String?
    let cacheDirectory: String
    /// Where what loading takes is charged.
    let account: MemoryAccount
    let progress: (@Sendable (Int, String) -> Void)?

    /// - Returns: nil when the backend does not know the format, or the translator can make none that it knows.
    func load(
        _ image: Blob, on backend: ComputeBackend, by translator: Translator?
    ) throws(Failure) -> ComputeImage? {
        try image.withUnsafeBytes { bytes throws(Failure) in
            guard let translator else { return try load(bytes, on: backend) }
            guard entry == nil else {
                throw Failure(
                    .invalid, "what \(translator.name) makes of images begins where they say; 'entry' cannot be chosen")
            }
            let made = try translator.translate(
                bytes, targets: backend.imageFormats, label: label, cacheDirectory: cacheDirectory, account: account,
                progress: progress)
            guard let made else { return nil }
            guard let loaded = try made.withUnsafeBytes({ made throws(Failure) in try load(made, on: backend) })
            else {
                throw Failure(.internal, "\(translator.name) made an image for \(backend.name) that it does not know")
            }
            return loaded
        }
    }

    private func load(_ bytes: UnsafeRawBufferPointer, on backend: ComputeBackend) throws(Failure) -> ComputeImage? {
        try backend.loadImage(
            bytes, label: label, entry: entry, cacheDirectory: cacheDirectory, account: account, progress: progress)
    }

    func unknownFormat(in runClass: RunClass) -> Failure {
        var what = "the image of '\(label)' is in no format of class '\(runClass.name)'; its backends: "
        what += runClass.backends.map { "\($0.name) (\($0.imageFormats))" }.joined(separator: ", ")
        let translators = runClass.translators.map { $0.current == nil ? "\($0.name) (unavailable)" : $0.name }
        if !translators.isEmpty { what += "; its translators: \(translators.joined(separator: ", "))" }
        what += ". Programs become functions when they are built with the SDK (SDK/README.md)"
        return Failure(.invalid, what, [.init("function", label), .init("class", runClass.name)])
    }
}

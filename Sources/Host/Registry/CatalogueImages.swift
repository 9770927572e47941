internal import Engines
public import Failure
internal import Items
internal import Memory
internal import Platform
public import PluginHost
internal import Synchronization
internal import Telemetry

/// Images of registered functions, loaded on backends. Each tenant's are loaded for that tenant (`ImageChoice.space`).
extension Catalogue {
    /// Loads on `next` every image that is loaded on `old`, so that a reload costs no request the loading, and so that a
    /// plugin which refuses one of them is found out before.
    public func loadImages(of old: ComputeBackend, on next: ComputeBackend) throws(Failure) {
        for key in images.keys(of: ObjectIdentifier(old)) {
            let account = old.instance.memory.own
            guard let bytes = try registeredImage(key.image, account) else { continue }
            let loader = ImageLoader(
                label: key.image.digest, entry: key.image.entry,
                cacheDirectory: try store.cacheDirectory(of: key.image.space), account: account, progress: nil)
            let translator = try translator(named: key.translator)
            guard let loaded = try loader.load(bytes, on: next, by: translator) else {
                throw Failure(.conflict, "it does not know the format of image \(key.image.digest)")
            }
            let own = ImageCache.Key(
                backend: ObjectIdentifier(next), image: key.image, translator: key.translator)
            images.insert(loaded, own)
        }
    }

    func versions(of image: ImageChoice) -> [CodeVersion] {
        images.images(of: image).compactMap(CodeVersion.init).sorted { $0.backend < $1.backend }
    }

    /// How many loaded images are in each version that their backends make better.
    public var imageVersions: [String: Int] { images.versions() }

    /// Nil when no function has it any more.
    private func registeredImage(_ image: ImageChoice, _ account: MemoryAccount) throws(Failure) -> Blob? {
        do throws(Failure) {
            return try store.image(image.digest, account)
        } catch {
            let isUsed = space(of: image.space).table.withLock { $0.hasFunction(withImage: image.digest) }
            guard !isUsed else { throw error }
            return nil
        }
    }

    private func translator(named name: String?) throws(Failure) -> Translator? {
        guard let name else { return nil }
        let slots = classes.values.lazy.flatMap(\.translators)
        guard let found = slots.compactMap(\.current).first(where: { $0.name == name }) else {
            throw Failure(.unavailable, "translator '\(name)' is unavailable")
        }
        return found
    }

    /// Keeps no image of `backend` any longer.
    public func forgetImages(of backend: ComputeBackend) { images.removeAll(of: ObjectIdentifier(backend)) }

    /// The image of a function; `kept` is its file, once the function was removed.
    func image(
        _ choice: ImageChoice, of function: String, in runClass: RunClass, fresh: Bool, account: MemoryAccount,
        kept: KeptImage
    ) throws(Failure) -> ComputeImage {
        if !fresh, let image = cachedImage(choice, in: runClass) { return image }
        defer { space(of: choice.space).forgetUnused(choice.digest) }
        func loadStored() throws(Failure) -> ComputeImage {
            let bytes = try bytes(of: choice.digest, account, kept)
            return try loadAtOnce(bytes, choice, of: function, in: runClass, account)
        }
        guard !fresh else { return try loadStored() }
        // Every engine may need the image at once: the first loads it, the others wait.
        return try loading.alone("\(choice.digest) \(choice.space)") { () throws(Failure) in
            if let image = cachedImage(choice, in: runClass) { return image }
            return try loadStored()
        }
    }

    private func bytes(of digest: String, _ account: MemoryAccount, _ kept: KeptImage) throws(Failure) -> Blob {
        do throws(Failure) {
            return try store.image(digest, account)
        } catch {
            // A function that was removed meanwhile has its file still.
            guard error.kind == .internal, let file = kept.file else { throw error }
            return try file.read(account, .images)
        }
    }

    /// Loads on an engine's thread, on which nothing may take long: an image that must be compiled anew is prepared by a
    /// helper, and whoever asks meanwhile is to come again.
    private func loadAtOnce(
        _ bytes: Blob, _ choice: ImageChoice, of function: String, in runClass: RunClass, _ account: MemoryAccount
    ) throws(Failure) -> ComputeImage {
        let caller = Turns.Caller(mayWait: false)
        do {
            return try Turns.working(for: caller) { () throws(Failure) in
                try load(bytes, choice, label: function, in: runClass, account: account)
            }
        } catch  where caller.wasRefused {
            prepare(bytes, choice, of: function, in: runClass, account)
            throw Failure(
                .unavailable, "function '\(function)' is being compiled again; it can be run when that is done",
                [.init("function", function)], cause: .transient(seconds: 5))
        }
    }

    private func prepare(
        _ bytes: Blob, _ choice: ImageChoice, of function: String, in runClass: RunClass, _ account: MemoryAccount
    ) {
        guard preparing.withLock({ $0.insert(choice).inserted }) else { return }
        let accepted = HelperThreads.shared.submit {
            do throws(Failure) {
                _ = try self.load(bytes, choice, label: function, in: runClass, account: account)
            } catch {
                Log.warning("function '\(function)' cannot be prepared: \(error.detail)")
            }
            _ = self.preparing.withLock { $0.remove(choice) }
        }
        if !accepted { _ = preparing.withLock { $0.remove(choice) } }
    }

    private func cachedImage(_ choice: ImageChoice, in runClass: RunClass) -> ComputeImage? {
        func key(_ backend: ObjectIdentifier, _ translator: String? = nil) -> ImageCache.Key {
            ImageCache.Key(backend: backend, image: choice, translator: translator)
        }
        for slot in runClass.slots {
            guard let backend = slot.current.map({ ObjectIdentifier($0) }) else { continue }
            if let image = images.image(key(backend)) { return image }
            for translator in runClass.translators {
                if let image = images.image(key(backend, translator.name)) { return image }
            }
        }
        return nil
    }

    /// Loads an image on the first backend of the class that knows its format, else on the first for which a translator of
    /// the class can make one, and caches it.
    func load(
        _ bytes: Blob, _ choice: ImageChoice, label: String, in runClass: RunClass, account: MemoryAccount,
        progress: (@Sendable (Int, String) -> Void)? = nil
    ) throws(Failure) -> ComputeImage {
        let loader = ImageLoader(
            label: label, entry: choice.entry, cacheDirectory: try store.cacheDirectory(of: choice.space),
            account: account,
            progress: progress ?? LoadProgress(label).told)
        for translator in [nil] + runClass.translators.compactMap(\.current) {
            for backend in runClass.backends {
                guard let loaded = try loader.load(bytes, on: backend, by: translator) else { continue }
                let key = ImageCache.Key(
                    backend: ObjectIdentifier(backend), image: choice, translator: translator?.name)
                images.insert(loaded, key)
                return loaded
            }
        }
        throw loader.unknownFormat(in: runClass)
    }
}

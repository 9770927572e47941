internal import PluginHost
internal import Synchronization
internal import Telemetry

/// Loaded images by backend and content digest; the least recently used go when they hold too much memory.
final class ImageCache: Sendable {
    struct Key: Hashable {
        let backend: ObjectIdentifier
        let image: ImageChoice
        /// Who made it out of an image of another format; nil when it is as it was registered.
        var translator: String?
        /// The registration for whose runs this is what its program left; nil for an image as it was loaded.
        var preparedFor: UInt64?

        /// Few differ in the rest alone.
        func hash(into hasher: inout Hasher) { hasher.combine(image) }
    }

    private struct Entry {
        let image: ComputeImage
        var lastUse: UInt64
    }

    private struct Table {
        var entries: [Key: Entry] = [:]
        var bytes: UInt64 = 0
        var clock: UInt64 = 0
    }

    private let table = Mutex(Table())
    private let size = Metrics.shared.cell(
        "dandelion_image_cache_bytes", "Memory of the images that are kept loaded.", .gauge)
    /// Bytes.
    let capacity: UInt64

    /// `capacity` in bytes; one image is kept however large it is.
    init(capacity: UInt64) { self.capacity = capacity }

    func image(_ key: Key) -> ComputeImage? {
        table.withLock { table in
            guard let index = table.entries.index(forKey: key) else { return nil }
            table.clock += 1
            table.entries.values[index].lastUse = table.clock
            return table.entries.values[index].image
        }
    }

    /// Half of it is free.
    var hasRoom: Bool { table.withLock { $0.bytes <= capacity / 2 } }

    /// What is loaded on a backend.
    func keys(of backend: ObjectIdentifier) -> [Key] {
        table.withLock { $0.entries.keys.filter { $0.backend == backend && $0.preparedFor == nil } }
    }

    /// The loaded images of a registered one, by backend.
    func images(of image: ImageChoice) -> [ComputeImage] {
        table.withLock { table in
            table.entries.filter { entry in
                entry.key.image == image && entry.key.preparedFor == nil
            }.map(\.value.image)
        }
    }

    /// How many images are in each version that their backends make better.
    func versions() -> [String: Int] {
        let images = table.withLock { $0.entries.values.map(\.image) }
        return images.reduce(into: [:]) { counts, image in
            if let version = image.version { counts[version.name, default: 0] += 1 }
        }
    }

    func removeAll(of backend: ObjectIdentifier) { removeAll { $0.backend == backend } }

    /// On all backends, with any entry, of one tenant.
    func removeAll(of digest: String, in space: String) {
        removeAll { $0.image.digest == digest && $0.image.space == space }
    }

    /// Forgets what was prepared for a registration.
    func removeAll(preparedFor registration: UInt64) { removeAll { $0.preparedFor == registration } }

    private func removeAll(where isMeant: (Key) -> Bool) {
        let removed = table.withLock { table in
            let keys = table.entries.keys.filter(isMeant)
            let removed = keys.compactMap { table.entries.removeValue(forKey: $0)?.image }
            for image in removed { table.bytes -= image.residentBytes }
            size.set(Int(clamping: table.bytes))
            return removed
        }
        // Unloading may take long, so it happens here, without the lock.
        withExtendedLifetime(removed) {}
    }

    /// Keeps an image. What is pushed out ends when its last user does.
    func insert(_ image: ComputeImage, _ key: Key) {
        var evicted: [ComputeImage] = []
        table.withLock { table in
            table.clock += 1
            if let old = table.entries.updateValue(Entry(image: image, lastUse: table.clock), forKey: key) {
                table.bytes -= old.image.residentBytes
                evicted.append(old.image)
            }
            table.bytes += image.residentBytes
            while table.bytes > capacity, table.entries.count > 1,
                let oldest = table.entries.min(by: { $0.value.lastUse < $1.value.lastUse })
            {
                table.entries.removeValue(forKey: oldest.key)
                table.bytes -= oldest.value.image.residentBytes
                evicted.append(oldest.value.image)
            }
            size.set(Int(clamping: table.bytes))
        }
        // Unloading may take long, so it happens here, without the lock.
        withExtendedLifetime(evicted) {}
    }
}

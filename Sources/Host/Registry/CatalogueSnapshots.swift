internal import Engines
internal import Failure
internal import Items
internal import Memory
internal import Platform
internal import PluginHost
internal import Telemetry

/// Where what functions have prepared is kept: in the image cache, and in the state folder.
extension Catalogue {
    /// What was prepared of an image on a backend for the runs of a registration.
    func prepared(_ backend: ComputeBackend, _ image: ImageChoice, for registration: UInt64) -> ComputeImage? {
        images.image(ImageCache.Key(backend: ObjectIdentifier(backend), image: image, preparedFor: registration))
    }

    func keep(_ made: ComputeImage, _ backend: ComputeBackend, _ image: ImageChoice, for registration: UInt64) {
        images.insert(
            made, ImageCache.Key(backend: ObjectIdentifier(backend), image: image, preparedFor: registration))
    }

    /// What an earlier run of the node has kept under the name, made into an image; nil when there is none that can be used.
    /// Of many that ask at once, one reads it.
    func restored(
        _ name: String, of image: ComputeImage, _ choice: ImageChoice, for registration: UInt64
    ) throws(Failure) -> ComputeImage? {
        guard image.canBeRestored else { return nil }
        return try loading.alone(name) { () throws(Failure) in
            if let known = prepared(image.backend, choice, for: registration) { return known }
            guard let bytes = try store.snapshots.read(name, store.memory.own) else { return nil }
            do throws(Failure) {
                let made = try bytes.withUnsafeBytes { bytes throws(Failure) in try image.restored(bytes) }
                keep(made, image.backend, choice, for: registration)
                return made
            } catch {
                store.snapshots.refuse(name, error.detail)
                return nil
            }
        }
    }

    /// Writes it to the state folder; what prevents that is told, and costs a restart another preparation.
    func save(_ made: ComputeImage, as name: String) {
        guard made.canBeRestored else { return }
        do throws(Failure) {
            let most = Int(clamping: made.residentBytes) + Self.mostBeside
            let storage = try ChargedStorage(capacity: most + SnapshotFiles.room, store.memory.own, .images)
            var filled = 0
            try made.save { piece throws(Failure) in
                guard piece.count <= most - filled else {
                    throw Failure(.internal, "plugin \(made.backend.name) saves more than it holds")
                }
                try storage.fill(to: filled + piece.count)
                // SAFETY: the capacity was checked, and nobody else knows the storage.
                if let start = piece.baseAddress {
                    (storage.base + filled).copyMemory(from: start, byteCount: piece.count)
                }
                filled += piece.count
            }
            try store.snapshots.write(name, .init(start: storage.base, count: filled + SnapshotFiles.room))
        } catch {
            Log.warning("what was prepared is not kept for a restart: \(error.detail)")
        }
    }

    /// What a plugin may write beside the pages.
    private static let mostBeside = 2 << 20

    /// Brings back, ahead of their first requests, what functions had prepared when the node was stopped, as far as half of the
    /// image cache holds it; and removes files that belong to no function any more. Takes long: on a helper thread.
    public func restoreSnapshots() {
        var files = Set(store.snapshots.names())
        guard !files.isEmpty else { return }
        for space in allSpaces {
            var last: String?
            while true {
                let some = space.functions(after: last, limit: 100)
                guard let end = some.last else { break }
                for function in some {
                    for case .function(let version) in space.versions(of: function.definition.name) {
                        restoreSnapshots(of: version, &files)
                    }
                }
                last = end.definition.name
            }
        }
        removeSnapshots(files)
    }

    func removeSnapshots(_ names: Set<String>) {
        for name in names { store.snapshots.remove(name) }
    }

    /// Bytes of one at most.
    var largestSnapshot: UInt64 { images.capacity }

    private func restoreSnapshots(of function: RegisteredFunction, _ files: inout Set<String>) {
        for runClass in classes.values {
            for backend in runClass.backends {
                let name = function.names.name(on: backend, limit: function.memoryLimit(in: runClass))
                guard files.remove(name) != nil else { continue }
                function.names.add(name)
                guard images.hasRoom, let compute = try? function.compute(in: runClass.name) else { continue }
                do throws(Failure) {
                    let image = try compute.image(false, store.memory.own)
                    if image.backend === backend { try compute.restore(image) }
                } catch {
                    Log.warning("function '\(function.definition.name)' is prepared when it is run: \(error.detail)")
                }
            }
        }
    }
}

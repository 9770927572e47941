public import Engines
public import Failure
public import Items
internal import Memory
internal import Platform
internal import PluginHost
internal import Synchronization

/// A compute function that can be invoked.
public final class RegisteredFunction: Sendable {
    public let definition: FunctionDefinition
    /// SHA-256 of the image, hexadecimal.
    public let digest: String
    /// Bytes of the image.
    public let imageSize: Int
    /// Bytes that it takes in the state folder, as if nobody else had the same.
    let storedBytes: Int
    public let inputNames: [Blob]
    public let outputNames: [Blob]
    private unowned let catalogue: Catalogue
    /// Of what is kept beside the data of bound items.
    private let charge: MemoryCharge
    private let kept = KeptImage()
    /// Of the files that hold what it has prepared.
    let names: SnapshotNames
    /// Tells this registration from every other.
    let number: UInt64
    private static let numbers = Atomic<UInt64>(0)
    private let place: Atomic<Int>
    /// By class in which it was run.
    private let computes = Mutex<[(className: String, function: ComputeFunction)]>([])

    /// - Parameters:
    ///   - version: 0 until it `takes` one.
    ///   - charge: Of `FunctionDefinition.recordBytes`.
    init(
        _ definition: FunctionDefinition, version: Int, digest: String, imageSize: Int, catalogue: Catalogue,
        charge: consuming MemoryCharge
    ) {
        place = Atomic(version)
        number = Self.numbers.add(1, ordering: .relaxed).newValue
        self.charge = charge
        self.definition = definition
        self.digest = digest
        self.imageSize = imageSize
        self.catalogue = catalogue
        storedBytes = definition.inputs.reduce(imageSize) { sum, input in
            (input.bound ?? []).reduce(sum) { $0 + $1.data.count }
        }
        inputNames = definition.inputs.map { Blob($0.name) }
        outputNames = definition.outputs.map { Blob($0) }
        names = SnapshotNames(definition, digest: digest)
    }

    /// How engines see it in its own class, or in another.
    public func compute(in className: String?) throws(Failure) -> ComputeFunction {
        let wanted = className ?? definition.className
        if let known = known(wanted) { return known }
        let runClass = try catalogue.runClass(named: wanted)
        // The request may spell the class's name in any case.
        if let known = known(runClass.name) { return known }
        guard !runClass.backends.isEmpty else {
            throw Failure(
                .unavailable,
                "class '\(runClass.name)' has no available backend: \(runClass.unavailable.joined(separator: "; "))",
                [.init("class", runClass.name)])
        }
        let limit = memoryLimit(in: runClass)
        guard limit <= runClass.memoryLimit else {
            throw Failure(
                .tooLarge,
                "function '\(definition.name)' wants \(limit) bytes, class '\(runClass.name)' gives \(runClass.memoryLimit)",
                [.init("function", definition.name), .init("class", runClass.name)])
        }
        let timeout = min(definition.timeout ?? runClass.timeout, runClass.timeout)
        let made = ComputeFunction(
            name: definition.name, stages: runClass.stages, memoryLimit: limit, timeout: timeout,
            inputNames: inputNames,
            outputNames: outputNames, mayRunInline: runClass.mayRunInline, cores: runClass.cores,
            spin: runClass.spin, snapshots: snapshots(limit: limit)
        ) { [unowned catalogue, image, kept, name = definition.name] fresh, account throws(Failure) in
            // Without self, which holds this in `computes`.
            try catalogue.image(image, of: name, in: runClass, fresh: fresh, account: account, kept: kept)
        }
        return computes.withLock { computes in
            if let raced = computes.first(where: { $0.className == runClass.name }) { return raced.function }
            computes.append((runClass.name, made))
            return made
        }
    }

    /// Of its name, from 1 on.
    public var version: Int { place.load(ordering: .relaxed) }

    /// It gets its place among the versions of its name, before anybody else knows it.
    func takes(version: Int) { place.store(version, ordering: .relaxed) }

    var image: ImageChoice { ImageChoice(digest: digest, entry: definition.entry, space: definition.space) }

    /// The versions of its code on the backends that have it loaded and make it better, in order of their names.
    public var versions: [CodeVersion] { catalogue.versions(of: image) }

    /// Requests that have begun still read the image of a function that is being removed.
    func keepImage(_ file: OpenFile?) { kept.keep(file) }

    /// - Parameter limit: the memory that its runs may use.
    private func snapshots(limit: UInt64) -> Snapshots {
        // Without self, which holds this in `computes`.
        let bound = boundInputs
        return Snapshots(
            inputs: { bound },
            find: { [unowned catalogue, number, image] in catalogue.prepared($0.backend, image, for: number) },
            restore: { [unowned catalogue, number, image, names] loaded throws(Failure) in
                try catalogue.restored(names.name(on: loaded.backend, limit: limit), of: loaded, image, for: number)
            },
            keep: { [unowned catalogue, number, image, names] made, of, mayWait in
                catalogue.keep(made, of.backend, image, for: number)
                guard made !== of else { return }
                let name = names.name(on: of.backend, limit: limit)
                names.add(name)
                let save = { @Sendable [catalogue] in catalogue.save(made, as: name) }
                if mayWait { save() } else { _ = HelperThreads.shared.submit(save) }
            }, most: catalogue.largestSnapshot)
    }

    private var boundInputs: [ItemSet] {
        definition.inputs.enumerated().map { ItemSet(name: inputNames[$0], items: $1.bound ?? []) }
    }

    /// Removes what it has prepared from the state folder.
    func forgetSnapshots() { catalogue.removeSnapshots(names.takeAll()) }

    /// The memory that its runs may use in a class.
    func memoryLimit(in runClass: RunClass) -> UInt64 { definition.memoryLimit ?? runClass.memoryLimit }

    private func known(_ className: String) -> ComputeFunction? {
        computes.withLock { computes in
            for entry in computes where entry.className == className { return entry.function }
            return nil
        }
    }

    /// The request's sets by position, with those that were bound at registration in their places.
    /// - Throws: `.invalid` when the request brings items for one of those.
    public func bind(_ inputs: [ItemSet]) throws(Failure) -> [ItemSet] {
        guard definition.inputs.contains(where: { $0.bound != nil }) else { return inputs }
        var sets: [ItemSet] = []
        for (index, input) in definition.inputs.enumerated() {
            let given = index < inputs.count ? inputs[index] : ItemSet(name: inputNames[index])
            guard let bound = input.bound else {
                sets.append(given)
                continue
            }
            guard given.items.isEmpty else {
                throw Failure(
                    .invalid,
                    "input '\(input.name)' of function '\(definition.name)' was bound when it was registered, and cannot "
                        + "be given again",
                    [.init("function", definition.name), .init("input", input.name)])
            }
            sets.append(ItemSet(name: inputNames[index], items: bound))
        }
        return sets
    }
}

/// The file of an image whose function was removed, for as long as a request needs it.
final class KeptImage: Sendable {
    private let kept = Mutex<OpenFile?>(nil)

    var file: OpenFile? { kept.withLock { $0 } }
    func keep(_ file: OpenFile?) { kept.withLock { $0 = file } }
}

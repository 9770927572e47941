internal import Failure
internal import Items
internal import Memory

// What is registered stays in memory until it is removed, and so is charged to whoever registered it.

extension FunctionDefinition {
    /// What the definition, its names and its places in tables take, about; without the data of bound items.
    var recordBytes: Int {
        let items = inputs.reduce(0) { $0 + ($1.bound?.count ?? 0) }
        let names = inputs.map(\.name) + outputs
        return 2048 + (inputs.count + outputs.count) * 128 + names.reduce(0) { $0 + $1.utf8.count * 2 }
            + items * MemoryLayout<Item>.stride
    }

    /// The same with names and data of bound items in memory of their own, so that the registration's body can go.
    func moved(to account: MemoryAccount) throws(Failure) -> FunctionDefinition {
        var moved = self
        let items = inputs.flatMap { $0.bound ?? [] }
        guard !items.isEmpty else { return moved }
        let size = items.reduce(0) { $0 + $1.ident.count + $1.data.count }
        let storage = try ChargedStorage(capacity: size, account, .functions)
        try storage.fill(to: size)
        var next = storage.base
        func copy(_ blob: Blob) -> Blob {
            guard let start = blob.start, blob.count > 0 else { return .empty }
            // SAFETY: the capacity is the sum of all that is copied, and nobody else knows it yet.
            next.copyMemory(from: start, byteCount: blob.count)
            defer { next += blob.count }
            return Blob(storage: storage, start: UnsafeRawPointer(next), count: blob.count)
        }
        for index in inputs.indices {
            moved.inputs[index].bound = inputs[index].bound?.map {
                Item(ident: copy($0.ident), key: $0.key, data: copy($0.data))
            }
        }
        return moved
    }
}

extension Catalogue {
    /// What a text and its graphs take while they are registered, by measurement about.
    static func bytes(ofText text: String) -> Int { 1024 + text.utf8.count * 16 }
}

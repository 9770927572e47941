public import Failure
internal import PluginABI

/// Snapshots as bytes.
extension ComputeImage {
    /// Gives to `take`, in pieces, that of which `restored` makes this image again.
    /// - Throws: what `take` throws; `.internal` when the backend cannot.
    public func save(
        _ take: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        guard let imageSave = backend.slots.imageSave else {
            throw Failure(.internal, "backend \(backend.name) cannot keep snapshots")
        }
        var error = ABI.emptyError()
        var refusal: Failure?
        let status = withoutActuallyEscaping(take) { take in
            let sink = Sink(take)
            defer { refusal = sink.refusal }
            return withExtendedLifetime(sink) {
                imageSave(handle, Sink.take, Unmanaged.passUnretained(sink).toOpaque(), &error)
            }
        }
        if let refusal { throw refusal }
        guard status == DN_OK else { throw ABI.failure(status, error, "backend \(backend.name): image_save") }
    }

    /// The snapshot that `save` wrote of one which this image's program left.
    public func restored(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> ComputeImage {
        guard let imageRestore = backend.slots.imageRestore else {
            throw Failure(.internal, "backend \(backend.name) cannot keep snapshots")
        }
        var made: OpaquePointer?
        var error = ABI.emptyError()
        let status = dn_bytes.borrowing(bytes) { imageRestore(handle, $0, &made, &error) }
        guard status == DN_OK else { throw ABI.failure(status, error, "backend \(backend.name): image_restore") }
        guard let made else { throw Failure(.internal, "backend \(backend.name): image_restore gave no image") }
        return try ComputeImage(backend: backend, handle: made)
    }
}

/// What a plugin writes to while `save` lasts.
private final class Sink {
    private let body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    private(set) var refusal: Failure?

    init(_ body: @escaping (UnsafeRawBufferPointer) throws(Failure) -> Void) { self.body = body }

    static let take: dn_sink = { argument, piece in
        guard let argument else { return DN_INVALID }
        // SAFETY: `save` passes its sink, which lives until image_save returns.
        let sink = Unmanaged<Sink>.fromOpaque(argument).takeUnretainedValue()
        guard sink.refusal == nil else { return DN_FAILED }
        do throws(Failure) {
            try sink.body(piece.lent)
            return DN_OK
        } catch {
            sink.refusal = error
            return DN_FAILED
        }
    }
}

public import Failure
public import Memory
public import Items
internal import PluginABI
internal import Synchronization

/// A plugin that makes images of one format out of those of another, seen through dn.translate/1.
public final class Translator: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init; the slot is [any-thread].
    private let instance: PluginInstance
    public var name: String { instance.label }
    private let slot:
        @convention(c) (OpaquePointer, UnsafePointer<dn_translate_params>, UnsafeMutablePointer<dn_error>) -> dn_status

    /// - Throws: `Failure(.unavailable)` when the plugin does not offer the interface.
    public init(_ instance: PluginInstance) throws(Failure) {
        let what = "plugin \(instance.label)"
        guard let table = instance.library.interface(DN_TRANSLATE_1) else {
            throw Failure(.unavailable, "\(what): is no translator (offers no \(DN_TRANSLATE_1))")
        }
        var mine = dn_translate()
        withUnsafeMutablePointer(to: &mine) { ABI.copy(table, to: $0, MemoryLayout<dn_translate>.size) }
        guard let slot = mine.translate else {
            throw Failure(.unavailable, "\(what): \(DN_TRANSLATE_1) lacks translate")
        }
        (self.instance, self.slot) = (instance, slot)
    }

    /// Makes an image of one of the formats `targets` (space-separated); may take seconds, so not on an engine's thread.
    /// - Returns: nil when the image is of no format that this plugin translates, or into none of the targets.
    public func translate(
        _ bytes: UnsafeRawBufferPointer, targets: String, label: String, cacheDirectory: String, account: MemoryAccount,
        progress: (@Sendable (Int, String) -> Void)? = nil
    ) throws(Failure) -> Blob? {
        let observer = progress.map { Unmanaged.passRetained(ProgressObserver($0)) }
        defer { observer?.release() }
        let receiver = Receiver(account)
        var error = ABI.emptyError()
        let status = targets.withCString { targets in
            label.withCString { label in
                cacheDirectory.withCString { cache in
                    dn_bytes.borrowing(bytes) { borrowed in
                        var parameters = dn_translate_params()
                        parameters.struct_size = UInt32(MemoryLayout<dn_translate_params>.size)
                        (parameters.bytes, parameters.targets) = (borrowed, targets)
                        (parameters.label, parameters.cache_directory) = (label, cache)
                        if let observer {
                            (parameters.progress_arg, parameters.progress) = (
                                observer.toOpaque(), ProgressObserver.tell
                            )
                        }
                        parameters.account = account.id(for: .images)
                        (parameters.result_arg, parameters.result) = (receiver.pointer, Receiver.take)
                        return slot(instance.handle, &parameters, &error)
                    }
                }
            }
        }
        if status == DN_UNSUPPORTED { return nil }
        guard status == DN_OK else { throw ABI.failure(status, error, "image \(label) by \(name)") }
        guard let made = receiver.result else { throw Failure(.internal, "plugin \(name): translate gave no image") }
        return try made.get()
    }

    /// Keeps the result of one call.
    private final class Receiver {
        private(set) var result: Result<Blob, Failure>?
        private let account: MemoryAccount
        var pointer: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

        static let take: dn_translated = { argument, made in
            guard let argument else { return }
            // SAFETY: argument is the receiver of the call that is under way, and `made` is borrowed for this one.
            let receiver = Unmanaged<Receiver>.fromOpaque(argument).takeUnretainedValue()
            do throws(Failure) {
                receiver.result = .success(try Blob(copying: made.lent, receiver.account, .images))
            } catch {
                receiver.result = .failure(error)
            }
        }

        init(_ account: MemoryAccount) { self.account = account }
    }
}

/// Where the current generation of a translator is found.
public final class TranslatorSlot: Sendable {
    /// Of the plugin.
    public let name: String
    private let translator = Mutex<Translator?>(nil)

    public init(name: String) { self.name = name }

    /// Nil while the plugin is unavailable.
    public var current: Translator? { translator.withLock { $0 } }

    public func replace(with next: Translator) { translator.withLock { $0 = next } }
}

import CRWasm
import PluginABI
import PluginKit
import Synchronization

/// A compiled module, from which instances are made.
package final class Part: Sendable {
    /// Code, and what its instances are made from.
    package struct Cast: Sendable {
        package let code: Code
        package let layout: InstanceLayout
    }

    package let instantiable: InstantiableModule
    package var module: Module { instantiable.module }
    /// Bytes that data segments are copied from, and element segments' contents, at fixed addresses.
    /// SAFETY: written in init, read-only afterwards, freed in deinit.
    private nonisolated(unsafe) let bytes: UnsafePointer<UInt8>
    private nonisolated(unsafe) let elements: [UnsafePointer<UInt64>]
    private let current: Mutex<Cast>
    /// Why the first version stays, once that is certain.
    private let reason = Mutex<UnsafePointer<CChar>?>(nil)

    package static let pageBytes: UInt64 = 65536

    package init(_ instantiable: InstantiableModule, code: Code) {
        self.instantiable = instantiable
        bytes = permanentCopy(instantiable.module.bytes)
        elements = instantiable.template.elements.map { permanentCopy($0) }
        current = Mutex(Self.cast(instantiable, code, bytes, elements))
    }

    deinit {
        bytes.deallocate()
        for segment in elements { segment.deallocate() }
        reason.withLock { $0?.deallocate() }
    }

    private static func cast(
        _ instantiable: InstantiableModule, _ code: Code, _ bytes: UnsafePointer<UInt8>,
        _ elements: [UnsafePointer<UInt64>]
    ) -> Cast {
        Cast(
            code: code,
            layout: InstanceLayout(
                instantiable.module, instantiable.template, code.descriptor(), bytes: bytes, references: elements))
    }

    /// The best there is.
    package var cast: Cast { current.withLock { $0 } }

    /// New instances are of this code from now on.
    package func use(_ code: Code) {
        let next = Self.cast(instantiable, code, bytes, elements)
        current.withLock { $0 = next }
    }

    /// No better code will come. Only the first reason is kept: others may be reading it.
    package func stay(because text: String) {
        reason.withLock { if $0 == nil { $0 = permanentCopy(text.utf8CString.map { $0 }) } }
    }

    /// DN_VERSION_*, and a text that lives as long as this.
    package var version: (state: Int32, reason: UnsafePointer<CChar>?) {
        if cast.code.level == .fast { return (DN_VERSION_BEST, nil) }
        let reason = reason.withLock { $0 }
        return (reason == nil ? DN_VERSION_FIRST : DN_VERSION_STAYS, reason)
    }

    package var minimumBytes: UInt64 { instantiable.minimumBytes }
    package var maximumBytes: UInt64 { instantiable.maximumBytes }
}

/// Values at a fixed address, until the caller deallocates them.
package func permanentCopy<T: BitwiseCopyable>(_ values: [T]) -> UnsafePointer<T> {
    let place = UnsafeMutablePointer<T>.allocate(capacity: max(1, values.count))
    place.initialize(from: values, count: values.count)
    return UnsafePointer(place)
}

import CRWasm
import PluginSupport
import Synchronization

/// A compiled module, from which instances are made.
final class Part: Sendable {
    let outline: Outline
    var module: Module { outline.module }
    var template: Template { outline.template }
    /// Bytes that data segments are copied from, and element segments' contents, at fixed addresses.
    /// SAFETY: written in init, read-only afterwards, freed in deinit.
    nonisolated(unsafe) let bytes: UnsafePointer<UInt8>
    nonisolated(unsafe) let elements: [UnsafePointer<UInt64>]
    private let current: Mutex<Code>

    static let pageBytes: UInt64 = 65536

    init(_ outline: Outline, code: Code) {
        self.outline = outline
        bytes = permanentCopy(outline.module.bytes)
        elements = outline.template.elements.map { permanentCopy($0) }
        current = Mutex(code)
    }

    deinit {
        bytes.deallocate()
        for segment in elements { segment.deallocate() }
    }

    /// The best code there is.
    var code: Code {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }

    var minimumBytes: UInt64 { outline.minimumBytes }
    var maximumBytes: UInt64 { outline.maximumBytes }

    /// Makes an instance in `memory`, all but its imports. Returns it, and the code of the trap that ended this, if one
    /// did.
    func instantiate(
        _ code: Code, _ layout: AreaLayout, at base: UnsafeMutableRawPointer, memory: rwasm_memory
    ) -> (Area, Trap?) {
        let area = Area(base: base, layout: layout)
        area.prepare(module, template)
        area.memory.initialize(to: memory)
        area.setSegments(module, bytes: bytes, elements: elements)
        return (area, area.fill(template, bytes: bytes))
    }
}

/// Values at a fixed address, until the caller deallocates them.
func permanentCopy<T: BitwiseCopyable>(_ values: [T]) -> UnsafePointer<T> {
    let place = UnsafeMutablePointer<T>.allocate(capacity: max(1, values.count))
    place.initialize(from: values, count: values.count)
    return UnsafePointer(place)
}

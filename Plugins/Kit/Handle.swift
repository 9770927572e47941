/// An object of the plugin behind an opaque handle of the ABI, which owns one reference to it.
public enum Handle<Object: AnyObject> {
    /// Makes a handle that owns `object`.
    @inlinable
    public static func make(_ object: Object) -> OpaquePointer {
        OpaquePointer(Unmanaged.passRetained(object).toOpaque())
    }

    /// The object of a live handle, borrowed.
    @inlinable
    public static func borrow(_ handle: OpaquePointer) -> Object {
        // Safe: the ABI lets the host pass only handles that `make` gave and `end` has not taken.
        Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
    }

    /// Ends the handle and gives its reference back.
    @inlinable
    public static func end(_ handle: OpaquePointer) -> Object {
        // Safe: as in `borrow`, and the ABI lets a handle be ended once.
        Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).takeRetainedValue()
    }
}

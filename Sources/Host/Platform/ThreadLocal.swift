internal import Glibc

/// An object that belongs to what the calling thread does at the moment.
public final class ThreadLocal<Value: AnyObject & Sendable>: Sendable {
    private let key: pthread_key_t

    public init() {
        var key = pthread_key_t()
        // Without a key (there are a thousand) every thread has the value of none.
        self.key = pthread_key_create(&key, nil) == 0 ? key : .max
    }

    public var value: Value? {
        // SAFETY: `with` keeps what it set alive while it stands.
        pthread_getspecific(key).map { Unmanaged<Value>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Sets the calling thread's value during `body`.
    public func with<R, E: Error>(_ value: Value?, _ body: () throws(E) -> R) throws(E) -> R {
        let before = pthread_getspecific(key)
        pthread_setspecific(key, value.map { UnsafeRawPointer(Unmanaged.passUnretained($0).toOpaque()) })
        defer {
            pthread_setspecific(key, before)
            withExtendedLifetime(value) {}
        }
        return try body()
    }
}

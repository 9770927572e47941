internal import CPlatform
internal import Failure
internal import Frontend
internal import Glibc
internal import Platform
internal import Synchronization

/// Where other threads leave work for the main thread and wait until it is done.
final class ControlDesk: Sendable {
    private final class Order: Sendable {
        let name: String
        private let result = Mutex<Result<PluginFacts, Failure>?>(nil)
        private let done = Parker()
        init(_ name: String) { self.name = name }

        func finish(_ value: Result<PluginFacts, Failure>) {
            result.withLock { $0 = value }
            done.wake()
        }

        func wait() -> Result<PluginFacts, Failure> {
            while true {
                if let value = result.withLock({ $0 }) { return value }
                done.park()
            }
        }
    }

    private struct State {
        var orders: [Order] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    /// Readable when an order waits.
    let descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))

    /// Has the main thread reload a plugin, and waits for it. Any other thread.
    func reload(_ name: String) throws(Failure) -> PluginFacts {
        let order = Order(name)
        let isOpen = state.withLock { state in
            if !state.isClosed { state.orders.append(order) }
            return !state.isClosed
        }
        guard isOpen else { throw Failure(.unavailable, "the node is stopping") }
        eventfd_write(descriptor, 1)
        return try order.wait().get()
    }

    /// Does what was ordered. Main thread.
    func serve(_ work: (String) throws(Failure) -> PluginFacts) {
        var value: eventfd_t = 0
        eventfd_read(descriptor, &value)
        for order in take(closing: false) {
            do throws(Failure) { order.finish(.success(try work(order.name))) } catch { order.finish(.failure(error)) }
        }
    }

    /// Takes no more orders, and refuses those that wait. Main thread.
    func close() {
        for order in take(closing: true) { order.finish(.failure(Failure(.unavailable, "the node is stopping"))) }
    }

    private func take(closing: Bool) -> [Order] {
        state.withLock { state in
            defer { state.orders = [] }
            if closing { state.isClosed = true }
            return state.orders
        }
    }
}

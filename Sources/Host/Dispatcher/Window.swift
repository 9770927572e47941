/// The instances of one call, or the requests of one set, of which a few at a time are under way.
final class FanOut {
    private let count: Int
    private let limit: () -> Int
    private let launch: (Int, FanOut) -> Void
    private var next = 0
    fileprivate var running = 0

    /// `launch` begins the instance of that number, which tells `Window.ended` once, perhaps at once.
    init(count: Int, limit: @escaping @autoclosure () -> Int, launch: @escaping (Int, FanOut) -> Void) {
        self.count = count
        self.limit = limit
        self.launch = launch
    }

    fileprivate var isExhausted: Bool { next == count }

    fileprivate func mayStart(beside others: Int) -> Bool { others < limit() }

    fileprivate func start() {
        next += 1
        running += 1
        launch(next - 1, self)
    }
}

/// Bounds what one invocation has under way of one kind, however much it wants to do: others must not wait for all of it,
/// and what has not begun takes no memory. What was added last goes first, so that a graph is worked off depth first.
final class Window {
    private var waiting: [FanOut] = []
    private var running = 0
    private var isPumping = false
    /// An instance may need others of the same window to end; then each fan-out has one at least.
    private let isNested: Bool
    private unowned let invocation: Invocation

    init(of invocation: Invocation, isNested: Bool = false) {
        self.invocation = invocation
        self.isNested = isNested
    }

    func add(_ fanOut: FanOut) {
        waiting.append(fanOut)
        pump()
    }

    func ended(_ fanOut: FanOut) {
        fanOut.running -= 1
        running -= 1
        pump()
    }

    /// Nothing more is to begin.
    func close() { waiting = [] }

    /// Not by recursion: an instance may end before its start returns, and there may be a million of those. Nor at once, so
    /// that others get the loop.
    private func pump() {
        guard !isPumping else { return }
        isPumping = true
        var slice = Slice()
        var isFirst = true
        while let last = waiting.last {
            // Those below that have begun all their instances come to light when the ones above are gone.
            guard !last.isExhausted else {
                waiting.removeLast()
                continue
            }
            guard last.mayStart(beside: running) || isNested && last.running == 0 else { break }
            guard isFirst || !slice.isOver() else {
                invocation.later { self.pump() }
                break
            }
            isFirst = false
            running += 1
            last.start()
        }
        isPumping = false
    }
}

/// The windows of an invocation, by what is called.
final class Windows {
    /// Nested compositions at once, and calls of communication functions; what these do is bounded by itself.
    static let mostGroups = 64

    private let functions: Window
    private let groups: Window

    init(of invocation: Invocation) {
        functions = Window(of: invocation)
        groups = Window(of: invocation, isNested: true)
    }

    func window(of callee: Callee) -> Window {
        if case .compute = callee { return functions }
        return groups
    }

    func close() {
        functions.close()
        groups.close()
    }
}

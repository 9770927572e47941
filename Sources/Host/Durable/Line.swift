internal import Memory

/// The invocations that have not ended, in memory: whose turn it is, what runs, who waits for an end, what tenants' invocations
/// take. Inputs are not here.
struct Line {
    struct Entry {
        let tenant: String
        /// Nil while it waits for its turn.
        var run: DurableRun?
        /// It has its turn: it is being read, runs, or its end is being written.
        var hasSlot: Bool
        /// Of this entry.
        let hold: MemoryHold?
    }

    /// Of a tenant, oldest first.
    private struct Queue {
        var ids: [InvocationID] = []
        var first = 0

        mutating func take() -> InvocationID? {
            guard first < ids.count else { return nil }
            defer { first += 1 }
            let id = ids[first]
            if first > 1024, first * 2 > ids.count {
                ids.removeFirst(first)
                first = 0
            }
            return id
        }
    }

    private(set) var entries: [InvocationID: Entry] = [:]
    private var queues: [String: Queue] = [:]
    /// Tenants with a queue that is not empty, the next one first.
    private var turns: [String] = []
    /// A binary heap of those that pause, by time.
    private var paused: [(due: UInt64, id: InvocationID)] = []
    private(set) var running = 0
    var waiters: [InvocationID: [Waiter]] = [:]
    /// Bytes of inputs and results.
    var taken: [String: Int] = [:]
    var takenInAll = 0
    var isStopping = false

    /// Bytes that an entry takes, with its places in queues and tables.
    static let entryBytes = 256

    var isEmpty: Bool { entries.isEmpty }
    var hasReady: Bool { !turns.isEmpty }
    /// When the first of those that pause is due.
    var nextDue: UInt64? { paused.first?.due }

    mutating func resize(_ tenant: String, by bytes: Int) {
        taken[tenant, default: 0] += bytes
        takenInAll += bytes
    }

    // MARK: Coming and going

    mutating func add(_ id: InvocationID, _ tenant: String, hasSlot: Bool, _ hold: MemoryHold?) {
        entries[id] = Entry(tenant: tenant, run: nil, hasSlot: hasSlot, hold: hold)
    }

    /// For one that is about to be added.
    mutating func takeSlot() { running += 1 }

    mutating func runs(_ id: InvocationID, _ run: DurableRun) { entries[id]?.run = run }

    /// A slot is given back.
    mutating func leave() { running -= 1 }

    /// Others go on with it, and whoever waits for its end still does.
    mutating func forget(_ id: InvocationID) -> Entry? { entries.removeValue(forKey: id) }

    /// Takes the invocation out; who waits for its end is to be told.
    mutating func remove(_ id: InvocationID) -> (entry: Entry?, waiters: [Waiter]) {
        (entries.removeValue(forKey: id), waiters.removeValue(forKey: id) ?? [])
    }

    // MARK: Turns

    /// It may begin from now on.
    mutating func enqueue(_ id: InvocationID) {
        guard var entry = entries[id] else { return }
        entry.hasSlot = false
        entry.run = nil
        entries[id] = entry
        if queues[entry.tenant] == nil { turns.append(entry.tenant) }
        queues[entry.tenant, default: Queue()].ids.append(id)
    }

    /// It may begin from `due` on, nanoseconds since 1970.
    mutating func pause(_ id: InvocationID, until due: UInt64) {
        guard var entry = entries[id] else { return }
        entry.hasSlot = false
        entry.run = nil
        entries[id] = entry
        paused.append((due, id))
        var child = paused.count - 1
        while child > 0, paused[child].due < paused[(child - 1) / 2].due {
            paused.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Moves those that are due to the others.
    mutating func wake(now: UInt64) {
        while let first = paused.first, first.due <= now {
            let last = paused.removeLast()
            if !paused.isEmpty {
                paused[0] = last
                sink()
            }
            enqueue(first.id)
        }
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < paused.count && paused[child].due < paused[least].due {
                least = child
            }
            guard least != parent else { return }
            paused.swapAt(parent, least)
            parent = least
        }
    }

    /// The next whose tenant `admits`, which has a slot from now on; tenants take turns.
    mutating func next(admits: (String) -> Bool) -> InvocationID? {
        for _ in 0..<turns.count {
            let tenant = turns.removeFirst()
            guard admits(tenant) else {
                turns.append(tenant)
                continue
            }
            while let id = queues[tenant]?.take() {
                // Others were cancelled meanwhile, or stand here twice.
                guard let entry = entries[id], !entry.hasSlot else { continue }
                entries[id]?.hasSlot = true
                running += 1
                turns.append(tenant)
                return id
            }
            queues[tenant] = nil
        }
        return nil
    }
}

internal import CPlatform
internal import Engines
internal import Glibc
internal import Platform
internal import Transport

/// What goes to the client, and what is awaited of its socket.
extension Connection {
    /// The buffer to write answers to; `flush` sends it.
    func makeOutput() -> OutputBuffer {
        if let output { return output }
        let fresh = server.takeOutput()
        output = fresh
        return fresh
    }

    var isBackedUp: Bool { (output?.count ?? 0) > Self.mostOutput }

    /// Sends what can be sent.
    /// - Returns: whether everything is, and the connection is still there.
    func flush() -> Bool {
        guard phase != .closed else { return false }
        if let output {
            guard send(output) else { return false }
            self.output = nil
            server.giveOutput(output)
            writing = nil
        }
        guard isEnding, phase != .handling else {
            watch()
            return true
        }
        if phase == .reading { linger() }
        return false
    }

    private func send(_ output: OutputBuffer) -> Bool {
        while output.count > 0 {
            let count = tls?.write(output.first, limit: Self.mostAtOnce) ?? gatherAndWrite(output)
            if count < 0 {
                guard errno == EAGAIN else {
                    if errno == EINTR { continue }
                    close()
                    return false
                }
                waitForRoom()
                return false
            }
            output.consume(count)
            written += count
            if output.count > 0, isOverdue {
                // If the socket takes more, the loop comes back at once.
                waitForRoom()
                return false
            }
        }
        return true
    }

    private func gatherAndWrite(_ output: OutputBuffer) -> Int {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: 16) { vectors in
            let pieces = output.gather(vectors, limit: Self.mostAtOnce)
            return writev(descriptor, vectors.baseAddress, Int32(pieces))
        }
    }

    /// Bytes that the client's machine has taken: a socket may keep megabytes for it.
    var taken: Int { written - SocketQueue.unsent(descriptor) }

    /// The client has to take some of the output first.
    private func waitForRoom() {
        if writing == nil { writing = Pace(at: server.tick, total: taken) }
        // Who takes a long answer is not idle.
        if waiting == .idle { wait(.nothing) }
        watch()
    }

    /// Tells the loop what to wait for, if that has changed.
    func watch() {
        var wanted: UInt32 = 0
        if output != nil { wanted |= EPOLLOUT.rawValue }
        if phase == .reading, !isBackedUp { isInputPaused = false }
        if !isInputPaused, !isBackedUp, !peerHasEnded { wanted |= EPOLLIN.rawValue }
        if !peerHasEnded { wanted |= EPOLLRDHUP.rawValue }
        if phase == .reading, isBackedUp { wanted &= ~EPOLLRDHUP.rawValue }
        if let tls {
            if tls.wantsRoom { wanted |= EPOLLOUT.rawValue }
            if holdsInput, phase == .reading, wanted & EPOLLIN.rawValue != 0 { readOn() }
        }
        guard wanted != interest else { return }
        interest = wanted
        do { try server.loop.modify(self, events: wanted) } catch { close() }
    }
}

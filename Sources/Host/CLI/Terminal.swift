internal import Glibc
internal import Synchronization

/// The user's terminal while a command has it to itself: no echo, no line editing, and its own screen.
struct Terminal: ~Copyable {
    private var saved = termios()
    private static let interrupted = Atomic<Bool>(false)

    /// Nil unless standard input and output are a terminal.
    init?() {
        guard isatty(0) == 1, isatty(1) == 1, tcgetattr(0, &saved) == 0 else { return nil }
        // What is set here must be undone: a signal that ends the process does so by way of `wait`.
        _ = Self.interrupted.load(ordering: .relaxed)
        for number in [SIGTERM, SIGHUP, SIGINT] {
            signal(number) { _ in Terminal.interrupted.store(true, ordering: .relaxed) }
        }
        signal(SIGWINCH) { _ in }
        var raw = saved
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
        tcsetattr(0, TCSANOW, &raw)
        Output.bytes(Array("\u{1b}[?1049h\u{1b}[?25l".utf8))
    }

    deinit {
        Output.bytes(Array("\u{1b}[?25h\u{1b}[?1049l".utf8))
        var saved = saved
        tcsetattr(0, TCSANOW, &saved)
    }

    /// Shows lines from the top, cut to the window.
    func show(_ lines: [String]) {
        var size = winsize()
        let isKnown = ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        let (rows, columns) = isKnown ? (Int(size.ws_row), Int(size.ws_col)) : (24, 80)
        let text = lines.prefix(rows).map { "\($0.prefix(columns))\u{1b}[K" }.joined(separator: "\r\n")
        Output.bytes(Array("\u{1b}[H\(text)\u{1b}[J".utf8))
    }

    enum Event { case time, resized, quit }

    /// Waits for the user or for `milliseconds`.
    func wait(milliseconds: Int32) -> Event {
        var watched = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
        let count = poll(&watched, 1, milliseconds)
        if Self.interrupted.load(ordering: .relaxed) { return .quit }
        if count < 0 { return .resized }
        guard count > 0 else { return .time }
        var byte: UInt8 = 0
        let isRead = read(0, &byte, 1) == 1
        // Ctrl-C and Ctrl-D come as bytes, because signals by keys are off.
        return !isRead || byte == UInt8(ascii: "q") || byte == UInt8(ascii: "Q") || byte == 3 || byte == 4
            ? .quit : .resized
    }
}

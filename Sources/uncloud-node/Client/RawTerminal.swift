internal import Glibc

/// A terminal whose keys go through unchanged, one by one, until `restore`.
struct RawTerminal: Sendable {
    private let saved: termios

    /// Nil where standard input is no terminal.
    init?() {
        var settings = termios()
        guard isatty(0) == 1, tcgetattr(0, &settings) == 0 else { return nil }
        saved = settings
        cfmakeraw(&settings)
        guard tcsetattr(0, TCSADRAIN, &settings) == 0 else { return nil }
    }

    func restore() {
        var settings = saved
        tcsetattr(0, TCSADRAIN, &settings)
    }
}

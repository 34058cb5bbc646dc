internal import Glibc

/// The command line of a process mode: `--name value` pairs, and what follows `--`.
struct ModeArguments {
    private(set) var values: [String: String] = [:]
    private(set) var rest: [String] = []

    init(_ arguments: [String]) {
        var index = 0
        while index < arguments.count {
            let word = arguments[index]
            if word == "--" {
                rest = Array(arguments[(index + 1)...])
                return
            }
            guard word.hasPrefix("--"), index + 1 < arguments.count else {
                ModeExit.usage("unexpected argument \"\(word)\"")
            }
            values[String(word.dropFirst(2))] = arguments[index + 1]
            index += 2
        }
    }

    func required(_ name: String) -> String {
        guard let value = values[name] else { ModeExit.usage("--\(name) is missing") }
        return value
    }

    func number(_ name: String) -> Int32? { values[name].flatMap { Int32($0) } }
}

/// How a process mode ends. The one line it has to say goes to whoever waits for its start, and to standard error.
enum ModeExit {
    static func usage(_ message: String) -> Never {
        say(2, message + "\n")
        exit(2)
    }

    /// Ends a mode that could not start.
    static func failed(_ mode: String, _ message: String, ready: Int32?) -> Never {
        if let ready { say(ready, message + "\n") }
        say(2, "\(mode): \(message)\n")
        exit(1)
    }

    static func say(_ descriptor: Int32, _ text: String) {
        let bytes = Array(text.utf8)
        _ = write(descriptor, bytes, bytes.count)
    }

    static func reason(_ errno: Int32) -> String { String(cString: strerror(errno)) }
}

internal import Runtime

/// One array for each path that many guests have. Any thread.
enum SharedPaths {
    /// Paths that hold a guest's own name or address are no use to others: beyond this many none is kept.
    private static let most = 1024
    private static let known = Locked<[[UInt8]: [UInt8]]>([:])

    /// An equal array, the same for all callers as far as there is room.
    static func shared(_ path: [UInt8]) -> [UInt8] {
        known.withLock { known in
            if let same = known[path] { return same }
            if known.count < most { known[path] = path }
            return path
        }
    }
}

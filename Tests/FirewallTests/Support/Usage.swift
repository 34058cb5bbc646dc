import Foundation

/// What this process holds now. Other tests may run beside: compare with room.
struct Usage: Sendable {
    var kilobytes: Int
    var descriptors: Int

    init() throws {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
        kilobytes = Int(line.filter(\.isNumber)) ?? 0
        descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }
}

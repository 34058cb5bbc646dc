import CLinux
import Glibc
import Runtime

/// Two ends of a stream; whoever adopts them closes them.
struct SocketPair {
    let ours: CInt
    let theirs: CInt

    init() throws {
        var ends: [CInt] = [-1, -1]
        let result = cl_socketpair(CInt(SOCK_STREAM.rawValue), &ends)
        guard result >= 0 else { throw SystemError(errno: -result, operation: "socketpair") }
        (ours, theirs) = (ends[0], ends[1])
    }
}

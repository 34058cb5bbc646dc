internal import CLinux
internal import Glibc

/// A file that its process keeps locked as long as it lives: the lock, not the number in it, tells who runs.
///
/// The lock is fcntl's, which belongs to the process: it goes when the process ends in whatever way, and it names its owner.
package struct PIDFile {
    package let path: String
    package let descriptor: Int32

    package enum Failure: Error {
        case taken(pid: Int32)
        case failed(String)
    }

    /// Opens and locks, anew if the file was removed between the two.
    package init(locking path: String) throws(Failure) {
        self.path = path
        while true {
            let fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard fd >= 0 else { throw .failed("\(path): \(String(cString: strerror(errno)))") }
            guard cl_lock_file(fd) >= 0 else {
                let owner = cl_lock_owner(fd)
                close(fd)
                throw .taken(pid: owner)
            }
            if PIDFile.isSame(fd, path) {
                descriptor = fd
                return
            }
            close(fd)
        }
    }

    private static func isSame(_ fd: Int32, _ path: String) -> Bool {
        var open = stat()
        var named = stat()
        return fstat(fd, &open) == 0 && stat(path, &named) == 0 && open.st_ino == named.st_ino
            && open.st_dev == named.st_dev
    }

    /// Replaces the content.
    package func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, bytes, bytes.count, 0)
    }

    package func remove() { unlink(path) }

    /// What the last owner wrote. By our own descriptor: closing another one of the same file would drop the lock.
    package func content() -> String { Self.content(of: descriptor) }

    /// The process that holds the lock, nil if none does. Never to be asked by the owner itself.
    package static func owner(_ path: String) -> Int32? { ownerAndContent(path)?.owner }

    /// The process that holds the lock, and what is written in the file; nil if none does.
    package static func ownerAndContent(_ path: String) -> (owner: Int32, content: String)? {
        let fd = open(path, O_RDWR | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        let pid = cl_lock_owner(fd)
        return pid > 0 ? (pid, content(of: fd)) : nil
    }

    private static func content(of fd: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let got = pread(fd, &buffer, buffer.count, 0)
        return String(decoding: buffer[..<max(0, got)], as: UTF8.self)
    }
}

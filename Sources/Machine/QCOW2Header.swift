internal import CLinux
internal import Glibc

/// The first bytes of a disk that is said to be a qcow2 image: the magic, then the version, then the offset of the backing
/// file's name (QEMU, docs/interop/qcow2.txt).
package struct QCOW2Header: Sendable {
    private static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xFB]
    private var bytes = [UInt8](repeating: 0, count: 16)

    /// Reads them from an open file.
    init(of descriptor: CInt) {
        let count = pread(descriptor, &bytes, bytes.count, 0)
        bytes.removeLast(bytes.count - max(count, 0))
    }

    /// Reads them from a file; nil where it can't be opened.
    package init?(path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { return nil }
        defer { cl_close(descriptor) }
        self.init(of: descriptor)
    }

    /// Whether it is one.
    package var isQCOW2: Bool { bytes.starts(with: Self.magic) }

    /// Whether it refers to another file.
    var hasBackingFile: Bool { bytes.count == 16 && bytes[8..<16].contains { $0 != 0 } }
}

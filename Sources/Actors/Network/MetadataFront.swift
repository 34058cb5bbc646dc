internal import CLinux
internal import Glibc
internal import HTTP
package import Metadata
package import Runtime

/// The metadata sockets of all networks, spread over the shards. Until `admit`, sockets wait: a guest's connection stays in
/// the kernel's queue while the directory is not loaded yet, and is answered then.
package actor MetadataFront {
    /// A listening socket, known by its inode, and the copy of it that is kept for a helper to come.
    private struct Socket {
        var inode: UInt64
        var kept: Int32
        var listener: ServerListener?
    }

    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// How many sockets a network should have: one a loop.
    package nonisolated var width: Int { shards.count }

    private nonisolated let shards: [MetadataShard]
    private var isAdmitting = false
    private var sockets: [UInt32: [Socket]] = [:]

    package init(shards: [MetadataShard], loop: EventLoop) {
        self.shards = shards
        self.loop = loop
    }

    /// The sockets held of a network, for a new helper: they stay the front's.
    func held(network: UInt32) -> [Int32] { sockets[network]?.map(\.kept) ?? [] }

    /// Takes a network's sockets, in place of those it had; the descriptors are the front's from here on. All of them are
    /// used, also where there are more than loops: the kernel spreads connections over the whole group.
    func open(network: UInt32, _ descriptors: [Int32]) async throws {
        var old = sockets.removeValue(forKey: network) ?? []
        var new: [Socket] = []
        for descriptor in descriptors {
            let inode = Self.inode(of: descriptor)
            if let index = old.firstIndex(where: { $0.inode == inode }) {
                cl_close(descriptor)
                new.append(old.remove(at: index))
            } else {
                new.append(Socket(inode: inode, kept: descriptor))
            }
        }
        sockets[network] = new
        for socket in old { await close(socket) }
        if isAdmitting { try await listen(network) }
    }

    /// The directory is loaded: connections are taken from now on.
    package func admit() async throws {
        isAdmitting = true
        for network in sockets.keys { try await listen(network) }
    }

    func close(network: UInt32) async {
        for socket in sockets.removeValue(forKey: network) ?? [] { await close(socket) }
    }

    func closeAll() async {
        for network in sockets.keys { await close(network: network) }
    }

    /// Closes descriptors that nobody wants any more.
    nonisolated func discard(_ descriptors: [Int32]) {
        for descriptor in descriptors { cl_close(descriptor) }
    }

    private func listen(_ network: UInt32) async throws {
        for index in sockets[network]?.indices ?? 0..<0 where sockets[network]?[index].listener == nil {
            guard let socket = sockets[network]?[index] else { return }
            let copy = cl_dup(socket.kept)
            guard copy >= 0 else { throw SystemError(errno: -copy, operation: "copy a listening socket") }
            let listener = try await shards[index % shards.count].server.listen(adopting: copy)
            // The network may have been closed meanwhile.
            guard sockets[network]?.indices.contains(index) == true, sockets[network]?[index].inode == socket.inode
            else { return await listener.close() }
            sockets[network]?[index].listener = listener
        }
    }

    private func close(_ socket: Socket) async {
        await socket.listener?.close()
        cl_close(socket.kept)
    }

    private static func inode(of descriptor: Int32) -> UInt64 {
        var info = stat()
        return fstat(descriptor, &info) == 0 ? UInt64(info.st_ino) : 0
    }
}

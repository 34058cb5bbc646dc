internal import CSQLite
internal import Glibc
internal import Runtime

/// The C side of a `PowerCutDisk`: a `sqlite3_vfs` whose calls go to the disk.
final class VFSRegistration: @unchecked Sendable {
    // SAFETY: filled in before it is registered and freed after; SQLite reads it in between, under its own mutex.
    private let vfs: UnsafeMutablePointer<sqlite3_vfs>
    private let name: UnsafeMutablePointer<CChar>?
    private let isRegistered = Locked(false)

    init(name: String) {
        self.name = strdup(name)
        vfs = .allocate(capacity: 1)
        vfs.initialize(to: sqlite3_vfs())
    }

    deinit {
        unregister()
        vfs.deinitialize(count: 1)
        vfs.deallocate()
        free(name)
    }

    func register(for disk: PowerCutDisk) {
        vfs.pointee.iVersion = 1
        vfs.pointee.szOsFile = CInt(MemoryLayout<DiskFile>.size)
        vfs.pointee.mxPathname = 512
        vfs.pointee.zName = UnsafePointer(name)
        // SAFETY: unretained, since the disk owns this registration and unregisters before it goes.
        vfs.pointee.pAppData = Unmanaged.passUnretained(disk).toOpaque()
        vfs.pointee.xOpen = openFile
        vfs.pointee.xDelete = { vfs, name, syncDirectory in
            guard let disk = diskBehind(vfs), let name else { return SQLITE_IOERR }
            return disk.delete(String(cString: name), synced: syncDirectory != 0)
        }
        vfs.pointee.xAccess = { vfs, name, _, result in
            guard let disk = diskBehind(vfs), let name else { return SQLITE_IOERR }
            result?.pointee = disk.exists(String(cString: name)) ? 1 : 0
            return SQLITE_OK
        }
        vfs.pointee.xFullPathname = { _, name, size, result in
            guard let name, let result, strlen(name) < size else { return SQLITE_CANTOPEN }
            strcpy(result, name)
            return SQLITE_OK
        }
        vfs.pointee.xRandomness = { _, count, result in
            guard let result else { return 0 }
            var random = SystemRandomNumberGenerator()
            for index in 0..<Int(count) { result[index] = CChar(truncatingIfNeeded: random.next() as UInt64) }
            return count
        }
        vfs.pointee.xSleep = { _, microseconds in microseconds }
        vfs.pointee.xCurrentTime = { _, result in
            // A julian day; the store asks SQLite for no time.
            result?.pointee = 2_461_000
            return SQLITE_OK
        }
        vfs.pointee.xGetLastError = { _, _, _ in 0 }
        sqlite3_vfs_register(vfs, 0)
        isRegistered.withLock { $0 = true }
    }

    func unregister() {
        let was = isRegistered.withLock { registered in
            let was = registered
            registered = false
            return was
        }
        if was { sqlite3_vfs_unregister(vfs) }
    }
}

/// SQLite's file, and behind it which file of which disk it is. SQLite allocates it and begins with `base`.
private struct DiskFile {
    var base: sqlite3_file
    var context: UnsafeMutableRawPointer?
}

private final class OpenFile {
    let disk: PowerCutDisk
    let name: String
    let isTemporary: Bool

    init(disk: PowerCutDisk, name: String, isTemporary: Bool) {
        self.disk = disk
        self.name = name
        self.isTemporary = isTemporary
    }
}

private func diskBehind(_ vfs: UnsafeMutablePointer<sqlite3_vfs>?) -> PowerCutDisk? {
    // SAFETY: set in `register`; the disk outlives its registration.
    vfs?.pointee.pAppData.map { Unmanaged<PowerCutDisk>.fromOpaque($0).takeUnretainedValue() }
}

private func open(file: UnsafeMutablePointer<sqlite3_file>?) -> OpenFile? {
    // SAFETY: SQLite passes the memory that `openFile` filled in; the object is retained until xClose.
    guard let file else { return nil }
    let context = UnsafeMutableRawPointer(file).assumingMemoryBound(to: DiskFile.self).pointee.context
    return context.map { Unmanaged<OpenFile>.fromOpaque($0).takeUnretainedValue() }
}

private let openFile:
    @convention(c) (
        UnsafeMutablePointer<sqlite3_vfs>?, UnsafePointer<CChar>?, UnsafeMutablePointer<sqlite3_file>?, CInt,
        UnsafeMutablePointer<CInt>?
    ) -> CInt = { vfs, name, file, flags, outFlags in
        guard let file, let disk = diskBehind(vfs) else { return SQLITE_CANTOPEN }
        // Without methods SQLite does not close a file that was not opened.
        file.pointee.pMethods = nil
        let isTemporary = name == nil
        guard let opened = disk.open(name.map { String(cString: $0) }, create: flags & SQLITE_OPEN_CREATE != 0) else {
            return SQLITE_CANTOPEN
        }
        let context = Unmanaged.passRetained(OpenFile(disk: disk, name: opened, isTemporary: isTemporary)).toOpaque()
        UnsafeMutableRawPointer(file).assumingMemoryBound(to: DiskFile.self).initialize(
            to: DiskFile(base: sqlite3_file(pMethods: methods.pointer), context: context))
        outFlags?.pointee = flags
        return SQLITE_OK
    }

/// The methods of all files; never freed, as SQLite may hold them until the process ends.
private struct Methods: @unchecked Sendable {
    // SAFETY: written once here, then read only.
    let pointer: UnsafePointer<sqlite3_io_methods>

    init() {
        let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        methods.initialize(to: sqlite3_io_methods())
        methods.pointee.iVersion = 1
        methods.pointee.xClose = { file in
            guard let file else { return SQLITE_OK }
            let memory = UnsafeMutableRawPointer(file).assumingMemoryBound(to: DiskFile.self)
            if let context = memory.pointee.context {
                let opened = Unmanaged<OpenFile>.fromOpaque(context).takeRetainedValue()
                if opened.isTemporary { _ = opened.disk.delete(opened.name, synced: false) }
                memory.pointee.context = nil
            }
            return SQLITE_OK
        }
        methods.pointee.xRead = { file, buffer, count, offset in
            guard let opened = open(file: file), let buffer else { return SQLITE_IOERR }
            let memory = UnsafeMutableRawBufferPointer(start: buffer, count: Int(count))
            return opened.disk.read(opened.name, into: memory, at: Int(offset))
        }
        methods.pointee.xWrite = { file, buffer, count, offset in
            guard let opened = open(file: file), let buffer else { return SQLITE_IOERR }
            let bytes = Array(UnsafeRawBufferPointer(start: buffer, count: Int(count)))
            return opened.disk.write(opened.name, bytes, at: Int(offset))
        }
        methods.pointee.xTruncate = { file, size in
            open(file: file).map { $0.disk.truncate($0.name, size: Int(size)) } ?? SQLITE_IOERR
        }
        methods.pointee.xSync = { file, _ in open(file: file).map { $0.disk.sync($0.name) } ?? SQLITE_IOERR }
        methods.pointee.xFileSize = { file, size in
            guard let opened = open(file: file) else { return SQLITE_IOERR }
            size?.pointee = sqlite3_int64(opened.disk.size(opened.name))
            return SQLITE_OK
        }
        methods.pointee.xLock = { _, _ in SQLITE_OK }
        methods.pointee.xUnlock = { _, _ in SQLITE_OK }
        methods.pointee.xCheckReservedLock = { _, result in
            result?.pointee = 0
            return SQLITE_OK
        }
        methods.pointee.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
        methods.pointee.xSectorSize = { _ in 512 }
        // What SQLite's own VFS says of ordinary disks: a torn write harms no bytes beside it.
        methods.pointee.xDeviceCharacteristics = { _ in SQLITE_IOCAP_POWERSAFE_OVERWRITE }
        pointer = UnsafePointer(methods)
    }
}

private let methods = Methods()

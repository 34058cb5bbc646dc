import Glibc

/// Blocks a thread until another lets it go.
// SAFETY: a POSIX semaphore is for any thread; its memory is freed with this object.
final class Hold: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func wait() { while sem_wait(semaphore) != 0 {} }
    func release() { sem_post(semaphore) }
}

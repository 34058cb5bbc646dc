internal import CLinux
internal import Glibc

/// The thread that runs jobs which reach a loop after its shutdown: late resumptions of tasks that outlived it.
///
/// None is lost and none runs beside another, so that isolation holds; I/O on the loop fails with `UV_ECANCELED` by then.
/// It starts when first needed and stays.
final class Afterlife: Sendable {
    static let shared = Afterlife()

    private let thread = WorkQueue(label: "rt-afterlife", threads: 1)

    func run(_ body: @escaping WorkQueue.Body) { add(body) }

    /// Jobs may not be lost: a process in which this one thread can't be made has nothing to go on with.
    private func add(_ body: @escaping WorkQueue.Body) {
        thread.add(body) { fatalError("no thread for late jobs: \($0)") }
    }

    func run(_ work: [Work], for loop: EventLoop) {
        add {
            loop.becomeCurrent {
                loop.local.beginTurn()
                for item in work { loop.local.ring.push(item) }
                loop.afterCallback()
            }
            // What the budget did not reach: behind what others have asked for.
            if loop.local.hasWork { self.run([], for: loop) }
        }
    }
}

extension EventLoop {
    /// Makes this thread the loop's for the length of `body`. Only the loop's own thread and the afterlife's may do that.
    func becomeCurrent(_ body: () -> Void) {
        // SAFETY: the word is the calling thread's own, and the loop outlives its thread.
        let before = unsafe cl_loop_current()
        unsafe cl_set_loop_current(Unmanaged.passUnretained(self).toOpaque())
        body()
        unsafe cl_set_loop_current(before)
    }
}

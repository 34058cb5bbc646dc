#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define CL_SANITIZED 1
#endif
#endif

// For what runs in the child: nothing of a sanitizer's either. Its locks, copied while other threads held them, would never
// be released there, and the parent waits for the exec.
#ifdef CL_SANITIZED
#define CL_IN_CHILD __attribute__((disable_sanitizer_instrumentation))
#else
#define CL_IN_CHILD
#endif

// Shared by parent and child: the parent reads it once the child has exec'd or is gone.
struct verdict {
    int stage;
    int error;
};

struct job {
    const struct cl_spawn_spec *spec;
    struct verdict *verdict;
    int *scratch;                       // a slot for each descriptor
};

enum { STACK_SIZE = 256 * 1024, KERNEL_SIGSET = 8 };

// The child shares our memory until the exec (CLONE_VM), so it makes plain system calls only: no malloc, no locks, and
// none of glibc's set*id, which would try to signal every thread of the process.
CL_IN_CHILD static _Noreturn void fail(struct job *job, int stage) {
    job->verdict->error = errno;
    job->verdict->stage = stage;
    syscall(SYS_exit_group, 127);
    __builtin_unreachable();
}

CL_IN_CHILD static void reset_signals(void) {
    static const char action[64];       // zeroes: SIG_DFL, no flags, empty mask
    for (int signal = 1; signal < 65; signal++) {
        if (signal == SIGKILL || signal == SIGSTOP) continue;
        syscall(SYS_rt_sigaction, signal, action, NULL, KERNEL_SIGSET);
    }
}

// First copies above all target numbers (so that no target overwrites a source), then everything close-on-exec, then
// the copies to their places, which dup3 leaves open across the exec.
CL_IN_CHILD static void place_fds(struct job *job) {
    const struct cl_spawn_spec *spec = job->spec;
    int highest = 2;
    for (int i = 0; i < spec->fd_count; i++)
        if (spec->fds[i].child > highest) highest = spec->fds[i].child;
    for (int i = 0; i < spec->fd_count; i++) {
        job->scratch[i] = (int)syscall(SYS_fcntl, spec->fds[i].ours, F_DUPFD_CLOEXEC, highest + 1);
        if (job->scratch[i] < 0) fail(job, CL_SPAWN_FDS);
    }
    if (syscall(SYS_close_range, 0u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) < 0) fail(job, CL_SPAWN_FDS);
    for (int i = 0; i < spec->fd_count; i++)
        if (syscall(SYS_dup3, job->scratch[i], spec->fds[i].child, 0) < 0) fail(job, CL_SPAWN_FDS);
}

// A lock of fcntl's belongs to the process, and stays through the exec: from then on it tells who lives. It goes when the
// process closes any descriptor of the file, so that the others, which the exec would close, are closed before.
CL_IN_CHILD static void lock(struct job *job) {
    unsigned next = 0;
    for (int i = 0; i < job->spec->fd_count; i++) {
        unsigned kept = (unsigned)job->spec->fds[i].child;
        if (kept > next) syscall(SYS_close_range, next, kept - 1, 0u);
        next = kept + 1;
    }
    syscall(SYS_close_range, next, ~0u, 0u);
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (syscall(SYS_fcntl, job->spec->locked, F_SETLK, &whole) < 0) fail(job, CL_SPAWN_LOCK);
}

CL_IN_CHILD static void join_cgroup(struct job *job) {
    long fd = syscall(SYS_openat, AT_FDCWD, job->spec->cgroup_procs, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0 || syscall(SYS_write, fd, "0", 1) < 0) fail(job, CL_SPAWN_CGROUP);
}

CL_IN_CHILD static void change_ids(struct job *job) {
    const struct cl_spawn_spec *spec = job->spec;
    if (spec->uid < 0 && spec->gid < 0) return;
    // In a user namespace with setgroups denied this fails; there are no groups to lose there then.
    if (syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM) fail(job, CL_SPAWN_IDS);
    if (spec->gid >= 0 && syscall(SYS_setresgid, spec->gid, spec->gid, spec->gid) < 0) fail(job, CL_SPAWN_IDS);
    if (spec->uid >= 0 && syscall(SYS_setresuid, spec->uid, spec->uid, spec->uid) < 0) fail(job, CL_SPAWN_IDS);
}

CL_IN_CHILD static int child(void *argument) {
    struct job *job = argument;
    const struct cl_spawn_spec *spec = job->spec;
    uint64_t none = 0;

    reset_signals();
    if (spec->new_session && syscall(SYS_setsid) < 0) fail(job, CL_SPAWN_SETSID);
    if (spec->cgroup_procs) join_cgroup(job);
    for (int i = 0; i < spec->namespace_count; i++)
        if (syscall(SYS_setns, spec->namespaces[i], 0) < 0) fail(job, CL_SPAWN_SETNS);
    place_fds(job);
    if (spec->locked > 0) lock(job);
    change_ids(job);
    if (spec->directory && syscall(SYS_chdir, spec->directory) < 0) fail(job, CL_SPAWN_CHDIR);
    // After the ids: their change clears it.
    if (spec->death_signal && syscall(SYS_prctl, PR_SET_PDEATHSIG, spec->death_signal, 0, 0, 0) < 0)
        fail(job, CL_SPAWN_PRCTL);
    if (spec->no_new_privs && syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(job, CL_SPAWN_PRCTL);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, KERNEL_SIGSET);
    syscall(SYS_execve, spec->executable, spec->arguments, spec->environment);
    fail(job, CL_SPAWN_EXEC);
}

CL_IN_CHILD static int start(struct job *job, char *stack_top, int *pidfd) {
#ifdef CL_SANITIZED
    // A sanitizer's shadow state must not be shared with a child: a copy of the memory then, still waiting for the
    // exec (CLONE_VFORK).
    (void)stack_top;
    long pid = syscall(SYS_clone, CLONE_VFORK | CLONE_PIDFD | SIGCHLD, 0, pidfd, 0, 0);
    if (pid == 0) child(job);
    return pid < 0 ? -errno : (int)pid;
#else
    int pid = clone(child, stack_top, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, job, pidfd);
    return pid < 0 ? -errno : pid;
#endif
}

int cl_spawn(const struct cl_spawn_spec *spec, int *pidfd, int *stage) {
    size_t shared_size = sizeof(struct verdict) + (size_t)spec->fd_count * sizeof(int);
    size_t size = STACK_SIZE + ((shared_size + 4095) & ~(size_t)4095);
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *stage = CL_SPAWN_CLONE;
    *pidfd = -1;
    if (memory == MAP_FAILED) return -errno;
    struct verdict *verdict = (struct verdict *)(memory + STACK_SIZE);
    struct job job = { .spec = spec, .verdict = verdict, .scratch = (int *)(verdict + 1) };

    // No handler of ours may run in the child while it shares our memory.
    uint64_t all = ~(uint64_t)0, before = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, KERNEL_SIGSET);
    int pid = start(&job, memory + STACK_SIZE, pidfd);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, KERNEL_SIGSET);

    int outcome = pid;
    if (pid > 0 && verdict->stage != CL_SPAWN_OK) {
        outcome = -verdict->error;
        *stage = verdict->stage;
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) { }
        close(*pidfd);
        *pidfd = -1;
    } else if (pid > 0) {
        *stage = CL_SPAWN_OK;
    }
    munmap(memory, size);
    return outcome;
}

int cl_pidfd_open(pid_t pid) {
    long fd = syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : (int)fd;
}

int cl_pidfd_send_signal(int pidfd, int signal) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int cl_pidfd_reap(int pidfd, int *exited, int *value) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    int done;
    do done = waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED | WNOHANG);
    while (done < 0 && errno == EINTR);
    if (done < 0) return -errno;
    if (info.si_pid == 0) return 0;
    *exited = info.si_code == CLD_EXITED;
    *value = info.si_status;
    return 1;
}

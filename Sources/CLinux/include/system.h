// Namespaces, mounts, locks, capabilities and threads.
#ifndef CLINUX_SYSTEM_H
#define CLINUX_SYSTEM_H

#include <stdint.h>
#include <sys/types.h>

// Namespace kinds for cl_setns and cl_unshare (the kernel's CLONE_NEW* values).
enum {
    CL_NEWNS = 0x00020000,
    CL_NEWUTS = 0x04000000,
    CL_NEWIPC = 0x08000000,
    CL_NEWUSER = 0x10000000,
    CL_NEWPID = 0x20000000,
    CL_NEWNET = 0x40000000,
};

int cl_setns(int fd, int kind);
int cl_unshare(int flags);
// A new user namespace in which the caller is root, mapped to `uid` and `gid` outside. Only before there are threads.
int cl_userns_enter(uid_t uid, gid_t gid);
// The namespace (of `kind`) of the process, as a descriptor.
int cl_open_namespace(pid_t pid, int kind);
// The network namespace a TUN/TAP descriptor or socket lives in (SIOCGSKNS).
int cl_socket_namespace(int fd);
// The inode number that names the namespace behind `fd`.
int cl_namespace_inode(int fd, uint64_t *inode);

int cl_umount(const char *target, int flags);
int cl_bind_mount(const char *source, const char *target);
// Makes every mount under `target` private, so that what follows is not seen outside of this mount namespace.
int cl_make_private(const char *target);

// A write lock (fcntl, F_SETLK) on the whole file: 0, or -EAGAIN / -EACCES while another process holds one.
int cl_lock_file(int fd);
// The process that holds a lock which would hinder ours, or 0; -1 as pid (an open file description lock) gives -ESRCH.
int cl_lock_owner(int fd);

int cl_has_cap_net_admin(void);
int cl_has_cap_sys_admin(void);
int cl_no_new_privs(void);

int cl_thread_name(const char *name);
// Raises the soft limit of open files to the hard one; returns the new soft limit.
int64_t cl_raise_nofile(void);

// Tells ThreadSanitizer of an order that it cannot see (Swift's Mutex is not instrumented). Nothing in other builds.
void cl_tsan_acquire(void *address);
void cl_tsan_release(void *address);

// A word of thread-local storage: the loop whose thread this is.
void *cl_loop_current(void);

// Tells the processor that this thread only looks at a word until another thread changes it.
static inline void cl_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}
void cl_set_loop_current(void *loop);
// Another: the blocking executor whose thread this is.
void *cl_blocking_current(void);
void cl_set_blocking_current(void *executor);

#endif

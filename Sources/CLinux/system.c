#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif

static int result(long value) { return value < 0 ? -errno : (int)value; }

int cl_setns(int fd, int kind) { return result(setns(fd, kind)); }
int cl_unshare(int flags) { return result(unshare(flags)); }

static int write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    ssize_t written = write(fd, text, strlen(text));
    int error = written < 0 ? -errno : 0;
    close(fd);
    return error;
}

int cl_userns_enter(uid_t uid, gid_t gid) {
    char text[64];
    int error = cl_unshare(CLONE_NEWUSER);
    if (error < 0) return error;
    // An ordinary user may map its group only once setgroups is off for good.
    error = write_file("/proc/self/setgroups", "deny");
    if (error < 0 && error != -ENOENT) return error;
    snprintf(text, sizeof text, "0 %u 1\n", (unsigned)uid);
    if ((error = write_file("/proc/self/uid_map", text)) < 0) return error;
    snprintf(text, sizeof text, "0 %u 1\n", (unsigned)gid);
    return write_file("/proc/self/gid_map", text);
}

static const char *namespace_name(int kind) {
    switch (kind) {
    case CLONE_NEWNS: return "mnt";
    case CLONE_NEWUTS: return "uts";
    case CLONE_NEWIPC: return "ipc";
    case CLONE_NEWUSER: return "user";
    case CLONE_NEWPID: return "pid";
    case CLONE_NEWNET: return "net";
    default: return NULL;
    }
}

int cl_open_namespace(pid_t pid, int kind) {
    char path[64];
    const char *name = namespace_name(kind);
    if (!name) return -EINVAL;
    if (pid > 0) snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, name);
    else snprintf(path, sizeof path, "/proc/thread-self/ns/%s", name);
    return result(open(path, O_RDONLY | O_CLOEXEC));
}

int cl_socket_namespace(int fd) { return result(ioctl(fd, SIOCGSKNS)); }

int cl_namespace_inode(int fd, uint64_t *inode) {
    struct stat info;
    if (fstat(fd, &info) < 0) return -errno;
    *inode = info.st_ino;
    return 0;
}

int cl_umount(const char *target, int flags) { return result(umount2(target, flags)); }
int cl_bind_mount(const char *source, const char *target) {
    return result(mount(source, target, NULL, MS_BIND, NULL));
}
int cl_make_private(const char *target) { return result(mount(NULL, target, NULL, MS_REC | MS_PRIVATE, NULL)); }

int cl_lock_file(int fd) {
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    return result(fcntl(fd, F_SETLK, &lock));
}

int cl_lock_owner(int fd) {
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(fd, F_GETLK, &lock) < 0) return -errno;
    if (lock.l_type == F_UNLCK) return 0;
    return lock.l_pid > 0 ? lock.l_pid : -ESRCH;
}

static int effective(unsigned capability) {
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { { 0 } };
    if (syscall(SYS_capget, &header, data) < 0) return -errno;
    return (data[capability / 32].effective >> (capability % 32)) & 1;
}

int cl_has_cap_net_admin(void) { return effective(CAP_NET_ADMIN); }
int cl_has_cap_sys_admin(void) { return effective(CAP_SYS_ADMIN); }

int cl_no_new_privs(void) { return result(prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL)); }

int cl_thread_name(const char *name) { return result(prctl(PR_SET_NAME, name, 0UL, 0UL, 0UL)); }

int64_t cl_raise_nofile(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    }
    return (int64_t)limit.rlim_cur;
}

static _Thread_local void *loop_current;
void *cl_loop_current(void) { return loop_current; }
void cl_set_loop_current(void *loop) { loop_current = loop; }

static _Thread_local void *blocking_current;
void *cl_blocking_current(void) { return blocking_current; }
void cl_set_blocking_current(void *executor) { blocking_current = executor; }

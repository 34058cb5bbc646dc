#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "machine.h"

struct attempt {
    const char *path;
    int flags;
    int64_t uid, gid;
    int result;
};

// Raw system calls: glibc's functions would change every thread of the process.
static int become(const struct attempt *attempt) {
    if (attempt->gid >= 0) {
        gid_t gid = (gid_t)attempt->gid;
        if (syscall(SYS_setgroups, 0, NULL) < 0) return -errno;
        if (syscall(SYS_setresgid, gid, gid, gid) < 0) return -errno;
    }
    if (attempt->uid >= 0) {
        uid_t uid = (uid_t)attempt->uid;
        if (syscall(SYS_setresuid, uid, uid, uid) < 0) return -errno;
    }
    return 0;
}

static void *try_open(void *argument) {
    struct attempt *attempt = argument;
    attempt->result = become(attempt);
    if (attempt->result < 0) return NULL;
    int fd = open(attempt->path, attempt->flags | O_CLOEXEC);
    attempt->result = fd < 0 ? -errno : 0;
    if (fd >= 0) close(fd);
    return NULL;
}

static int check(struct attempt attempt) {
    if (attempt.uid < 0 && attempt.gid < 0) {
        try_open(&attempt);
        return attempt.result;
    }
    // Changing ids makes the whole process undumpable, and with it /proc/self root's.
    int dumpable = prctl(PR_GET_DUMPABLE);
    pthread_t thread;
    int error = pthread_create(&thread, NULL, try_open, &attempt);
    if (error != 0) return -error;
    pthread_join(thread, NULL);
    if (dumpable == 1) prctl(PR_SET_DUMPABLE, 1);
    return attempt.result;
}

int cl_check_open(const char *path, int writable, int64_t uid, int64_t gid) {
    int flags = (writable ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY;
    return check((struct attempt){.path = path, .flags = flags, .uid = uid, .gid = gid});
}

int cl_check_search(const char *directory, int64_t uid, int64_t gid) {
    // Opening "." of it needs the right to search it, but none to read it.
    char path[4096];
    size_t length = 0;
    while (directory[length] != 0) {
        if (length + 3 > sizeof path) return -ENAMETOOLONG;
        path[length] = directory[length];
        length++;
    }
    path[length] = '/';
    path[length + 1] = '.';
    path[length + 2] = 0;
    return check((struct attempt){.path = path, .flags = O_PATH | O_DIRECTORY, .uid = uid, .gid = gid});
}

int cl_memory_file(const char *name, const void *bytes, size_t length) {
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0) return -errno;
    ssize_t written = pwrite(fd, bytes, length, 0);
    if (written == (ssize_t)length) return fd;
    int error = written < 0 ? errno : EIO;
    close(fd);
    return -error;
}

int cl_memory_copy(const char *name, int file) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -errno;
    static const size_t piece = 1 << 20;
    off_t offset = 0;
    ssize_t copied;
    while ((copied = sendfile(fd, file, &offset, piece)) > 0 || (copied < 0 && errno == EINTR)) { }
    if (copied == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0) return fd;
    int error = errno;
    close(fd);
    return -error;
}

int cl_flock(int fd) { return flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0; }

int cl_make_pipe(const char *path, int mode) {
    if (unlink(path) < 0 && errno != ENOENT) return -errno;
    if (mkfifo(path, (mode_t)mode) < 0) return -errno;
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

// What starting a QEMU process needs.
#ifndef CLINUX_MACHINE_H
#define CLINUX_MACHINE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Whether the user could open the file, judged by the kernel itself: a thread of its own takes on the user's ids,
// without supplementary groups, and tries. 0 or -errno. uid or gid -1 keeps the caller's. Needs CAP_SETUID to change.
int cl_check_open(const char *path, int writable, int64_t uid, int64_t gid);
// The same for searching a directory.
int cl_check_search(const char *directory, int64_t uid, int64_t gid);
// An anonymous file with this content, positioned at its start; close-on-exec.
int cl_memory_file(const char *name, const void *bytes, size_t length);

// An anonymous file in memory with the whole contents of an open one, which nobody can change. Whoever holds its
// descriptor may open it anew by /proc/self/fd, whatever user that is.
int cl_memory_copy(const char *name, int file);
// A lock (flock) that lives as long as any copy of the descriptor, so it can be handed to a child: 0 or -EWOULDBLOCK.
int cl_flock(int fd);
// A named pipe, opened for reading and writing without ever blocking; what stood there before is removed.
int cl_make_pipe(const char *path, int mode);

#endif

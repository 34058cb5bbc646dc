// Child processes and pidfds.
#ifndef CLINUX_PROCESS_H
#define CLINUX_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

// One descriptor of the child: `child` is its number there, `ours` the one it is a copy of.
struct cl_spawn_fd {
    int child;
    int ours;
};

struct cl_spawn_spec {
    const char *executable;             // a path: the search has been done
    char *const *arguments;             // NULL-terminated
    char *const *environment;           // NULL-terminated
    const char *directory;              // or NULL
    const struct cl_spawn_fd *fds;      // by the child's number, ascending; everything else is closed by the exec
    int fd_count;
    const int *namespaces;              // descriptors to setns into, in this order, before ids change
    int namespace_count;
    const char *cgroup_procs;           // path of a cgroup.procs to write "0" into, or NULL
    int64_t uid, gid;                   // -1: keep; a change empties the supplementary groups
    int new_session;                    // setsid
    int death_signal;                   // PR_SET_PDEATHSIG, 0 none; tied to the thread that calls cl_spawn
    int no_new_privs;
    int locked;                         // the child's number of a descriptor to lock (fcntl, all of it); 0 for none
};

// What failed, for the message.
enum {
    CL_SPAWN_OK = 0, CL_SPAWN_CLONE, CL_SPAWN_FDS, CL_SPAWN_SETNS, CL_SPAWN_SETSID, CL_SPAWN_IDS, CL_SPAWN_CHDIR,
    CL_SPAWN_CGROUP, CL_SPAWN_PRCTL, CL_SPAWN_EXEC, CL_SPAWN_LOCK,
};

// Starts a process; returns its pid once exec has succeeded, with its pidfd in *pidfd. Blocks until then. On failure
// nothing is left: no zombie, no descriptor. Signals are at their defaults and unblocked in the child.
int cl_spawn(const struct cl_spawn_spec *spec, int *pidfd, int *stage);

int cl_pidfd_open(pid_t pid);
int cl_pidfd_send_signal(int pidfd, int signal);
// Reaps a child by pidfd without waiting: 1 and its status (*exited ? exit code : signal), 0 while it runs.
int cl_pidfd_reap(int pidfd, int *exited, int *value);

#endif

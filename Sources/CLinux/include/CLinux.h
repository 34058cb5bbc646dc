// What Swift's importer cannot see of Linux: namespaces, control messages, pidfds, TUN, netlink, file locks, and a
// fork-and-exec that is safe in a process with threads. Every function returns a value >= 0, or -errno; none of them
// touches errno's meaning for the caller, takes a lock or keeps memory. Descriptors that are made are close-on-exec.
#ifndef CLINUX_H
#define CLINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#if __has_include("machine.h")
#include "machine.h"
#endif
#if __has_include("netlink.h")
#include "netlink.h"
#endif
#include "process.h"
#include "socket.h"
#include "system.h"

#endif

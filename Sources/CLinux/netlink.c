#define _GNU_SOURCE
#include "include/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif

#define CL_NETLINK_ASSERTION(name, value) _Static_assert((int)(name) == (value), #name);
CL_NETLINK_CONSTANTS(CL_NETLINK_ASSERTION)

int cl_nl_open(int protocol, uint32_t portid) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (fd < 0) return -errno;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_pid = portid};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    int on = 1;
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    return fd;
}

int cl_nl_join(int fd, uint32_t group) {
    return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0 ? -errno : 0;
}

int cl_nl_buffer(int fd, int bytes) {
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) == 0) return 0;
    return setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) < 0 ? -errno : 0;
}

ssize_t cl_nl_send(int fd, const void *buffer, size_t length) {
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t sent;
    do {
        sent = sendto(fd, buffer, length, 0, (struct sockaddr *)&kernel, sizeof kernel);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

ssize_t cl_nl_recv(int fd, void *buffer, size_t capacity, size_t *length, int nonblocking) {
    struct sockaddr_nl from = {0};
    struct iovec part = {.iov_base = buffer, .iov_len = capacity};
    ssize_t got;
    do {
        struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1};
        got = recvmsg(fd, &message, MSG_TRUNC | (nonblocking ? MSG_DONTWAIT : 0));
        // Anyone may send to a netlink socket; only the kernel (port 0) is believed.
    } while ((got < 0 && errno == EINTR) || (got >= 0 && from.nl_pid != 0));
    if (got < 0) return -errno;
    *length = (size_t)got;
    return (size_t)got > capacity ? (ssize_t)capacity : got;
}

int cl_net_listen(const char *device, uint16_t port, int backlog) {
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -errno;
    int on = 1, off = 0;
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)) < 0 ||
        bind(fd, (struct sockaddr *)&any, sizeof any) < 0 || listen(fd, backlog) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int cl_net_bound_device(int fd, char *name) {
    socklen_t length = 16;
    memset(name, 0, 16);
    if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length) < 0) return -errno;
    return (int)strnlen(name, 16);
}

int cl_net_own_namespace(const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/thread-self/ns/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int cl_net_is_namespace(const char *path) {
    struct statfs status;
    if (statfs(path, &status) < 0) return -errno;
    return status.f_type == NSFS_MAGIC;
}

static int set_capabilities(uint64_t permitted, uint64_t inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    for (int i = 0; i < 2; i++) {
        data[i].effective = data[i].permitted = (uint32_t)(permitted >> (32 * i));
        data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
    }
    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int cl_net_drop_privileges(uint32_t uid, uint32_t gid, uint64_t keep) {
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -errno;
    if (setgroups(0, NULL) < 0) return -errno;
    if (setresgid(gid, gid, gid) < 0) return -errno;
    if (setresuid(uid, uid, uid) < 0) return -errno;
    int result = set_capabilities(keep, keep);
    if (result < 0) return result;
    for (int capability = 0; capability < 64; capability++)
        if (keep >> capability & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) return -errno;
    return 0;
}

int cl_net_die_with(int parent, int signal) {
    if (prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) < 0) return -errno;
    return getppid() == parent ? 0 : -ESRCH;
}

int cl_net_share_directory(const char *path) {
    if (mount("", path, "none", MS_SHARED | MS_REC, NULL) == 0) return 0;
    if (errno != EINVAL) return -errno;
    if (mount(path, path, "none", MS_BIND | MS_REC, NULL) < 0) return -errno;
    return mount("", path, "none", MS_SHARED | MS_REC, NULL) < 0 ? -errno : 0;
}

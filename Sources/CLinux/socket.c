#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static int result(long value) { return value < 0 ? -errno : (int)value; }

_Static_assert(CL_EAI_NODATA == EAI_NODATA && CL_EAI_ADDRFAMILY == EAI_ADDRFAMILY, "glibc's codes");

int cl_resolve(const char *host, int family, uint16_t port, struct cl_address *out, int capacity, int *failure) {
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    *failure = getaddrinfo(host, NULL, &hints, &found);
    if (*failure == EAI_SYSTEM) return errno > 0 ? -errno : -EIO;
    if (*failure != 0) return -ENOENT;
    int count = 0;
    for (struct addrinfo *entry = found; entry != NULL && count < capacity; entry = entry->ai_next) {
        struct cl_address *address = &out[count];
        if (entry->ai_addrlen > sizeof address->storage) continue;
        memset(address, 0, sizeof *address);
        memcpy(&address->storage, entry->ai_addr, entry->ai_addrlen);
        address->length = entry->ai_addrlen;
        if (entry->ai_family == AF_INET) {
            ((struct sockaddr_in *)&address->storage)->sin_port = htons(port);
        } else if (entry->ai_family == AF_INET6) {
            ((struct sockaddr_in6 *)&address->storage)->sin6_port = htons(port);
        } else {
            continue;
        }
        count++;
    }
    freeaddrinfo(found);
    return count;
}

int cl_address_ipv4(const char *host, uint16_t port, struct cl_address *out) {
    struct sockaddr_in *address = (struct sockaddr_in *)&out->storage;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &address->sin_addr) != 1) return -EINVAL;
    address->sin_family = AF_INET;
    address->sin_port = htons(port);
    out->length = sizeof *address;
    return 0;
}

int cl_address_ipv6(const char *host, uint16_t port, uint32_t scope, struct cl_address *out) {
    struct sockaddr_in6 *address = (struct sockaddr_in6 *)&out->storage;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET6, host, &address->sin6_addr) != 1) return -EINVAL;
    address->sin6_family = AF_INET6;
    address->sin6_port = htons(port);
    address->sin6_scope_id = scope;
    out->length = sizeof *address;
    return 0;
}

int cl_address_text(const struct cl_address *address, char *host, size_t size, uint16_t *port, uint32_t *scope) {
    *port = 0;
    *scope = 0;
    host[0] = 0;
    if (address->storage.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->storage;
        *port = ntohs(v4->sin_port);
        if (!inet_ntop(AF_INET, &v4->sin_addr, host, (socklen_t)size)) return -errno;
    } else if (address->storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->storage;
        *port = ntohs(v6->sin6_port);
        *scope = v6->sin6_scope_id;
        if (!inet_ntop(AF_INET6, &v6->sin6_addr, host, (socklen_t)size)) return -errno;
    }
    return address->storage.ss_family;
}

int cl_getsockname(int fd, struct cl_address *out) {
    out->length = sizeof out->storage;
    return result(getsockname(fd, (struct sockaddr *)&out->storage, &out->length));
}

int cl_getpeername(int fd, struct cl_address *out) {
    out->length = sizeof out->storage;
    return result(getpeername(fd, (struct sockaddr *)&out->storage, &out->length));
}

int cl_unix_path(const struct cl_address *address, char *path, size_t size) {
    const struct sockaddr_un *name = (const struct sockaddr_un *)&address->storage;
    size_t header = offsetof(struct sockaddr_un, sun_path);
    if (address->storage.ss_family != AF_UNIX) return -EAFNOSUPPORT;
    size_t length = address->length > header ? strnlen(name->sun_path, address->length - header) : 0;
    if (length >= size) return -ENAMETOOLONG;
    memcpy(path, name->sun_path, length);
    path[length] = 0;
    return (int)length;
}

int cl_socket(int family, int type, int protocol) {
    return result(socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
}
int cl_socketpair(int type, int fds[2]) {
    return result(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds));
}
int cl_pipe(int fds[2], int nonblocking) { return result(pipe2(fds, O_CLOEXEC | (nonblocking ? O_NONBLOCK : 0))); }
int cl_bind(int fd, const struct cl_address *a) {
    return result(bind(fd, (const struct sockaddr *)&a->storage, a->length));
}
int cl_connect(int fd, const struct cl_address *a) {
    return result(connect(fd, (const struct sockaddr *)&a->storage, a->length));
}

typedef int (*unix_call)(int, const struct sockaddr *, socklen_t);

static int by_path(int fd, const char *path, unix_call call) {
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    size_t length = strlen(path);
    if (length == 0) return -EINVAL;
    if (length < sizeof name.sun_path) {
        memcpy(name.sun_path, path, length + 1);
        return result(call(fd, (struct sockaddr *)&name, sizeof name));
    }
    if (length >= PATH_MAX) return -ENAMETOOLONG;
    char copy[PATH_MAX];
    memcpy(copy, path, length + 1);
    char *slash = strrchr(copy, '/');
    if (!slash || !slash[1]) return -ENAMETOOLONG;
    *slash = 0;
    int directory = open(slash == copy ? "/" : copy, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return -errno;
    int written = snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d/%s", directory, slash + 1);
    int outcome = (size_t)written >= sizeof name.sun_path
        ? -ENAMETOOLONG : result(call(fd, (struct sockaddr *)&name, sizeof name));
    close(directory);
    return outcome;
}

int cl_unix_bind(int fd, const char *path) { return by_path(fd, path, bind); }
int cl_unix_connect(int fd, const char *path) { return by_path(fd, path, connect); }
int cl_listen(int fd, int backlog) { return result(listen(fd, backlog)); }
int cl_accept4(int fd) {
    int accepted;
    do accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (accepted < 0 && errno == EINTR);
    return result(accepted);
}

static int change_flag(int fd, int get, int set, int flag, int on) {
    int flags = fcntl(fd, get);
    if (flags < 0) return -errno;
    int wanted = on ? flags | flag : flags & ~flag;
    return wanted == flags ? 0 : result(fcntl(fd, set, wanted));
}
int cl_nonblocking(int fd, int on) { return change_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on); }
int cl_cloexec(int fd, int on) { return change_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on); }
int cl_dup(int fd) { return result(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }
int cl_close(int fd) { return result(close(fd)); }

int cl_epoll_accepts(int epoll, int fd) {
    struct epoll_event none = { .events = 0 };
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &none) < 0) return errno == EEXIST ? 0 : -errno;
    return result(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &none));
}

static int get_option(int fd, int level, int name, int *value) {
    socklen_t length = sizeof *value;
    return result(getsockopt(fd, level, name, value, &length));
}

int cl_socket_family(int fd) {
    int family = 0, error = get_option(fd, SOL_SOCKET, SO_DOMAIN, &family);
    return error < 0 ? error : family;
}
int cl_socket_error(int fd) {
    int pending = 0, error = get_option(fd, SOL_SOCKET, SO_ERROR, &pending);
    return error < 0 ? error : -pending;
}
int cl_socket_mark(int fd, uint32_t *mark) { return get_option(fd, SOL_SOCKET, SO_MARK, (int *)mark); }
static int set_option(int fd, int level, int name, int value) {
    return result(setsockopt(fd, level, name, &value, sizeof value));
}
int cl_reuse_address(int fd) { return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1); }
int cl_reuse_port(int fd) { return set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1); }
int cl_tcp_no_delay(int fd, int on) { return set_option(fd, IPPROTO_TCP, TCP_NODELAY, on); }
int cl_tcp_keep_alive(int fd, int idle, int interval, int probes) {
    int error = set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
    if (error == 0) error = set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
    if (error == 0) error = set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, probes);
    return error < 0 ? error : set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}
int cl_linger_zero(int fd) {
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    return result(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

int cl_peercred(int fd, pid_t *pid, uid_t *uid, gid_t *gid) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return -errno;
    *pid = credentials.pid;
    *uid = credentials.uid;
    *gid = credentials.gid;
    return 0;
}

#define RETRY(call) \
    ssize_t moved; \
    do moved = (call); while (moved < 0 && errno == EINTR); \
    return moved < 0 ? -errno : moved

ssize_t cl_send(int fd, const void *bytes, size_t length) { RETRY(send(fd, bytes, length, MSG_NOSIGNAL)); }
ssize_t cl_send_last(int fd, const void *bytes, size_t length) {
    ssize_t sent;
    do sent = send(fd, bytes, length, MSG_NOSIGNAL | MSG_MORE);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return -errno;
    // What waits for more goes out with the end (tcp(7), MSG_MORE of send(2)); the rest is sent as usual.
    if ((size_t)sent == length) shutdown(fd, SHUT_WR);
    return sent;
}
ssize_t cl_recv(int fd, void *bytes, size_t length) { RETRY(recv(fd, bytes, length, 0)); }
ssize_t cl_read(int fd, void *bytes, size_t length) { RETRY(read(fd, bytes, length)); }
ssize_t cl_write(int fd, const void *bytes, size_t length) { RETRY(write(fd, bytes, length)); }
int cl_unsent(int fd) {
    int count = 0;
    // SIOCOUTQ of tcp(7) by its other name.
    return ioctl(fd, TIOCOUTQ, &count) < 0 ? -errno : count;
}
ssize_t cl_send2(int fd, const void *first, size_t first_length, const void *second, size_t second_length) {
    struct iovec parts[2] = { { (void *)first, first_length }, { (void *)second, second_length } };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    RETRY(sendmsg(fd, &message, MSG_NOSIGNAL));
}

ssize_t cl_sendmsg_fds(int sock, const void *bytes, size_t length, const int *fds, int count) {
    char control[CMSG_SPACE(sizeof(int) * CL_MAX_FDS)] __attribute__((aligned(8)));
    struct iovec part = { (void *)bytes, length };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    if (count > CL_MAX_FDS) return -EMSGSIZE;
    if (count > 0) {
        memset(control, 0, sizeof control);
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)count);
    }
    RETRY(sendmsg(sock, &message, MSG_NOSIGNAL));
}

ssize_t cl_recvmsg_fds(int sock, void *bytes, size_t length, int *fds, int capacity, int *count) {
    // Room for the most that one message may carry (SCM_MAX_FD), so that none is cut off and lost to us.
    char control[CMSG_SPACE(sizeof(int) * 253)] __attribute__((aligned(8)));
    struct iovec part = { bytes, length };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
    };
    ssize_t received;
    int overflow = 0;
    *count = 0;
    do received = recvmsg(sock, &message, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    if (received < 0) return -errno;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        int here = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < here; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + (size_t)i * sizeof(int), sizeof(int));
            if (*count < capacity) {
                fds[(*count)++] = fd;
            } else {
                overflow = 1;
                close(fd);
            }
        }
    }
    if (overflow || (message.msg_flags & MSG_CTRUNC)) {
        for (int i = 0; i < *count; i++) close(fds[i]);
        *count = 0;
        return -EMSGSIZE;
    }
    return received;
}

int cl_udp_prepare(int fd) {
    int family = cl_socket_family(fd);
    if (family < 0) return family;
    // Dual-stack sockets get both; a refusal of either (or of SO_RCVMARK before Linux 5.19) only means less is told.
    if (family == AF_INET6) {
        set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        set_option(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
    }
    set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    set_option(fd, IPPROTO_IP, IP_RECVTTL, 1);
    set_option(fd, SOL_SOCKET, 75 /* SO_RCVMARK */, 1);
    return 0;
}

static void note_control(struct cmsghdr *header, struct cl_datagram *info) {
    const void *data = CMSG_DATA(header);
    int level = header->cmsg_level, type = header->cmsg_type;
    if (level == SOL_SOCKET && type == SO_MARK) {
        memcpy(&info->mark, data, sizeof info->mark);
        info->has_mark = 1;
    } else if (level == IPPROTO_IPV6 && type == IPV6_PKTINFO) {
        struct in6_pktinfo packet;
        memcpy(&packet, data, sizeof packet);
        memcpy(info->local, &packet.ipi6_addr, 16);
        info->local_length = 16;
        info->interface = packet.ipi6_ifindex;
    } else if (level == IPPROTO_IP && type == IP_PKTINFO) {
        struct in_pktinfo packet;
        memcpy(&packet, data, sizeof packet);
        info->interface = (uint32_t)packet.ipi_ifindex;
        if (info->local_length != 16) {
            memcpy(info->local, &packet.ipi_addr, 4);
            info->local_length = 4;
        }
    } else if ((level == IPPROTO_IPV6 && type == IPV6_HOPLIMIT) || (level == IPPROTO_IP && type == IP_TTL)) {
        memcpy(&info->hop_limit, data, sizeof info->hop_limit);
    }
}

ssize_t cl_udp_recv(int fd, void *bytes, size_t length, struct cl_datagram *info) {
    char control[512] __attribute__((aligned(8)));
    struct iovec part = { bytes, length };
    struct msghdr message = {
        .msg_name = &info->from.storage, .msg_namelen = sizeof info->from.storage,
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
    };
    ssize_t received;
    memset(info, 0, sizeof *info);
    info->hop_limit = -1;
    do received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    if (received < 0) return -errno;
    info->from.length = message.msg_namelen;
    info->truncated = (message.msg_flags & MSG_TRUNC) != 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header))
        note_control(header, info);
    return received;
}

ssize_t cl_udp_send(int fd, const void *bytes, size_t length, const struct cl_address *to, const struct cl_datagram *info) {
    char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] __attribute__((aligned(8)));
    struct iovec part = { (void *)bytes, length };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    if (to) {
        message.msg_name = (void *)&to->storage;
        message.msg_namelen = to->length;
    }
    if (info && info->local_length) {
        memset(control, 0, sizeof control);
        message.msg_control = control;
        int v6 = info->local_length == 16;
        size_t size = v6 ? sizeof(struct in6_pktinfo) : sizeof(struct in_pktinfo);
        message.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_len = CMSG_LEN(size);
        header->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
        header->cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO;
        if (v6) {
            struct in6_pktinfo packet = { .ipi6_ifindex = info->interface };
            memcpy(&packet.ipi6_addr, info->local, 16);
            memcpy(CMSG_DATA(header), &packet, sizeof packet);
        } else {
            struct in_pktinfo packet = { .ipi_ifindex = (int)info->interface };
            memcpy(&packet.ipi_spec_dst, info->local, 4);
            memcpy(CMSG_DATA(header), &packet, sizeof packet);
        }
    }
    RETRY(sendmsg(fd, &message, MSG_NOSIGNAL));
}

int cl_tap_open(const char *name, int flags) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    if (strlen(name) >= sizeof request.ifr_name) return -ENAMETOOLONG;
    strcpy(request.ifr_name, name);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (flags & CL_TAP_VNET_HDR) request.ifr_flags |= IFF_VNET_HDR;
    if (flags & CL_TAP_EXCLUSIVE) request.ifr_flags |= IFF_TUN_EXCL;
    if (flags & CL_TAP_MULTI_QUEUE) request.ifr_flags |= IFF_MULTI_QUEUE;
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return -errno;
    if (ioctl(fd, TUNSETIFF, &request) < 0 || ((flags & CL_TAP_PERSIST) && ioctl(fd, TUNSETPERSIST, 1UL) < 0)) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

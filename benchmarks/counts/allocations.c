// Preloaded into a server by counts.py: counts what it allocates, and writes the number to the file that
// ALLOCATIONS_FILE names when the process exits.
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_long count;
static void *(*realMalloc)(size_t);
static void *(*realCalloc)(size_t, size_t);
static void *(*realRealloc)(void *, size_t);
static int (*realMemalign)(void **, size_t, size_t);
static void (*realFree)(void *);
// dlsym itself may allocate, before there is anything to allocate with.
static char early[4096];
static size_t earlyUsed;
static int isFinding;

static void *earlyMemory(size_t size) {
    char *memory = early + earlyUsed;
    earlyUsed += (size + 15) & ~(size_t)15;
    return earlyUsed <= sizeof early ? memory : NULL;
}

static int isEarly(void *memory) { return (char *)memory >= early && (char *)memory < early + sizeof early; }

// Other libraries' constructors come before one of ours would: at the first call, while there is one thread only.
static int found(void) {
    if (realMalloc) return 1;
    if (isFinding) return 0;
    isFinding = 1;
    realCalloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    realRealloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    realMemalign = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
    realFree = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    realMalloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    isFinding = 0;
    return 1;
}

__attribute__((destructor)) static void tell(void) {
    const char *path = getenv("ALLOCATIONS_FILE");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "%ld\n", atomic_load(&count));
    fclose(file);
}

void *malloc(size_t size) {
    atomic_fetch_add(&count, 1);
    return found() ? realMalloc(size) : earlyMemory(size);
}

void *calloc(size_t number, size_t size) {
    atomic_fetch_add(&count, 1);
    return found() ? realCalloc(number, size) : earlyMemory(number * size);
}

void *realloc(void *memory, size_t size) {
    atomic_fetch_add(&count, 1);
    if (!isEarly(memory)) return found() ? realRealloc(memory, size) : NULL;
    void *larger = malloc(size);
    size_t held = (size_t)(early + sizeof early - (char *)memory);
    if (larger) memcpy(larger, memory, size < held ? size : held);
    return larger;
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    atomic_fetch_add(&count, 1);
    return found() ? realMemalign(memory, alignment, size) : 12 /* ENOMEM */;
}

void free(void *memory) {
    if (memory && !isEarly(memory) && found()) realFree(memory);
}

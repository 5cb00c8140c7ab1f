/* Does to its process and its host what a handler must not. */
#include "../fixture.h"
#include "attacks.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const eh_host *host;
static char at_load[8192], at_create[8192];

/* Before the entry is called, and before anything of the host's but its sandbox. */
__attribute__((constructor)) static void load(void) {
    const char *what = getenv("HOSTILE_LOAD");
    if (!what) return;
    if (strcmp(what, "abort") == 0) abort();
    if (strcmp(what, "hang") == 0) pause();
    if (strcmp(what, "attack") == 0) attack_all("load", at_load, sizeof at_load);
}

static eh_status create(const eh_host *given, eh_bytes config, void **self, eh_reason *why) {
    (void)config, (void)self, (void)why;
    host = given;
    if (at_load[0]) attack_all("create", at_create, sizeof at_create);
    return EH_OK;
}

static void destroy(void *self) { (void)self; }

static void wait_until_over(const eh_event *event) {
    while (host->remaining_ms(host, event) > 0) usleep(1000);
}

static void attack_now(const eh_event *event, eh_result *result) {
    const eh_state *state = host->service(host, EH_SERVICE_STATE);
    char now[8192];
    attack_all("handle", now, sizeof now);
    state->put(host, event, eh_text("load"), eh_text(at_load), EH_VERSION_ANY, 0);
    state->put(host, event, eh_text("create"), eh_text(at_create), EH_VERSION_ANY, 0);
    state->put(host, event, eh_text("handle"), eh_text(now), EH_VERSION_ANY, 0);
    eh_done(result);
}

/* An answer, well formed, for an event that nobody gave it. */
static void forge(void) {
    unsigned char frame[18 + 9 + 10 + 16] = {35, 0, 0, 0, 131, 1, 99, 0, 0, 0, 7};
    send(3, frame, sizeof frame, MSG_NOSIGNAL);
}

static unsigned char *text(unsigned char *at, const char *value) {
    uint32_t size = (uint32_t)strlen(value);
    memcpy(at, &size, 4);
    memcpy(at + 4, value, size + 1);
    return at + 4 + size + 1;
}

/* An answer in the worker's own form, with a draft that the worker would have refused. */
static void smuggle(const eh_event *event) {
    unsigned char frame[256] = {0}, *at = frame + 18;
    frame[4] = 131;
    frame[5] = 1;
    memcpy(frame + 6, event->host_data, 4);                               /* its number */
    memcpy(frame + 10, (const unsigned char *)event->host_data + 8, 8);   /* its fencing token */
    *at = 1;
    at = text(text(at + 9, ""), "");
    at[8] = 1; /* no read, no write, one draft */
    at = text(text(text(text(text(at + 12, "test.out"), "Thing.Gone.v1"), ""), ""), "{}");
    at += 8; /* no attribute, no timer */
    uint32_t length = (uint32_t)(at - frame - 18);
    memcpy(frame, &length, 4);
    send(3, frame, (size_t)(at - frame), MSG_NOSIGNAL);
}

static void allocate(void) {
    /* Four GiB, touched page by page; what cannot be had is written to all the same. */
    for (size_t i = 0; i < 4096; ++i) {
        char *memory = malloc(1 << 20);
        for (size_t at = 0; at < 1 << 20; at += 4096) ((volatile char *)memory)[at] = 1;
    }
}

/* So much of the worker's own memory, which stays. */
static void grow(size_t size) {
    char *memory = malloc(size);
    if (memory) memset(memory, 1, size);
}

/* Memory that RLIMIT_DATA does not count; each until the host has seen it. */
static void share(size_t size) {
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    memset(memory, 1, size);
    pause();
}

static void map_tables(void) {
    const size_t step = 2 << 20, count = 1 << 16;
    char *memory = mmap(NULL, step * count, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return;
    madvise(memory, step * count, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < count; ++i) (void)*(volatile char *)(memory + i * step);
    pause();
}

static void *wait_for_ever(void *unused) {
    for (;;) pause();
    return unused;
}

/* As many threads as there may be, with the smallest stacks; answers their number. */
static void start_threads(eh_result *result) {
    pthread_attr_t small;
    pthread_t thread;
    int count = 0;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 16384);
    while (count < 2000 && pthread_create(&thread, &small, wait_for_ever, NULL) == 0) ++count;
    if (count == 2000) pause();
    char code[32];
    snprintf(code, sizeof code, "threads-%d", count);
    eh_reject(result, code, "");
}

static int overflow(volatile int depth) {
    volatile char frame[4096] = {0};
    return depth < 0 ? 0 : overflow(depth + 1) + frame[depth & 4095];
}

static void *crash_later(void *unused) {
    (void)unused;
    abort();
}

/* Comes back when the file {"until":"..."} is there, whatever the host says meanwhile. */
static void hold(const eh_event *event, eh_result *result) {
    char path[512] = "";
    const char *at = strstr(event->detail.data, "\"until\":\"");
    if (at) snprintf(path, sizeof path, "%.*s", (int)strcspn(at + 9, "\""), at + 9);
    while (access(path, F_OK) != 0) usleep(1000);
    eh_done(result);
}

static void act(const eh_event *event, eh_result *result) {
    if (fixture_does(event, "done")) eh_done(result);
    if (fixture_does(event, "abort")) abort();
    if (fixture_does(event, "segv")) *(volatile int *)(uintptr_t)8 = 1;
    if (fixture_does(event, "overflow")) overflow(0);
    if (fixture_does(event, "exit")) exit(0);
    if (fixture_does(event, "allocate")) allocate();
    if (fixture_does(event, "loop"))
        for (volatile int forever = 1; forever;) continue;
    if (fixture_does(event, "close"))
        for (int fd = 0; fd < 32; ++fd) close(fd);
    if (fixture_does(event, "replace")) {
        int null = open("/dev/null", O_RDONLY);
        for (int fd = 0; fd < 6; ++fd) dup2(null, fd);
    }
    if (fixture_does(event, "garbage")) {
        char garbage[4096];
        memset(garbage, 0xa5, sizeof garbage);
        send(3, garbage, sizeof garbage, MSG_NOSIGNAL);
        pause();
    }
    if (fixture_does(event, "forge")) {
        forge();
        pause();
    }
    if (fixture_does(event, "smuggle")) {
        smuggle(event);
        pause();
    }
    if (fixture_does(event, "flood")) {
        for (int i = 0; i < 100000; ++i) host->log(host, event, EH_INFO, eh_text("flood"), NULL, 0);
        eh_done(result);
    }
    if (fixture_does(event, "flood-output")) {
        for (int i = 0; i < 100000; ++i) puts("flood");
        eh_done(result);
    }
    if (fixture_does(event, "late")) {
        host->log(host, event, EH_INFO, eh_text("late: waits"), NULL, 0);
        wait_until_over(event);
        eh_done(result);
    }
    if (fixture_does(event, "hold")) hold(event, result);
    if (fixture_does(event, "thread")) {
        pthread_t thread;
        pthread_create(&thread, NULL, crash_later, NULL);
        pthread_join(thread, NULL);
    }
    if (fixture_does(event, "grow")) {
        grow(48 << 20);
        eh_done(result);
    }
    if (fixture_does(event, "share")) {
        share((size_t)256 << 20);
        eh_done(result);
    }
    if (fixture_does(event, "map-tables")) map_tables();
    if (fixture_does(event, "threads")) start_threads(result);
#if defined(__x86_64__)
    if (fixture_does(event, "int80")) { /* getpid by the call gate of 32-bit programs */
        long number = 20;
        __asm__ volatile("int $0x80" : "+a"(number) : : "memory");
        eh_done(result);
    }
#endif
    if (fixture_does(event, "attack")) attack_now(event, result);
}

static void handle(void *self, const eh_batch *batch) {
    (void)self;
    for (uint32_t i = 0; i < batch->count; ++i) act(batch->events[i], batch->results[i]);
}

static const eh_route routes[] = {{"*", "*"}};
static const eh_handler hostile = {
    .size = sizeof(eh_handler), .route_count = 1, .id = "hostile", .routes = routes, .create = create,
    .handle = handle, .destroy = destroy,
};
static const eh_handler paired = {
    .size = sizeof(eh_handler), .route_count = 1, .id = "paired", .routes = routes, .create = create,
    .handle = handle, .destroy = destroy, .threading = EH_CONCURRENT, .max_concurrency = 2,
};
static const eh_handler *const handlers[] = {&hostile, &paired};

const eh_plugin *eh_plugin_entry_v1(void) {
    static const eh_plugin plugin = {
        .size = sizeof plugin, .abi_minor = EH_ABI_MINOR, .name = "hostile", .version = "6.6.6", .built_with = "",
        .handlers = handlers, .handler_count = 2,
    };
    return &plugin;
}

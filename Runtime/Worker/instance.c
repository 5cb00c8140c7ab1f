/* The order of things, in a process of its own and in the sidecar. */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Not exit(): no destructor of a plugin may keep the process alive. */
void fail(worker *w, int status) {
    if (!w->is_inline) _exit(status);
    int none = 0;
    atomic_compare_exchange_strong(&w->status, &none, status);
    shutdown(w->channel.descriptor, SHUT_RDWR); /* the reader hears of it, and stops the others */
}

noreturn void leave(worker *w, int status) {
    fail(w, status);
    pthread_exit(NULL);
}

noreturn void wreck(worker *w, int status) {
    if (!w->is_inline) _exit(status);
    fprintf(stderr, "outrigger: an inline handler wrote over %s: the sidecar's memory cannot be believed any more\n",
            status == EXIT_RESULT ? "more than its eh_result" : "its eh_event");
    abort();
}

/* ---- what handlers see of the host */

worker *worker_of(const eh_host *host) { return host ? (worker *)(uintptr_t)host->host_data : NULL; }

static int64_t remaining_ms(const eh_host *host, const eh_event *event) {
    (void)host;
    run *r = run_of(event);
    if (!r || atomic_load(&r->is_over) || atomic_load(&r->worker->is_stopping)) return 0;
    int64_t left = atomic_load(&r->deadline_ms) - now_ms();
    return left > 0 ? left : 0;
}

static const void *service(const eh_host *host, const char *name) {
    (void)host;
    return name ? service_find(name) : NULL;
}

const void *service_find(const char *name) {
    if (strcmp(name, EH_SERVICE_STATE) == 0) return &state_service;
    if (strcmp(name, EH_SERVICE_PUBLISH) == 0) return &publish_service;
    if (strcmp(name, EH_SERVICE_CALL) == 0) return &call_service;
    if (strcmp(name, EH_SERVICE_TIMER) == 0) return &timer_service;
    return NULL;
}

/* ---- the life of one instance */

static void say_hello(worker *w) {
    wp_writer writer = {.limit = WP_DESCRIPTION_BYTES};
    wp_frame_begin(&writer, WP_HELLO, 0, 0);
    wp_write_u32(&writer, EH_ABI_MINOR);
    wp_write_u32(&writer, w->sandbox_bits);
    wp_write_u32(&writer, w->landlock_abi);
    plugin_describe(w, &writer, w->plugin);
    wp_frame_end(&writer);
    channel_send(w, &writer);
}

static void say_created(worker *w, uint8_t status, const eh_reason *why) {
    wp_writer writer = {.limit = WP_FROM_WORKER_BYTES};
    wp_frame_begin(&writer, WP_CREATED, 0, 0);
    wp_write_u8(&writer, status);
    wp_write_bytes(&writer, why->code, strnlen(why->code, EH_CODE_SIZE));
    wp_write_bytes(&writer, why->detail, strnlen(why->detail, EH_DETAIL_SIZE));
    wp_frame_end(&writer);
    channel_send(w, &writer);
}

static void read_allowed(worker *w, wp_reader *reader) {
    w->allowed_count = wp_read_count(reader, 4096, 10);
    w->allowed = calloc(w->allowed_count + 1, sizeof *w->allowed);
    if (!w->allowed) leave(w, EXIT_PROTOCOL);
    for (uint32_t i = 0; i < w->allowed_count; ++i) {
        allowed_route *route = &w->allowed[i];
        route->source.data = wp_read_bytes(reader, WP_IDENTIFIER_BYTES, &route->source.size);
        route->detail_type.data = wp_read_bytes(reader, WP_IDENTIFIER_BYTES, &route->detail_type.size);
    }
}

static uint32_t within(uint32_t asked, uint32_t otherwise, uint32_t most) {
    uint32_t value = asked ? asked : otherwise;
    return value < most ? value : most;
}

/* True if there is an instance now. */
static bool create(worker *w, uint8_t *payload, size_t size) {
    wp_reader reader = wp_reader_of(payload, size);
    size_t id_size;
    eh_bytes config;
    const char *id = wp_read_bytes(&reader, 64, &id_size);
    config.data = wp_read_bytes(&reader, WP_FRAME_BYTES, &config.size);
    w->event_deadline_ms = wp_read_u64(&reader);
    free(w->allowed);
    free(w->create_frame);
    w->create_frame = payload;
    read_allowed(w, &reader);
    w->handler = plugin_handler(w->plugin, id);
    if (!wp_read_all(&reader) || !w->handler) leave(w, EXIT_PROTOCOL);
    eh_reason why;
    memset(&why, 0, sizeof why);
    eh_status status = w->handler->create(&w->host, config, &w->self, &why);
    if (status == EH_OK) {
        w->batch_most = within(w->handler->max_batch, 1, WP_BATCH_EVENTS);
        bool is_serial = w->handler->threading != EH_CONCURRENT;
        w->lane_count = is_serial ? 1 : within(w->handler->max_concurrency, 4, WP_LANES);
        lanes_start(w, w->lane_count);
    }
    say_created(w, status == EH_OK ? WP_CREATE_OK : status == EH_UNAVAILABLE ? WP_CREATE_NOT_READY : WP_CREATE_INVALID,
                &why);
    return status == EH_OK;
}

static void tell_of_strangers(worker *w) {
    uint32_t count = lanes_count_strangers(w);
    if (!count) return;
    char text[96];
    snprintf(text, sizeof text, WP_CONTRACT "destroy() returned before %u of the handler's threads ended", count);
    telemetry_log(&w->host, NULL, EH_WARNING, eh_text(text), NULL, 0);
}

void worker_prepare(worker *w, int descriptor) {
    w->threads = -1;
    w->channel.descriptor = descriptor;
    pthread_mutex_init(&w->channel.sending, NULL);
    pthread_mutex_init(&w->channel.control, NULL);
    pthread_cond_init(&w->channel.changed, NULL);
    pthread_mutex_init(&w->telemetry.lock, NULL);
    eh_host host = {
        .size = sizeof host, .abi_minor = EH_ABI_MINOR, .host_data = w, .log = telemetry_log,
        .count = telemetry_count, .observe = telemetry_observe, .remaining_ms = remaining_ms, .service = service,
    };
    w->host = host;
}

bool worker_map_blame(worker *w, int file) {
    void *page = mmap(NULL, WP_BLAME_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    w->blame = page == MAP_FAILED ? NULL : page;
    return w->blame != NULL;
}

noreturn void worker_live(worker *w) {
    channel_start(w);
    w->plugin = plugin_load(w);
    say_hello(w);
    size_t size;
    uint8_t *payload;
    while ((payload = channel_next_create(w, &size)))
        if (create(w, payload, size)) break;
    if (!payload) leave(w, EXIT_SUCCESS);
    payload = channel_next_create(w, &size); /* a second create is no part of the protocol */
    free(payload);
    lanes_finish(w);
    w->handler->destroy(w->self);
    tell_of_strangers(w);
    wp_writer writer = {.limit = WP_FROM_WORKER_BYTES};
    telemetry_flush(w, &writer);
    channel_send(w, &writer);
    if (!w->is_inline) fflush(NULL);
    leave(w, payload ? EXIT_PROTOCOL : EXIT_SUCCESS);
}

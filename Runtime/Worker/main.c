/* The order of things. Usage, with the descriptors of the protocol:
 * outrigger-worker <sandbox> <memory bytes> <open files> <threads> <uid, 0 for none> <readable path>... */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

worker the_worker;

int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Not exit(): no destructor of a plugin may keep the process alive. */
noreturn void leave(int status) { _exit(status); }

/* ---- what handlers see of the host */

static int64_t remaining_ms(const eh_host *host, const eh_event *event) {
    (void)host;
    run *r = run_of(event);
    if (!r || atomic_load(&r->is_over) || atomic_load(&the_worker.is_stopping)) return 0;
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
    if (strcmp(name, EH_SERVICE_TIMER) == 0) return &timer_service;
    return NULL;
}

/* ---- the life of one instance */

static void say_hello(const sandbox *report, const eh_plugin *plugin) {
    wp_writer writer = {.limit = WP_DESCRIPTION_BYTES};
    wp_frame_begin(&writer, WP_HELLO, 0, 0);
    wp_write_u32(&writer, EH_ABI_MINOR);
    wp_write_u32(&writer, report->bits);
    wp_write_u32(&writer, report->landlock_abi);
    plugin_describe(&writer, plugin);
    wp_frame_end(&writer);
    channel_send(&writer);
}

static void say_created(uint8_t status, const eh_reason *why) {
    wp_writer writer = {.limit = WP_FROM_WORKER_BYTES};
    wp_frame_begin(&writer, WP_CREATED, 0, 0);
    wp_write_u8(&writer, status);
    wp_write_bytes(&writer, why->code, strnlen(why->code, EH_CODE_SIZE));
    wp_write_bytes(&writer, why->detail, strnlen(why->detail, EH_DETAIL_SIZE));
    wp_frame_end(&writer);
    channel_send(&writer);
}

static void read_allowed(worker *w, wp_reader *reader) {
    w->allowed_count = wp_read_count(reader, 4096, 10);
    w->allowed = calloc(w->allowed_count + 1, sizeof *w->allowed);
    if (!w->allowed) leave(EXIT_PROTOCOL);
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
    if (!wp_read_all(&reader) || !w->handler) leave(EXIT_PROTOCOL);
    eh_reason why;
    memset(&why, 0, sizeof why);
    eh_status status = w->handler->create(&w->host, config, &w->self, &why);
    if (status == EH_OK) {
        w->batch_most = within(w->handler->max_batch, 1, WP_BATCH_EVENTS);
        bool is_serial = w->handler->threading != EH_CONCURRENT;
        w->lane_count = is_serial ? 1 : within(w->handler->max_concurrency, 4, WP_LANES);
        lanes_start(w->lane_count);
    }
    say_created(status == EH_OK ? WP_CREATE_OK : status == EH_UNAVAILABLE ? WP_CREATE_NOT_READY : WP_CREATE_INVALID,
                &why);
    return status == EH_OK;
}

static void tell_of_strangers(worker *w) {
    uint32_t count = lanes_count_strangers();
    if (!count) return;
    char text[96];
    snprintf(text, sizeof text, WP_CONTRACT "destroy() returned before %u of the handler's threads ended", count);
    telemetry_log(&w->host, NULL, EH_WARNING, eh_text(text), NULL, 0);
}

static wp_blame_page *map_blame(void) {
    void *page = mmap(NULL, WP_BLAME_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, WP_BLAME_FD, 0);
    close(WP_BLAME_FD);
    return page == MAP_FAILED ? NULL : page;
}

static bool read_arguments(confinement *c, int count, char **arguments) {
    if (count < 6) return false;
    c->mode = atoi(arguments[1]);
    c->memory = strtoull(arguments[2], NULL, 10);
    c->open_files = (uint32_t)strtoul(arguments[3], NULL, 10);
    c->threads = (uint32_t)strtoul(arguments[4], NULL, 10);
    c->user = (uint32_t)strtoul(arguments[5], NULL, 10);
    c->readable = arguments + 6;
    c->arguments = arguments;
    return c->mode >= WP_SANDBOX_OFF && c->mode <= WP_SANDBOX_INSIDE && c->memory && c->open_files && c->threads;
}

int main(int count, char **arguments) {
    worker *w = &the_worker;
    confinement bounds;
    if (!read_arguments(&bounds, count, arguments)) {
        fputs("outrigger-worker is started by outrigger\n", stderr);
        return EXIT_USAGE;
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* it is a pipe: what a handler prints before it crashes is worth having */
    w->status = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    sandbox report = sandbox_enter(&bounds);
    if (!(w->blame = map_blame())) leave(EXIT_USAGE);
    eh_host host = {
        .size = sizeof host, .abi_minor = EH_ABI_MINOR, .host_data = w, .log = telemetry_log,
        .count = telemetry_count, .observe = telemetry_observe, .remaining_ms = remaining_ms, .service = service,
    };
    w->host = host;
    channel_start();
    w->plugin = plugin_load();
    say_hello(&report, w->plugin);

    size_t size;
    uint8_t *payload;
    while ((payload = channel_next_create(&size)))
        if (create(w, payload, size)) break;
    if (!payload) leave(EXIT_SUCCESS);
    payload = channel_next_create(&size); /* a second create is no part of the protocol */
    if (payload) leave(EXIT_PROTOCOL);
    lanes_finish();
    w->handler->destroy(w->self);
    tell_of_strangers(w);
    wp_writer writer = {.limit = WP_FROM_WORKER_BYTES};
    telemetry_flush(&writer);
    channel_send(&writer);
    fflush(NULL);
    leave(EXIT_SUCCESS);
}

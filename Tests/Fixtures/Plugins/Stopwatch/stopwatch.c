/* Writes down when it was entered for each event: the latency benchmark reads it. Runs without a sandbox, since it
 * shares a file with the benchmark. */
#include "../fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile uint64_t *entered;
static uint64_t places;
static const struct timespec work = {.tv_nsec = 2000000};

/* {"file":"PATH"}: a file of one 64-bit number for each event. Those that have none there take two milliseconds. */
static eh_status create(const eh_host *host, eh_bytes config, void **self, eh_reason *why) {
    (void)host;
    (void)why;
    char path[512];
    struct stat status;
    *self = NULL;
    if (sscanf(config.data, "{\"file\":\"%511[^\"]", path) != 1) return EH_INVALID;
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0) return EH_UNAVAILABLE;
    void *memory = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory == MAP_FAILED) return EH_UNAVAILABLE;
    entered = memory;
    places = (uint64_t)status.st_size / sizeof *entered;
    return EH_OK;
}

static void handle(void *self, const eh_batch *batch) {
    (void)self;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    for (uint32_t i = 0; i < batch->count; ++i) {
        const char *number = strstr(batch->events[i]->detail.data, "\"n\":");
        uint64_t place = number ? strtoull(number + 4, NULL, 10) : places;
        if (place >= places) nanosleep(&work, NULL);
        else entered[place] = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
        eh_done(batch->results[i]);
    }
}

static void destroy(void *self) { (void)self; }

/* The neighbour, which only has much to do. */
static eh_status create_neighbour(const eh_host *host, eh_bytes config, void **self, eh_reason *why) {
    (void)host;
    (void)config;
    (void)why;
    *self = NULL;
    return EH_OK;
}

static void handle_neighbour(void *self, const eh_batch *batch) {
    (void)self;
    for (uint32_t i = 0; i < batch->count; ++i) eh_done(batch->results[i]);
}

static const eh_route routes[] = {{"test.in", "*"}, {"test.neighbour", "*"}};
static const eh_handler stopwatch = {
    .size = sizeof stopwatch, .route_count = 2, .id = "stopwatch", .routes = routes, .create = create,
    .handle = handle, .destroy = destroy, .max_batch = 10,
};
static const eh_route neighbour_routes[] = {{"test.neighbour", "*"}};
static const eh_handler neighbour = {
    .size = sizeof neighbour, .route_count = 1, .id = "neighbour", .routes = neighbour_routes,
    .create = create_neighbour, .handle = handle_neighbour, .destroy = destroy, .max_batch = 10,
};
static const eh_handler *const handlers[] = {&stopwatch, &neighbour};

const eh_plugin *eh_plugin_entry_v1(void) {
    static const eh_plugin plugin = {
        .size = sizeof plugin, .abi_minor = EH_ABI_MINOR, .name = "stopwatch", .version = "1.0.0",
        .built_with = "a C compiler", .handlers = handlers, .handler_count = 2,
    };
    return &plugin;
}

/* Counts each event in a state key and publishes the fact: what the end-to-end tests count again at the other side. */
#include "../fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const eh_host *host;
static const eh_state *state;
static const eh_publish *publisher;
/* Configured so, it rejects everything: an operator who has not deployed the right version yet. */
static bool refuses;
/* Configured so, it crashes in everything. */
static bool crashes;

static eh_status create(const eh_host *given, eh_bytes config, void **self, eh_reason *why) {
    (void)why;
    refuses = strstr(config.data, "refuse") != NULL;
    crashes = strstr(config.data, "crash") != NULL;
    host = given;
    state = host->service(host, EH_SERVICE_STATE);
    publisher = host->service(host, EH_SERVICE_PUBLISH);
    *self = NULL;
    return EH_OK;
}

static eh_status increment(const eh_event *event, const char *key, bool names_version) {
    eh_bytes value;
    uint64_t version;
    eh_status status = state->get(host, event, eh_text(key), &value, &version);
    if (status != EH_OK && status != EH_NOT_FOUND) return status;
    char text[24];
    snprintf(text, sizeof text, "%ld", (status == EH_OK ? atol(value.data) : 0) + 1);
    return state->put(host, event, eh_text(key), eh_text(text), names_version ? version : EH_VERSION_ANY, 0);
}

static eh_status announce(const eh_event *event) {
    eh_draft draft = {.size = sizeof draft};
    draft.source = eh_text("test.out");
    draft.detail_type = eh_text("Counted.v1");
    draft.detail = event->detail;
    return publisher->publish(host, event, &draft);
}

static void misbehave(const eh_event *event) {
    if (fixture_does(event, "kill")) kill(getpid(), SIGKILL);
    if (fixture_does(event, "abort")) abort();
    if (fixture_does(event, "loop"))
        for (volatile int forever = 1; forever;) continue;
    if (fixture_does(event, "allocate")) {
        volatile char *memory = malloc((size_t)4 << 30);
        for (size_t at = 0; at < (size_t)4 << 30; at += 4096) memory[at] = 1;
    }
}

static void handle(void *self, const eh_batch *batch) {
    (void)self;
    for (uint32_t i = 0; i < batch->count; ++i) {
        const eh_event *event = batch->events[i];
        eh_result *result = batch->results[i];
        if (crashes) abort();
        if (refuses) {
            eh_reject(result, "test.refused", "");
            continue;
        }
        misbehave(event);
        eh_status status = EH_OK;
        if (fixture_does(event, "versioned")) status = increment(event, "versioned", true);
        if (fixture_does(event, "blind")) status = increment(event, "blind", false);
        if (fixture_does(event, "spread")) {
            /* The event's own key: no two events meet there. */
            char key[160];
            snprintf(key, sizeof key, "event:%.*s", (int)(event->id.size < 128 ? event->id.size : 128), event->id.data);
            status = increment(event, key, true);
            if (status == EH_OK) status = announce(event);
        }
        if (status == EH_UNAVAILABLE)
            eh_wait(result, 0, "host.unavailable", "");
        else if (fixture_does(event, "reject") || status != EH_OK)
            eh_reject(result, "test.reject", fixture_status(status));
        else
            eh_done(result);
    }
}

static void destroy(void *self) { (void)self; }

static const eh_route routes[] = {{"test.in", "*"}};
static const char *const services[] = {EH_SERVICE_STATE, EH_SERVICE_PUBLISH, NULL};
static const eh_handler counting = {
    .size = sizeof(eh_handler), .route_count = 1, .id = "counting", .routes = routes, .create = create,
    .handle = handle, .destroy = destroy, .max_batch = 10, .summary = "counts", .services = services,
};
static const eh_handler *const handlers[] = {&counting};

const eh_plugin *eh_plugin_entry_v1(void) {
    static const eh_plugin plugin = {
        .size = sizeof plugin, .abi_minor = EH_ABI_MINOR, .name = "counting", .version = "1.0.0",
        .built_with = "a C compiler", .handlers = handlers, .handler_count = 1,
    };
    return &plugin;
}

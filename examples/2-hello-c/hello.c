/*
 * A handler in C: greets every settled payment, and counts them in its state.
 *
 * Nothing here is cleaned up or rolled back: what was written is kept if and only if the answer is eh_done().
 */
#include "event_handler.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* One instance. It never changes: what must be remembered goes into the host's state. */
typedef struct hello {
    const eh_host *host;
    const eh_state *state;
} hello;

static eh_status create(const eh_host *host, eh_bytes config, void **self, eh_reason *why) {
    (void)config;
    hello *this = calloc(1, sizeof *this);
    if (!this) {
        eh_because(why, "hello.no-memory", "cannot allocate an instance");
        return EH_UNAVAILABLE;
    }
    this->host = host;
    this->state = host->service(host, EH_SERVICE_STATE);
    *self = this;
    return EH_OK;
}

static void greet(const hello *this, const eh_event *event, eh_result *result) {
    const eh_bytes key = eh_text("greeted");
    eh_bytes value;
    eh_status status = this->state->get(this->host, event, key, &value, NULL);
    if (status != EH_OK && status != EH_NOT_FOUND) {
        eh_wait(result, 0, "hello.state", "the state did not answer");
        return;
    }

    char count[24];
    uint64_t greeted = status == EH_OK ? strtoull(value.data, NULL, 10) : 0;
    snprintf(count, sizeof count, "%" PRIu64, greeted + 1);
    status = this->state->put(this->host, event, key, eh_text(count), EH_VERSION_ANY, 0);
    if (status != EH_OK) {
        eh_retry(result, 0, "hello.state", "the count was not written");
        return;
    }

    const eh_pair fields[] = {{eh_text("greeted"), eh_text(count)}};
    this->host->log(this->host, event, EH_INFO, eh_text("hello"), fields, 1);
    eh_done(result);
}

static void handle(void *self, const eh_batch *batch) {
    for (uint32_t i = 0; i < batch->count; ++i) greet(self, batch->events[i], batch->results[i]);
}

static void destroy(void *self) { free(self); }

static const eh_route routes[] = {{"qsl.payments", "Payment.Settled.v1"}};
static const char *const services[] = {EH_SERVICE_STATE, NULL};
static const char *const business_key[] = {"/paymentId", NULL};
static const char *const state_keys[] = {"greeted", NULL};

static const eh_handler handler = {
    .size = sizeof(eh_handler),
    .id = "hello-c",
    .summary = "Greets settled payments",
    .routes = routes,
    .route_count = 1,
    .create = create,
    .handle = handle,
    .destroy = destroy,
    .services = services,
    .business_key = business_key,
    .state_keys = state_keys,
};

static const eh_handler *const handlers[] = {&handler};

static const eh_plugin plugin = {
    .size = sizeof(eh_plugin),
    .abi_minor = EH_ABI_MINOR,
    .name = "hello-c",
    .version = "1.0.0",
    .built_with = "C11",
    .handlers = handlers,
    .handler_count = 1,
};

const eh_plugin *eh_plugin_entry_v1(void) { return &plugin; }

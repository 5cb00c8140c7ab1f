/*
 * A handler that counts under its version which events it saw: to be replaced while it works.
 */
#include "event_handler.h"

#ifndef VERSION
#define VERSION "1.0.0"
#endif

/* An instance needs nothing but its host. */
static eh_status create(const eh_host *host, eh_bytes config, void **self, eh_reason *why) {
    (void)config, (void)why;
    *self = (void *)(uintptr_t)host;
    return EH_OK;
}

static void handle(void *self, const eh_batch *batch) {
    const eh_host *host = self;
    for (uint32_t i = 0; i < batch->count; ++i) {
        const eh_pair version = {eh_text("version"), eh_text(VERSION)};
        host->count(host, eh_text("greeted"), 1, &version, 1);
        eh_done(batch->results[i]);
    }
}

static void destroy(void *self) { (void)self; }

static const eh_route routes[] = {{"qsl.orders", "Order.Placed.v1"}};

static const eh_handler handler = {
    .size = sizeof(eh_handler),
    .id = "greeter",
    .summary = "Counts events under its version",
    .routes = routes,
    .route_count = 1,
    .create = create,
    .handle = handle,
    .destroy = destroy,
};

static const eh_handler *const handlers[] = {&handler};

static const eh_plugin plugin = {
    .size = sizeof(eh_plugin),
    .abi_minor = EH_ABI_MINOR,
    .name = "greeter",
    .version = VERSION,
    .built_with = "C11",
    .handlers = handlers,
    .handler_count = 1,
};

const eh_plugin *eh_plugin_entry_v1(void) { return &plugin; }

/*
 * A handler with a business key: two events about one line of one order are one piece of work.
 *
 * It has no code for that. The key is data, and what comes twice does not come here a second time.
 */
#include "event_handler.h"

#include <stddef.h>

static eh_status create(const eh_host *host, eh_bytes config, void **self, eh_reason *why) {
    (void)host, (void)config, (void)why;
    *self = NULL;
    return EH_OK;
}

static void handle(void *self, const eh_batch *batch) {
    (void)self;
    for (uint32_t i = 0; i < batch->count; ++i) eh_done(batch->results[i]);
}

static void destroy(void *self) { (void)self; }

static const eh_route routes[] = {{"qsl.orders", "Order.LineAdded.v1"}};
static const char *const business_key[] = {"/order", "/line", NULL};

static const eh_handler handler = {
    .size = sizeof(eh_handler),
    .id = "orders",
    .summary = "Takes each line of an order once",
    .routes = routes,
    .route_count = 1,
    .create = create,
    .handle = handle,
    .destroy = destroy,
    .business_key = business_key,
};

static const eh_handler *const handlers[] = {&handler};

static const eh_plugin plugin = {
    .size = sizeof(eh_plugin),
    .abi_minor = EH_ABI_MINOR,
    .name = "orders",
    .version = "1.0.0",
    .built_with = "C11",
    .handlers = handlers,
    .handler_count = 1,
};

const eh_plugin *eh_plugin_entry_v1(void) { return &plugin; }

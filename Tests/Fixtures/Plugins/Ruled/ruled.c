/* A plugin with a schema for its configuration: its own, or the one in the variable SCHEMA. */
#include "../fixture.h"

#include <stdio.h>
#include <stdlib.h>

static eh_status create(const eh_host *host, eh_bytes config, void **self, eh_reason *why) {
    (void)host, (void)config, (void)why;
    puts("create was called");
    *self = NULL;
    return EH_OK;
}

static void handle(void *self, const eh_batch *batch) {
    (void)self;
    for (uint32_t i = 0; i < batch->count; ++i) eh_done(batch->results[i]);
}

static void destroy(void *self) { (void)self; }

static const eh_route routes[] = {{"test.in", "Thing.Asked.v1"}};
static eh_handler ruled = {
    .size = sizeof(eh_handler), .route_count = 1, .id = "ruled", .routes = routes, .create = create, .handle = handle,
    .destroy = destroy,
    .config_schema = "{\"type\":\"object\",\"required\":[\"currency\"],\"additionalProperties\":false,\"properties\":{"
                     "\"currency\":{\"type\":\"string\",\"pattern\":\"^[A-Z]{3}$\"},"
                     "\"limits\":{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":1}}}}",
};
static const eh_handler *const handlers[] = {&ruled};
static const eh_plugin plugin = {
    .size = sizeof(eh_plugin), .abi_minor = EH_ABI_MINOR, .name = "ruled", .version = "1.0.0", .built_with = "c",
    .handlers = handlers, .handler_count = 1,
};

const eh_plugin *eh_plugin_entry_v1(void) {
    if (getenv("SCHEMA")) ruled.config_schema = getenv("SCHEMA");
    return &plugin;
}

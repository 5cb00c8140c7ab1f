/* A good description with one mistake in it: the one that the environment names. */
#include <event_handler.h>

#include <stdlib.h>

static bool is(const char *mistake) {
    const char *asked = getenv("MISTAKE");
    return asked && strcmp(asked, mistake) == 0;
}

static eh_status create(const eh_host *host, eh_bytes config, void **self, eh_reason *why) {
    (void)host, (void)config, (void)self, (void)why;
    return EH_OK;
}
static void handle(void *self, const eh_batch *batch) { (void)self, (void)batch; }
static void destroy(void *self) { (void)self; }

static char long_text[70000];

static void spoil_handler(eh_handler *h, eh_route *route) {
    static const char *const unknown[] = {"eh.state/1", "eh.telepathy/1", NULL};
    static const char *const wild[] = {"position:{/currency", NULL};
    static const char *const pointer[] = {"no-slash", NULL};
    memset(long_text, 'x', sizeof long_text - 1);
    if (is("handler-size")) h->size = 12;
    if (is("id")) h->id = "Not An Id";
    if (is("no-routes")) h->route_count = 0;
    if (is("many-routes")) h->route_count = 100000;
    if (is("null-routes")) h->routes = NULL;
    if (is("null-source")) route->source = NULL;
    if (is("control")) route->detail_type = "a\nb";
    if (is("not-utf8")) route->detail_type = "\xff\xfe";
    if (is("long-source")) route->source = long_text;
    if (is("null-create")) h->create = NULL;
    if (is("null-handle")) h->handle = NULL;
    if (is("null-destroy")) h->destroy = NULL;
    if (is("threading")) h->threading = 7;
    if (is("schema")) h->config_schema = long_text;
    if (is("service")) h->services = unknown;
    if (is("template")) h->state_keys = wild;
    if (is("pointer")) h->business_key = pointer;
}

const eh_plugin *eh_plugin_entry_v1(void) {
    static eh_route route = {"test", "*"};
    static eh_handler handler = {
        .size = sizeof handler, .route_count = 1, .id = "mistaken", .routes = &route, .create = create,
        .handle = handle, .destroy = destroy,
    };
    static const eh_handler *handlers[] = {&handler, &handler};
    static eh_plugin plugin = {
        .size = sizeof plugin, .abi_minor = EH_ABI_MINOR, .name = "mistaken", .version = "1.0.0", .built_with = "",
        .handlers = handlers, .handler_count = 1,
    };
    spoil_handler(&handler, &route);
    if (is("null")) return NULL;
    if (is("plugin-size")) plugin.size = 3735928559u;
    if (is("null-name")) plugin.name = NULL;
    if (is("no-handlers")) plugin.handler_count = 0;
    if (is("many-handlers")) plugin.handler_count = 65;
    if (is("null-handlers")) plugin.handlers = NULL;
    if (is("null-handler")) handlers[0] = NULL;
    if (is("twice")) plugin.handler_count = 2;
    if (is("wild-pointer")) plugin.handlers = (const eh_handler *const *)(uintptr_t)16;
    return &plugin;
}

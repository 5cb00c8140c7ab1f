/* Does through the contract what a payload says. Each command shows one part of it. */
#include "../fixture.h"

#include <stdio.h>
#include <stdlib.h>

static const eh_host *host;
static const eh_state *state;
static const eh_publish *publish;
static const eh_timer *timer;
static const eh_event *stale;

static eh_status create(const eh_host *given, eh_bytes config, void **self, eh_reason *why) {
    static int asked = 0;
    if (fixture_says(config, "create", "invalid")) {
        eh_because(why, "config.no-currency", "currency is missing");
        return EH_INVALID;
    }
    if (fixture_says(config, "create", "second") && ++asked < 2) {
        eh_because(why, "warming-up", "ask again");
        return EH_UNAVAILABLE;
    }
    if (fixture_says(config, "create", "never")) return EH_UNAVAILABLE;
    if (fixture_says(config, "create", "hang"))
        for (volatile int forever = 1; forever;) continue;
    if (fixture_says(config, "create", "abort")) abort();
    host = given;
    state = host->service(host, EH_SERVICE_STATE);
    publish = host->service(host, EH_SERVICE_PUBLISH);
    timer = host->service(host, EH_SERVICE_TIMER);
    *self = NULL;
    return state && publish && timer && !host->service(host, "eh.deferred/1") ? EH_OK : EH_INVALID;
}

static void destroy(void *self) {
    (void)self;
    puts("destroyed");
}

/* Done if the status is as expected, else rejected with its name. */
static void expect(eh_result *result, eh_status found, eh_status expected) {
    if (found == expected)
        eh_done(result);
    else
        eh_reject(result, fixture_status(found), "another status was expected");
}

/* ---- state */

static void count(const eh_event *event, eh_result *result) {
    eh_bytes value;
    uint64_t version;
    eh_status status = state->get(host, event, eh_text("counter"), &value, &version);
    long number = status == EH_NOT_FOUND ? 0 : atol(value.data);
    char text[24];
    snprintf(text, sizeof text, "%ld", number + 1);
    expect(result, state->put(host, event, eh_text("counter"), eh_text(text), version, 60000), EH_OK);
    /* It sees its own write, at the version before it. */
    uint64_t again;
    status = state->get(host, event, eh_text("counter"), &value, &again);
    if (status != EH_OK || strcmp(value.data, text) != 0 || again != version) eh_reject(result, "own-write", "");
}

static void copy_prefetched(const eh_event *event, eh_result *result) {
    eh_bytes value;
    eh_status status = state->get(host, event, eh_text("position:EUR"), &value, NULL);
    if (status == EH_OK) status = state->put(host, event, eh_text("copy"), value, EH_VERSION_ANY, 0);
    expect(result, status, EH_OK);
}

static void get_many(const eh_event *event, eh_result *result) {
    eh_bytes keys[] = {eh_text("a"), eh_text("missing"), eh_text("b"), eh_text("a")}, values[4];
    uint64_t versions[4];
    char text[64];
    eh_status status = state->get_many(host, event, keys, 4, values, versions);
    snprintf(text, sizeof text, "%s-%s-%s-%d", values[0].data, values[2].data, values[3].data,
             versions[1] == EH_VERSION_ABSENT);
    if (status == EH_OK) status = state->put(host, event, eh_text("joined"), eh_text(text), EH_VERSION_ANY, 0);
    if (status == EH_OK) status = state->erase(host, event, eh_text("a"), versions[0]);
    expect(result, status, EH_OK);
}

static void fill(const eh_event *event, eh_result *result) {
    char *large = calloc(1, 262144), key[16];
    eh_bytes value = {large, 262144};
    eh_status status = EH_OK;
    int written = 0;
    for (; status == EH_OK; ++written) {
        snprintf(key, sizeof key, "key-%d", written);
        status = state->put(host, event, eh_text(key), value, EH_VERSION_ANY, 0);
    }
    expect(result, status, EH_TOO_LARGE);
    if (written != 12) eh_reject(result, "written", "3 MB are eleven values of 256 kB with their keys");
    free(large);
}

/* ---- publish and timer */

static eh_status publish_one(const eh_event *event, const char *detail_type, const char *detail) {
    eh_pair attribute = {eh_text("channel"), eh_text("mail")};
    eh_draft draft = {.size = sizeof draft, .attribute_count = 1, .attributes = &attribute};
    draft.source = eh_text("test.out");
    draft.detail_type = eh_text(detail_type);
    draft.detail = eh_text(detail);
    return publish->publish(host, event, &draft);
}

static void publish_many(const eh_event *event, eh_result *result) {
    eh_status status = EH_OK;
    for (int i = 0; i < 16 && status == EH_OK; ++i) status = publish_one(event, "Thing.Made.v1", "{}");
    if (status == EH_OK) status = publish_one(event, "Thing.Made.v1", "{}");
    expect(result, status, EH_TOO_LARGE);
}

static void set_timers(const eh_event *event, eh_result *result) {
    eh_status status = timer->set(host, event, eh_text("reminder"), 1000, eh_text("{\"n\":1}"));
    if (status == EH_OK) status = timer->set(host, event, eh_text("reminder"), 2000, eh_text("{\"n\":2}"));
    if (status == EH_OK) status = timer->set(host, event, eh_text("other"), 3000, eh_text(""));
    expect(result, status, EH_OK);
}

/* ---- the event, log lines, metrics */

static void show(const eh_event *event, eh_result *result) {
    char text[1024];
    snprintf(text, sizeof text, "%s|%s|%s|%s|%s|%s|%s|%s|%u|%u|%u|%lld|%lld|%s=%s|%d", event->id.data,
             event->source.data, event->detail_type.data, event->resource.data, event->key_id.data,
             event->correlation_id.data, event->group_id.data, event->trace_parent.data, event->attempt,
             event->deliveries, event->flags, (long long)event->time_unix_ms, (long long)event->sent_unix_ms,
             event->attribute_count ? event->attributes[0].key.data : "",
             event->attribute_count ? event->attributes[0].value.data : "",
             host->remaining_ms(host, event) > 0 && event->deadline_unix_ms > 0);
    expect(result, state->put(host, event, eh_text("seen"), eh_text(text), EH_VERSION_ANY, 0), EH_OK);
}

static void speak(const eh_event *event, eh_result *result) {
    eh_pair fields[] = {{eh_text("order"), eh_text("O-1")}};
    eh_pair labels[] = {{eh_text("currency"), eh_text("EUR")}};
    host->log(host, event, EH_WARNING, eh_text("two\nlines"), fields, 1);
    host->log(host, NULL, EH_INFO, eh_text("no event"), NULL, 0);
    for (int i = 0; i < 3; ++i) host->count(host, eh_text("orders"), 2, labels, 1);
    host->observe(host, eh_text("seconds"), 0.015, NULL, 0);
    host->observe(host, eh_text("seconds"), 5000, NULL, 0);
    host->count(host, eh_text("Not A Name"), 1, NULL, 0);
    puts("printed");
    fputs("no end of line", stderr);
    eh_done(result);
}

/* ---- which command is what */

static void answer(const eh_event *event, eh_result *result) {
    if (fixture_does(event, "done")) eh_done(result);
    if (fixture_does(event, "retry")) eh_retry(result, 1500, "order.late", "later");
    if (fixture_does(event, "reject")) eh_reject(result, "Odd Code", "two\nlines");
    if (fixture_does(event, "wait")) eh_wait(result, 0, "bank.down", "");
    if (fixture_does(event, "unknown")) result->outcome = 42;
    if (fixture_does(event, "count")) count(event, result);
    if (fixture_does(event, "copy")) copy_prefetched(event, result);
    if (fixture_does(event, "get-many")) get_many(event, result);
    if (fixture_does(event, "fill")) fill(event, result);
    if (fixture_does(event, "conflict")) {
        eh_bytes value;
        state->get(host, event, eh_text("a"), &value, NULL);
        expect(result, state->put(host, event, eh_text("a"), value, 999, 0), EH_CONFLICT);
    }
    if (fixture_does(event, "unavailable")) {
        eh_bytes value;
        expect(result, state->get(host, event, eh_text("unavailable"), &value, NULL), EH_UNAVAILABLE);
    }
    if (fixture_does(event, "stale")) expect(result, publish_one(stale, "Thing.Made.v1", "{}"), EH_EXPIRED);
    if (fixture_does(event, "publish"))
        expect(result, publish_one(event, "Thing.Made.v1", " {\"b\": 1.0, \"a\": [ ] }"), EH_OK);
    if (fixture_does(event, "publish-unlisted")) expect(result, publish_one(event, "Thing.Gone.v1", "{}"), EH_DENIED);
    if (fixture_does(event, "publish-garbage")) expect(result, publish_one(event, "Thing.Made.v1", "{]"), EH_OK);
    if (fixture_does(event, "publish-many")) publish_many(event, result);
    if (fixture_does(event, "timers")) set_timers(event, result);
    if (fixture_does(event, "show")) show(event, result);
    if (fixture_does(event, "speak")) speak(event, result);
}

static void handle(void *self, const eh_batch *batch) {
    (void)self;
    for (uint32_t i = 0; i < batch->count; ++i) answer(batch->events[i], batch->results[i]);
    stale = batch->events[0]; /* borrowed, and kept: a mistake that the host survives */
}

/* Says in its answers how many events the call had. */
static void handle_batch(void *self, const eh_batch *batch) {
    (void)self;
    char text[16];
    snprintf(text, sizeof text, "call-of-%u", batch->count);
    for (uint32_t i = 0; i < batch->count; ++i) {
        if (fixture_does(batch->events[i], "abort")) abort();
        eh_reject(batch->results[i], text, "");
    }
}

static const eh_route routes[] = {{"test.*", "*"}, {"other", "Exact.Thing.v1"}};
static const char *const services[] = {EH_SERVICE_STATE, EH_SERVICE_PUBLISH, EH_SERVICE_TIMER, NULL};
static const char *const business_key[] = {"/order/id", "/line", NULL};
static const char *const state_keys[] = {"position:{/currency}", "fixed", NULL};

static const eh_handler obedient = {
    .size = sizeof(eh_handler), .route_count = 2, .id = "obedient", .routes = routes, .create = create,
    .handle = handle, .destroy = destroy, .summary = "does as it is told", .config_schema = "{\"type\":\"object\"}",
    .services = services,
};
static const eh_handler batching = {
    .size = sizeof(eh_handler), .route_count = 2, .id = "batching", .routes = routes, .create = create,
    .handle = handle_batch, .destroy = destroy, .max_batch = 4,
};
static const eh_handler keyed = {
    .size = sizeof(eh_handler), .route_count = 2, .id = "keyed", .routes = routes, .create = create,
    .handle = handle, .destroy = destroy, .threading = EH_CONCURRENT, .max_concurrency = 3,
    .business_key = business_key, .state_keys = state_keys,
};
static const eh_handler *const handlers[] = {&obedient, &batching, &keyed};

const eh_plugin *eh_plugin_entry_v1(void) {
    static const eh_plugin plugin = {
        .size = sizeof plugin, .abi_minor = EH_ABI_MINOR, .name = "obedient", .version = "1.2.3",
        .built_with = "a C compiler", .handlers = handlers, .handler_count = 3,
    };
    return &plugin;
}

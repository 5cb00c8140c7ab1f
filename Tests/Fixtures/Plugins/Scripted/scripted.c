/* Does what its payload says, byte by byte: a step is a letter and what it wants to know. For fuzzing: any bytes are a
 * script, and none of them may make the worker say what its host does not understand. */
#include <event_handler.h>

#include <stdlib.h>

enum { STEPS = 200 };

/* What is left of the script. */
typedef struct script {
    const unsigned char *at, *end;
    const eh_host *host;
} script;

static unsigned take(script *s) { return s->at < s->end ? *s->at++ : 0; }

/* So many bytes of the script as its next byte says; from 240 on, more than it has, of one letter, on the heap. */
static eh_bytes take_bytes(script *s, char **memory) {
    static const size_t large[] = {240, 512, 513, 1025, 4097, 16385, 65536, 65535, 64, 65, 128, 129, 255, 256, 48, 49};
    size_t size = take(s);
    if (size >= 240) {
        size = large[size - 240];
        *memory = malloc(size + 1);
        if (*memory) memset(*memory, size & 1 ? 'x' : (int)take(s), size);
        eh_bytes filled = {*memory, *memory ? size : 0};
        return filled;
    }
    if (size > (size_t)(s->end - s->at)) size = (size_t)(s->end - s->at);
    *memory = malloc(size + 1); /* its own, so that no byte beyond it is read unnoticed */
    if (!*memory) size = 0;
    if (size) memcpy(*memory, s->at, size);
    s->at += size;
    eh_bytes bytes = {*memory, size};
    return bytes;
}

/* Every byte that the host gave is there, and the NUL behind it. */
static unsigned touch(eh_bytes bytes) {
    unsigned sum = 0;
    for (size_t i = 0; i <= bytes.size; ++i) sum = sum * 31 + (unsigned char)bytes.data[i];
    if (bytes.data[bytes.size] != '\0') abort();
    return sum;
}

static void touch_pairs(const eh_pair *pairs, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        touch(pairs[i].key);
        touch(pairs[i].value);
    }
}

static void use_state(script *s, const eh_event *event, const eh_state *state, unsigned step) {
    char *memory[4] = {NULL, NULL, NULL, NULL};
    eh_bytes keys[3], values[3] = {{"", 0}, {"", 0}, {"", 0}};
    uint64_t versions[3] = {0, 0, 0};
    for (int i = 0; i < 3; ++i) keys[i] = i == 0 || step % 4 == 1 ? take_bytes(s, &memory[i]) : keys[0];
    switch (step % 4) {
    case 0:
        if (state->get(s->host, event, keys[0], &values[0], &versions[0]) == EH_OK) touch(values[0]);
        break;
    case 1:
        if (state->get_many(s->host, event, keys, 1 + take(s) % 3, values, versions) == EH_OK)
            for (int i = 0; i < 3; ++i) touch(values[i]);
        break;
    case 2: state->put(s->host, event, keys[0], take_bytes(s, &memory[3]), take(s) % 3 - 1ull, take(s)); break;
    default: state->erase(s->host, event, keys[0], take(s) % 3 - 1ull);
    }
    for (int i = 0; i < 4; ++i) free(memory[i]);
}

static void call(script *s, const eh_event *event, const eh_call *calls) {
    char *memory[7] = {NULL};
    const eh_response *response = NULL;
    eh_pair header = {take_bytes(s, &memory[0]), take_bytes(s, &memory[1])};
    eh_request request = {.size = sizeof request, .header_count = take(s) % 2, .headers = &header};
    request.service = take_bytes(s, &memory[2]);
    request.method = take_bytes(s, &memory[3]);
    request.path = take_bytes(s, &memory[4]);
    request.body = take_bytes(s, &memory[5]);
    request.idempotency_key = take_bytes(s, &memory[6]);
    if (calls->call(s->host, event, &request, &response) == EH_OK) {
        touch(response->body);
        touch_pairs(response->headers, response->header_count);
    }
    for (int i = 0; i < 7; ++i) free(memory[i]);
}

static void publish(script *s, const eh_event *event, const eh_publish *publisher) {
    char *memory[7] = {NULL};
    eh_pair attribute = {take_bytes(s, &memory[0]), take_bytes(s, &memory[1])};
    eh_draft draft = {.size = sizeof draft, .attribute_count = take(s) % 2, .attributes = &attribute};
    draft.source = take_bytes(s, &memory[2]);
    draft.detail_type = take_bytes(s, &memory[3]);
    draft.resource = take_bytes(s, &memory[4]);
    draft.correlation_id = take_bytes(s, &memory[5]);
    draft.detail = take_bytes(s, &memory[6]);
    publisher->publish(s->host, event, &draft);
    for (int i = 0; i < 7; ++i) free(memory[i]);
}

static void tell(script *s, const eh_event *event, unsigned step) {
    char *memory[3] = {NULL};
    eh_bytes text = take_bytes(s, &memory[0]);
    eh_pair pair = {take_bytes(s, &memory[1]), take_bytes(s, &memory[2])};
    if (step % 3 == 0)
        s->host->log(s->host, take(s) % 2 ? event : NULL, (eh_level)take(s) - 2, text, &pair, take(s) % 2);
    if (step % 3 == 1) s->host->count(s->host, text, take(s), &pair, take(s) % 2);
    if (step % 3 == 2) s->host->observe(s->host, text, 1.0 / take(s), &pair, take(s) % 2);
    for (int i = 0; i < 3; ++i) free(memory[i]);
}

static void set_timer(script *s, const eh_event *event, const eh_timer *timer) {
    char *memory[2] = {NULL};
    eh_bytes key = take_bytes(s, &memory[0]), detail = take_bytes(s, &memory[1]);
    timer->set(s->host, event, key, (int64_t)take(s) - 1, detail);
    for (int i = 0; i < 2; ++i) free(memory[i]);
}

static void run(const eh_host *host, const eh_event *event, eh_result *result) {
    const unsigned char *start = (const unsigned char *)event->detail.data;
    script s = {start, start + event->detail.size, host};
    result->outcome = (eh_outcome)take(&s);
    result->retry_after_ms = take(&s) * 1000ull;
    for (int steps = 0; s.at < s.end && steps < STEPS; ++steps) {
        unsigned step = take(&s);
        switch (step >> 5) {
        case 0:
        case 1: use_state(&s, event, host->service(host, EH_SERVICE_STATE), step); break;
        case 2: call(&s, event, host->service(host, EH_SERVICE_CALL)); break;
        case 3: publish(&s, event, host->service(host, EH_SERVICE_PUBLISH)); break;
        case 4: tell(&s, event, step); break;
        case 5: set_timer(&s, event, host->service(host, EH_SERVICE_TIMER)); break;
        case 6: memset(result->reason.code, (int)step, step % (EH_CODE_SIZE + 1)); break;
        default: memset(result->reason.detail, (int)take(&s), EH_DETAIL_SIZE); break;
        }
    }
}

static void handle(void *self, const eh_batch *batch) {
    for (uint32_t i = 0; i < batch->count; ++i) {
        const eh_event *e = batch->events[i];
        const eh_bytes texts[] = {e->id,       e->source,         e->detail_type, e->detail,      e->key_id,
                                  e->resource, e->correlation_id, e->group_id,    e->trace_parent};
        for (size_t j = 0; j < sizeof texts / sizeof *texts; ++j) touch(texts[j]);
        touch_pairs(e->attributes, e->attribute_count);
        run(self, e, batch->results[i]);
    }
}

static eh_status create(const eh_host *given, eh_bytes config, void **self, eh_reason *why) {
    *self = (void *)(uintptr_t)given;
    touch(config);
    if (config.size == 0) return EH_OK;
    memset(why->code, config.data[0], EH_CODE_SIZE);
    return config.data[0] % 2 ? EH_UNAVAILABLE : EH_INVALID;
}

static void destroy(void *self) { (void)self; }

static const eh_route routes[] = {{"*", "*"}};
static const eh_handler scripted = {
    .size = sizeof scripted, .route_count = 1, .id = "scripted", .routes = routes,
    .create = create, .handle = handle, .destroy = destroy, .max_batch = 2,
};
static const eh_handler *const handlers[] = {&scripted};
static const eh_plugin plugin = {
    .size = sizeof plugin, .abi_minor = EH_ABI_MINOR, .name = "scripted", .version = "1.0.0", .built_with = "any",
    .handlers = handlers, .handler_count = 1,
};

const eh_plugin *eh_plugin_entry_v1(void) { return &plugin; }

/* Calls a service as a payload says. */
#include "../fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static const eh_host *host;
static const eh_call *calls;
static const eh_state *state;
static const eh_event *stale;
static const char *usual = "/entries";

static eh_status create(const eh_host *given, eh_bytes config, void **self, eh_reason *why) {
    (void)why;
    if (fixture_says(config, "path", "other")) usual = "/elsewhere";
    host = given;
    calls = host->service(host, EH_SERVICE_CALL);
    state = host->service(host, EH_SERVICE_STATE);
    *self = NULL;
    return calls && calls->size >= sizeof *calls && calls->call ? EH_OK : EH_INVALID;
}

static void destroy(void *self) { (void)self; }

static eh_request request(const char *service, const char *path) {
    eh_request q;
    memset(&q, 0, sizeof q);
    q.size = sizeof q;
    q.service = eh_text(service);
    q.method = eh_text("POST");
    q.path = eh_text(path);
    q.body = eh_text("{\"amount\":1}");
    q.idempotency_key = eh_text("");
    return q;
}

/* Rejected with what came of it: a status of the contract, or the service's own and its body. */
static void tell(eh_result *result, eh_status status, const eh_response *response) {
    char code[EH_CODE_SIZE];
    if (status != EH_OK)
        snprintf(code, sizeof code, "%s%s", fixture_status(status), response ? "-with-response" : "");
    else
        snprintf(code, sizeof code, "%u.%.32s", response->status, response->body.data);
    eh_reject(result, code, "");
}

static void once(const eh_event *event, eh_result *result, const eh_request *q) {
    const eh_response *response = (const eh_response *)(uintptr_t)1;
    eh_status status = calls->call(host, event, q, &response);
    tell(result, status, response);
}

/* ---- one call */

static const char *header(const eh_response *response, const char *name) {
    for (uint32_t i = 0; i < response->header_count; ++i)
        if (strcmp(response->headers[i].key.data, name) == 0) return response->headers[i].value.data;
    return "none";
}

static void with_headers(const eh_event *event, eh_result *result) {
    eh_request q = request("ledger", "/headers?of=all");
    eh_pair headers[] = {{eh_text("content-type"), eh_text("application/json")}, {eh_text("x-tenant"), eh_text("t1")}};
    q.headers = headers;
    q.header_count = 2;
    const eh_response *response;
    eh_status status = calls->call(host, event, &q, &response);
    if (status != EH_OK || strcmp(header(response, "X-Answer"), "yes") != 0)
        eh_reject(result, fixture_status(status), "");
    else
        tell(result, status, response);
}

static void malformed(const eh_event *event, eh_result *result) {
    const eh_response *response;
    eh_request q = request("ledger", "/x");
    eh_pair ours = {eh_text("Idempotency-Key"), eh_text("mine")}, broken = {eh_text("x"), eh_text("a\r\nb: c")};
    uint32_t wrong = 0;
    q.path = eh_text("no-slash");
    wrong += calls->call(host, event, &q, &response) == EH_INVALID;
    q.path = eh_text("/a b");
    wrong += calls->call(host, event, &q, &response) == EH_INVALID;
    q.path = eh_text("/a\r\nX: y");
    wrong += calls->call(host, event, &q, &response) == EH_INVALID;
    q = request("ledger", "/x");
    q.method = eh_text("GET /other HTTP/1.1");
    wrong += calls->call(host, event, &q, &response) == EH_INVALID;
    q = request("ledger", "/x");
    q.headers = &ours;
    q.header_count = 1;
    wrong += calls->call(host, event, &q, &response) == EH_INVALID;
    q.headers = &broken;
    wrong += calls->call(host, event, &q, &response) == EH_INVALID;
    q = request("", "/x");
    wrong += calls->call(host, event, &q, &response) == EH_INVALID;
    q = request("ledger", "/x");
    q.size = 8;
    wrong += calls->call(host, event, &q, &response) == EH_INVALID;
    wrong += calls->call(host, event, NULL, &response) == EH_INVALID;
    q = request("ledger", "/x");
    wrong += calls->call(host, event, &q, NULL) == EH_INVALID;
    wrong += calls->call(host, NULL, &q, &response) == EH_INVALID;
    if (wrong == 11)
        eh_done(result);
    else
        eh_reject(result, "taken", "");
}

static void too_large(const eh_event *event, eh_result *result) {
    eh_request q = request("ledger", "/large");
    static char body[1048577];
    memset(body, 'a', sizeof body);
    q.body.data = body;
    q.body.size = sizeof body;
    once(event, result, &q);
}

/* As often as it may, and once more. */
static void often(const eh_event *event, eh_result *result) {
    eh_request q = request("ledger", "/often");
    const eh_response *response;
    for (int i = 0; i < 32; ++i) {
        if (calls->call(host, event, &q, &response) == EH_OK) continue;
        eh_reject(result, "early", "");
        return;
    }
    once(event, result, &q);
}

/* Four of a megabyte are all that one event may have. */
static void heavy(const eh_event *event, eh_result *result) {
    static char body[1048000];
    memset(body, 'a', sizeof body);
    eh_request q = request("ledger", "/heavy");
    q.body.data = body;
    q.body.size = sizeof body;
    const eh_response *response;
    int count = 0;
    while (count < 10 && calls->call(host, event, &q, &response) == EH_OK) ++count;
    char code[32];
    snprintf(code, sizeof code, "after-%d", count);
    eh_reject(result, code, "");
}

/* What the first answer said is still there after the second. */
static void twice(const eh_event *event, eh_result *result) {
    eh_request first = request("ledger", "/first"), second = request("ledger", "/second");
    const eh_response *one, *other;
    char code[EH_CODE_SIZE];
    if (calls->call(host, event, &first, &one) != EH_OK || calls->call(host, event, &second, &other) != EH_OK) {
        eh_reject(result, "failed", "");
        return;
    }
    snprintf(code, sizeof code, "%.20s.%.20s", one->body.data, other->body.data);
    eh_reject(result, code, "");
}

/* As a handler would that books: what it is given, and done when the service has it. */
static void book(const eh_event *event, eh_result *result) {
    eh_request q = request("ledger", "/entries");
    q.body = event->detail;
    const eh_response *response;
    eh_status status = calls->call(host, event, &q, &response);
    if (status == EH_UNAVAILABLE)
        eh_wait(result, 0, "ledger.unavailable", "");
    else if (status == EH_OK && response->status / 100 == 2)
        eh_done(result);
    else
        tell(result, status, response);
}

/* ---- threads */

typedef struct side {
    const eh_event *event;
    const char *path;
    eh_status status;
    uint32_t answer;
} side;

static void *run_side(void *argument) {
    side *s = argument;
    eh_request q = request("ledger", s->path);
    const eh_response *response;
    s->status = calls->call(host, s->event, &q, &response);
    s->answer = s->status == EH_OK ? response->status : 0;
    eh_bytes value;
    eh_status got = state->get(host, s->event, eh_text(s->path), &value, NULL);
    if (got != EH_OK && got != EH_NOT_FOUND) s->status = got;
    return NULL;
}

static void from_threads(const eh_event *event, eh_result *result) {
    side sides[4] = {{event, "/t1", 0, 0}, {event, "/t2", 0, 0}, {event, "/t3", 0, 0}, {event, "/t4", 0, 0}};
    pthread_t threads[4];
    for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, run_side, &sides[i]);
    for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; ++i) {
        if (sides[i].status == EH_OK && sides[i].answer == 200) continue;
        eh_reject(result, fixture_status(sides[i].status), "");
        return;
    }
    eh_done(result);
}

/* ---- time */

static void after_the_end(const eh_event *event, eh_result *result) {
    (void)event;
    eh_request q = request("ledger", "/stale");
    once(stale, result, &q);
}

/* Nobody answers until the event is over. */
static void until_over(const eh_event *event, eh_result *result) {
    eh_request q = request("ledger", "/silent");
    const eh_response *response;
    eh_status status = calls->call(host, event, &q, &response);
    eh_pair field = {eh_text("status"), eh_text(fixture_status(status))};
    host->log(host, NULL, EH_INFO, eh_text("call ended"), &field, 1);
    tell(result, status, NULL);
}

static void impatient(const eh_event *event, eh_result *result) {
    eh_request q = request("ledger", "/silent");
    q.timeout_ms = 50;
    once(event, result, &q);
}

/* ---- frames past the worker: what its process can send, if it wants to */

static unsigned char *number(unsigned char *at, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) at[i] = (unsigned char)(value >> (8 * i));
    return at + bytes;
}

static unsigned char *text(unsigned char *at, const char *value) {
    size_t size = strlen(value);
    memcpy(number(at, size, 4), value, size + 1);
    return at + 4 + size + 1;
}

/* A call in the worker's own form; `length` and `body` are what it says of its sizes, 0 for the truth. */
static void send_call(uint32_t stream, uint64_t fence, const char *service, uint32_t length, uint32_t body) {
    unsigned char frame[256] = {0}, *at = frame + 18;
    at = text(text(text(text(at, service), "POST"), "/forged"), "");
    at = number(number(at, 0, 8), 0, 4);
    at = number(at, body, 4) + 1;
    number(frame, length ? length : (uint32_t)(at - frame - 18), 4);
    frame[4] = 136;
    frame[5] = 1;
    number(number(frame + 6, stream, 4), fence, 8);
    send(3, frame, (size_t)(at - frame), MSG_NOSIGNAL);
}

static void forge(const eh_event *event) {
    uint32_t own;
    uint64_t fence;
    memcpy(&own, (const char *)event->host_data + 8, sizeof own); /* of its run: after the worker's address */
    memcpy(&fence, (const char *)event->host_data + 16, sizeof fence);
    if (fixture_does(event, "forge-stranger")) send_call(own + 77, fence, "ledger", 0, 0);
    if (fixture_does(event, "forge-fence")) send_call(own, fence + 1, "ledger", 0, 0);
    if (fixture_does(event, "forge-frame")) send_call(own, fence, "ledger", 0x7fffffff, 0);
    if (fixture_does(event, "forge-body")) send_call(own, fence, "ledger", 0, 0x7fffffff);
    if (fixture_does(event, "forge-pair"))
        for (int i = 0; i < 2; ++i) send_call(own, fence, "ledger", 0, 0);
    if (fixture_does(event, "forge-many"))
        for (int i = 0; i < 33; ++i) send_call(own, fence, "other", 0, 0);
    while (host->remaining_ms(host, event) > 0) continue;
}

static void handle(void *self, const eh_batch *batch) {
    (void)self;
    const eh_event *event = batch->events[0];
    eh_result *result = batch->results[0];
    eh_request q = request(fixture_does(event, "other") ? "other" : "ledger",
                           fixture_does(event, "silent") ? "/silent" : usual);
    if (fixture_does(event, "own-key")) q.idempotency_key = eh_text("own-key-1");
    if (fixture_does(event, "get")) {
        q.method = eh_text("GET");
        q.body = eh_text("");
    }
    if (fixture_does(event, "book")) book(event, result);
    else if (fixture_does(event, "headers")) with_headers(event, result);
    else if (fixture_does(event, "malformed")) malformed(event, result);
    else if (fixture_does(event, "too-large")) too_large(event, result);
    else if (fixture_does(event, "often")) often(event, result);
    else if (fixture_does(event, "heavy")) heavy(event, result);
    else if (fixture_does(event, "twice")) twice(event, result);
    else if (fixture_does(event, "threads")) from_threads(event, result);
    else if (fixture_does(event, "stale")) after_the_end(event, result);
    else if (fixture_does(event, "until-over")) until_over(event, result);
    else if (fixture_does(event, "impatient")) impatient(event, result);
    else if (strstr(event->detail.data, "forge-")) forge(event);
    else once(event, result, &q);
    stale = event;
}

static const eh_route routes[] = {{"test.in", "Thing.Asked.v1"}};
static const char *const services[] = {EH_SERVICE_CALL, EH_SERVICE_STATE, NULL};

static const eh_handler calling = {
    .size = sizeof(eh_handler), .route_count = 1, .id = "calling", .routes = routes,
    .create = create, .handle = handle, .destroy = destroy, .services = services,
};
static const eh_handler *const handlers[] = {&calling};
static const eh_plugin plugin = {
    .size = sizeof(eh_plugin), .abi_minor = EH_ABI_MINOR, .name = "calling", .version = "1.0.0",
    .built_with = "clang", .handlers = handlers, .handler_count = 1,
};

const eh_plugin *eh_plugin_entry_v1(void) { return &plugin; }

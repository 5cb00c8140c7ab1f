/* Makes one of the mistakes that authors make: the one that its configuration names, {"do":"..."}, for every event, or
 * an event's own payload, for that event. Without a mistake it is done. */
#include "../fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void careless_throw(void);

typedef struct careless {
    const eh_host *host;
    char mistake[32]; /* {"do":"..."}, or empty */
} careless;

static bool says(const careless *this, const eh_event *event, const char *mistake) {
    return strcmp(this->mistake, mistake) == 0 || fixture_does(event, mistake);
}

static eh_status create(const eh_host *host, eh_bytes config, void **self, eh_reason *why) {
    static careless only;
    if (fixture_says(config, "create", "fails")) {
        eh_because(why, "config.no-currency", "currency is missing");
        return EH_INVALID;
    }
    if (fixture_says(config, "create", "fails-silently")) return EH_INVALID;
    if (fixture_says(config, "create", "never")) {
        eh_because(why, "warming-up", "ask again");
        return EH_UNAVAILABLE;
    }
    if (fixture_says(config, "create", "null")) *(volatile int *)(uintptr_t)8 = 1;
    only.host = host;
    only.mistake[0] = '\0';
    const char *mistake = strstr(config.data, "\"do\":\"");
    if (mistake) sscanf(mistake + 6, "%31[^\"]", only.mistake);
    *self = &only;
    return EH_OK;
}

/* ---- time */

static void answer_late(const careless *this, const eh_event *event, eh_result *result) {
    while (this->host->remaining_ms(this->host, event) > 0) usleep(1000);
    eh_done(result);
}

static void spin(void) {
    for (volatile int forever = 1; forever;) continue;
}

static void *sleep_on(void *unused) {
    pause();
    return unused;
}

static void start_thread(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, sleep_on, NULL) == 0) pthread_detach(thread);
}

/* ---- memory */

static void write_past(eh_result *result) {
    static const char text[] = "a reason that is far longer than what the header has room for, and copied without a look"
                               "a reason that is far longer than what the header has room for, and copied without a look"
                               "a reason that is far longer than what the header has room for, and copied without a look";
    char *volatile to = result->reason.detail;
    result->outcome = EH_RETRY;
    for (size_t i = 0; i < sizeof text; ++i) to[i] = text[i];
}

static void scribble(const eh_event *event) {
    eh_event *mine = (eh_event *)(uintptr_t)event;
    mine->attempt = 0xdead;
    mine->detail.size = 1;
}

static int recurse(volatile int depth) {
    volatile char frame[4096] = {0};
    return depth < 0 ? 0 : recurse(depth + 1) + frame[depth & 4095];
}

/* ---- what is told */

static void count_much(const careless *this) {
    for (int i = 0; i < 300; ++i) {
        char text[16];
        snprintf(text, sizeof text, "order-%d", i);
        eh_pair label = {eh_text("order"), eh_text(text)};
        this->host->count(this->host, eh_text("orders"), 1, &label, 1);
    }
    this->host->count(this->host, eh_text("Not A Name"), 1, NULL, 0);
}

static void flood(const careless *this, const eh_event *event) {
    for (int i = 0; i < 5000; ++i) this->host->log(this->host, event, EH_INFO, eh_text("flood"), NULL, 0);
}

static eh_status publish(const careless *this, const eh_event *event, const char *source, const char *detail) {
    const eh_publish *service = this->host->service(this->host, EH_SERVICE_PUBLISH);
    eh_draft draft = {.size = sizeof draft};
    draft.source = eh_text(source);
    draft.detail_type = eh_text("Thing.Made.v1");
    draft.resource = draft.correlation_id = eh_text("");
    draft.detail = eh_text(detail);
    return service->publish(this->host, event, &draft);
}

static void say_garbage(const careless *this, const eh_event *event, eh_result *result) {
    this->host->log(this->host, event, EH_INFO, eh_text("\xc3("), NULL, 0);
    publish(this, event, "\xff\xfe", "{}");
    eh_retry(result, 0, "order.\xff", "\xc3(");
}

static void write_much(const careless *this, const eh_event *event) {
    const eh_state *state = this->host->service(this->host, EH_SERVICE_STATE);
    for (int i = 0; i < 40; ++i) {
        char key[16];
        snprintf(key, sizeof key, "key-%d", i);
        state->put(this->host, event, eh_text(key), eh_text("value"), EH_VERSION_ANY, 0);
    }
}

static void write_frame(void) {
    static const unsigned char frame[18 + 4] = {4, 0, 0, 0, 131, 1, 99, 0, 0, 0, 7};
    send(3, frame, sizeof frame, MSG_NOSIGNAL);
    pause();
}

/* ---- which mistake is what */

static void harm(const careless *this, const eh_event *event, eh_result *result) {
    if (says(this, event, "late")) answer_late(this, event, result);
    if (says(this, event, "block")) pause();
    if (says(this, event, "spin")) spin();
    if (says(this, event, "crash")) *(volatile int *)(uintptr_t)8 = 1;
    if (says(this, event, "exit")) exit(0);
    if (says(this, event, "overrun")) write_past(result);
    if (says(this, event, "scribble")) scribble(event);
    if (says(this, event, "overflow")) recurse(0);
    if (says(this, event, "throw")) careless_throw();
    if (says(this, event, "thread")) start_thread();
    if (says(this, event, "close"))
        for (int fd = 0; fd < 32; ++fd) close(fd);
    if (says(this, event, "frame")) write_frame();
}

static void act(const careless *this, const eh_event *event, eh_result *result) {
    if (says(this, event, "nothing")) return;
    eh_done(result);
    harm(this, event, result);
    if (says(this, event, "metrics")) count_much(this);
    if (says(this, event, "text")) say_garbage(this, event, result);
    if (says(this, event, "flood")) flood(this, event);
    if (says(this, event, "effects")) write_much(this, event);
    if (says(this, event, "publish")) publish(this, event, "test.out", "{}");
    if (says(this, event, "draft")) publish(this, event, "test.out", "{]");
    if (says(this, event, "print")) puts("here I am");
    if (says(this, event, "reason")) eh_reject(result, "", "");
    /* Found by fuzzing: it trusts that an id is never an array. */
    if (says(this, event, "parser") && strstr(event->detail.data, "\"id\":[")) abort();
}

static void handle(void *self, const eh_batch *batch) {
    for (uint32_t i = 0; i < batch->count; ++i) {
        act(self, batch->events[i], batch->results[i]);
        if (says(self, batch->events[i], "first")) return;
    }
}

static void destroy(void *self) {
    const careless *this = self;
    if (strcmp(this->mistake, "destroy") == 0) abort();
}

static const eh_route routes[] = {{"test.in", "Thing.Asked.v1"}, {"test.in", "Thing.Dropped.v1"}};
static const char *const business_key[] = {"/thing/id", NULL};
static const eh_handler handler = {
    .size = sizeof(eh_handler), .route_count = 2, .id = "careless", .routes = routes, .create = create,
    .handle = handle, .destroy = destroy, .max_batch = 4, .summary = "makes mistakes", .business_key = business_key,
    .config_schema = "{\"type\":\"object\",\"properties\":{\"do\":{\"type\":\"string\"}}}",
};
static const eh_handler *const handlers[] = {&handler};

const eh_plugin *eh_plugin_entry_v1(void) {
    static const eh_plugin plugin = {
        .size = sizeof plugin, .abi_minor = EH_ABI_MINOR, .name = "careless", .version = "1.0.0",
        .built_with = "a C compiler", .handlers = handlers, .handler_count = 1,
    };
    return &plugin;
}

/*
 * event_handler.h - the contract between the sidecar (the host) and an event handler (the plugin).
 *
 * The whole idea, in one screen:
 *
 *     static void handle(void *self, const eh_batch *batch) {
 *        for (uint32_t i = 0; i < batch->count; ++i)
 *           eh_done(batch->results[i]);
 *     }
 *
 *     static const eh_handler hello = {
 *        .size = sizeof(eh_handler), .route_count = 1, .id = "hello", .routes = routes,
 *        .create = create, .handle = handle, .destroy = destroy,
 *     };
 *
 * A handler is a value, three functions, and a list of routes. Everything else here is optional.
 *
 * WHAT THE HOST HAS ALREADY DONE when handle() is called: the signature over `detail` was verified (over id,
 * source, detail_type and resource too if EH_EVENT_BOUND is set), the route matched, and the event was seen for
 * the first time, or its last attempt did not finish.
 *
 * THE ONE PROMISE   What a handler does through the host - state written, events published - is committed
 *                   if and only if its result for that event is EH_DONE, all at once, once per event.
 *                   A committed event is sent at least once, always under the same signed id. Calls to
 *                   services happen at least once, under a stable Idempotency-Key. Logs and metrics are
 *                   outside of the promise.
 *
 * OWNERSHIP         1. Whoever allocates, frees. No pointer is ever freed by the other side.
 *                   2. What is passed into a function is borrowed until that function returns.
 *                   3. What a service returns for an event is valid until handle() returns.
 *                   Text is UTF-8. eh_bytes coming from the host is never NULL, and has a NUL after its last
 *                   byte, not counted in `size`, so it may be given to C string functions; id, source,
 *                   detail_type, resource, key_id and group_id hold no NUL and no control character.
 *
 * THREADS           Every function below carries one tag.
 *                   [control]  one thread at a time per handler, and never while handle() of
 *                              the same instance runs. Has a deadline (10 s unless configured).
 *                   [worker]   a host worker thread, which may block; how many at once is the
 *                              handler's choice, see eh_threading.
 *                   [any]      any thread, concurrently, until destroy() returns.
 *                   A handler joins the threads it started before destroy() returns.
 *
 * TRUST             A handler runs in a worker process of its own, in a sandbox: no credentials, no network, no
 *                   files but its own library, no other process. What it needs from outside it asks of the host.
 *                   A crash, a hang or a leak costs the events in that worker a retry. The operator may run
 *                   trusted C code inside the sidecar instead (`isolation: inline`). stdout and stderr become log
 *                   lines. Exceptions, longjmp and Swift errors never cross this boundary.
 *
 * COMPATIBILITY     1. The digit in eh_plugin_entry_v1 is the major version. A change that breaks
 *                      is a new symbol; a host loads the newest one that it knows.
 *                   2. Within a major version a struct that begins with `size` grows at its end
 *                      only. Whoever allocates it sets `size`; neither side reads or writes beyond it; whoever
 *                      reads asks EH_HAS first for fields marked "since 1.N".
 *                   3. eh_bytes, eh_pair, eh_route and eh_reason have no `size` and never change.
 *                   4. Numbers are never reused. An unknown outcome is read as EH_RETRY.
 *                   5. A service is named "name/revision"; a change that breaks is a new revision.
 *
 * A pointer may be NULL only where its comment says so.
 *
 * This header needs nothing but the C standard library, and compiles as C11, C++17 and Swift.
 */
#ifndef EVENT_HANDLER_H
#define EVENT_HANDLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EH_ABI_MAJOR 1
#define EH_ABI_MINOR 0

#if defined(__GNUC__) || defined(__clang__)
#define EH_EXPORT __attribute__((visibility("default")))
#else
#define EH_EXPORT
#endif

#ifdef __cplusplus
#define EH_STATIC_ASSERT(condition, text) static_assert(condition, text)
extern "C" {
#else
#define EH_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

/* True if the struct at `p` was filled by a side that knew `field`. */
#define EH_HAS(p, field) ((p)->size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field))

/* ---------------------------------------------------------------- 1. values (frozen) --------- */

typedef struct eh_bytes {
    const char *data;
    size_t size;
} eh_bytes;

/* A log field, a metric label, an HTTP header, an event attribute. */
typedef struct eh_pair {
    eh_bytes key;
    eh_bytes value;
} eh_pair;

#define EH_CODE_SIZE 64
#define EH_DETAIL_SIZE 256

/* Why something did not succeed. Fixed arrays: there is nothing to allocate, own or free. */
typedef struct eh_reason {
    char code[EH_CODE_SIZE];     /* for machines, "order.unknown-sku": [a-z0-9.-]; a metric label, at most 64
                                  * different ones per handler, then "other" */
    char detail[EH_DETAIL_SIZE]; /* for people; never put a secret or personal data here */
} eh_reason;

/* ---------------------------------------------------------------- 2. events in ---------------- */

enum {
    EH_EVENT_BOUND = 1,          /* id, source, detail_type and resource were signed, too */
};

/* Only `detail` and `key_id` are always signed. Unless EH_EVENT_BOUND is set, id, source, detail_type and
 * resource are the envelope's word; correlation_id, trace_parent and attributes always are: take no decision
 * about money or rights from them. */
typedef struct eh_event {
    uint32_t size;
    uint32_t flags;              /* EH_EVENT_* */
    uint32_t attempt;            /* runs that counted, this one included: 1 at first */
    uint32_t deliveries;         /* how often the queue gave it to anybody */
    const void *host_data;       /* the host's own; opaque */

    eh_bytes id;                 /* the signed id where there is one, else the envelope's; the same on
                                  * every attempt and every redelivery */
    eh_bytes source;             /* "com.example.orders" */
    eh_bytes detail_type;        /* "OrderAccepted" */
    eh_bytes detail;             /* detailCore: the payload, exactly the bytes that were signed */
    eh_bytes key_id;             /* the key whose signature was verified */
    eh_bytes resource;           /* "urn:qsl:paymentgateway:payment:P-1", or empty */
    eh_bytes correlation_id;     /* from detail.trace, or empty */
    eh_bytes group_id;           /* the message group (FIFO queues only), or empty: order is kept in it */
    eh_bytes trace_parent;       /* W3C traceparent, or empty */
    int64_t time_unix_ms;        /* when it was signed */
    int64_t sent_unix_ms;        /* when the queue had it */
    int64_t deadline_unix_ms;    /* see remaining_ms */

    const eh_pair *attributes;   /* "user-id", "tenant-id", "device-id" from detail.trace. NULL if there are
                                  * none */
    uint32_t attribute_count;
    uint32_t reserved;
} eh_event;

/* ---------------------------------------------------------------- 3. results out -------------- */

typedef int32_t eh_outcome;
#define EH_RETRY ((eh_outcome)0)  /* try again after retry_after_ms; 0 leaves the delay to the host's backoff */
#define EH_DONE ((eh_outcome)1)   /* commit, and never deliver this event again */
#define EH_REJECT ((eh_outcome)2) /* it can never succeed: straight to the dead letters, with the reason */
#define EH_WAIT ((eh_outcome)3)   /* a dependency is down or throttles: later, and not an attempt; repeated, it
                                   * opens the circuit breaker; bounded by the event's total age */

/* The host zeroes every result first, so what a handler forgets to answer is retried, not lost. Other bytes in a
 * code than its comment allows become '-'. */
typedef struct eh_result {
    uint32_t size;
    eh_outcome outcome;
    uint64_t retry_after_ms;
    eh_reason reason;
} eh_result;

/* events[i] is answered by results[i]. One rule for one event and for many: count is at least 1 and
 * at most the handler's max_batch. Events of one batch share a route, and nothing else: never two of one
 * FIFO group. Each is committed, or not, alone. The deadline of handle() is the event's times count. If the process
 * dies in handle(), every event of that call is a suspect, and runs next in a call of its own. */
typedef struct eh_batch {
    uint32_t size;
    uint32_t count;
    const eh_event *const *events;
    eh_result *const *results;
} eh_batch;

/* ---------------------------------------------------------------- 4. what the host offers ----- */

typedef int32_t eh_level;
#define EH_TRACE ((eh_level)0)
#define EH_DEBUG ((eh_level)1)
#define EH_INFO ((eh_level)2)
#define EH_WARNING ((eh_level)3)
#define EH_ERROR ((eh_level)4)

typedef int32_t eh_status;
#define EH_OK ((eh_status)0)
#define EH_NOT_FOUND ((eh_status)-1)
#define EH_CONFLICT ((eh_status)-2)    /* the version did not match */
#define EH_TOO_LARGE ((eh_status)-3)
#define EH_EXPIRED ((eh_status)-4)     /* no time left, or the event was answered already */
#define EH_UNAVAILABLE ((eh_status)-5) /* not now: answer EH_WAIT */
#define EH_DENIED ((eh_status)-6)      /* the operator's configuration does not allow it */
#define EH_INVALID ((eh_status)-7)     /* a bug in the handler, or a config that cannot work */

/* One per handler instance; valid from create() until destroy() returns. */
typedef struct eh_host {
    uint32_t size;
    uint32_t abi_minor;
    const void *host_data;

    /* One structured log line; event and fields may be NULL. The host adds handler, event id and
     * trace, and cuts what is longer than a line: 4 kB, 32 fields. [any] */
    void (*log)(const struct eh_host *host, const eh_event *event, eh_level level,
                eh_bytes message, const eh_pair *fields, uint32_t field_count);

    /* Metrics, exported as handler_<id>_<name>; names and label names are [a-z_][a-z0-9_]*, at most 64 bytes, at most
     * 8 labels. Series per handler are limited to 200; what is beyond a limit is dropped and counted. [any] */
    void (*count)(const struct eh_host *host, eh_bytes name, uint64_t delta,
                  const eh_pair *labels, uint32_t label_count);
    void (*observe)(const struct eh_host *host, eh_bytes name, double value,
                    const eh_pair *labels, uint32_t label_count);

    /* Milliseconds left for this event. Zero or less means the deadline passed, the claim was lost or the
     * host is stopping: return now, whatever is unanswered is retried and costs no attempt. An answer
     * given later is ignored and counted. The only thing to poll; there is no other cancellation. [any] */
    int64_t (*remaining_ms)(const struct eh_host *host, const eh_event *event);

    /* A service by name, or NULL. Never NULL for a name listed in eh_handler.services: a plugin that lists what
     * the host lacks is not loaded. The table is the host's and lives as long as the host. [any] */
    const void *(*service)(const struct eh_host *host, const char *name);
} eh_host;

/* ---------------------------------------------------------------- 5. a handler ---------------- */

typedef int32_t eh_threading;
#define EH_SERIAL ((eh_threading)0)     /* one handle() at a time per instance; the default, nearly always right.
                                          * For more, the operator runs more workers (processes) */
#define EH_CONCURRENT ((eh_threading)1) /* handle() runs on up to max_concurrency threads; self is thread-safe */

/* Exact match, or "*" for any. The more exact route wins, source before detail_type. Two handlers of one
 * queue with the same route do not load. The operator's configuration may narrow routes, never widen. */
typedef struct eh_route {
    const char *source;
    const char *detail_type;
} eh_route;

typedef struct eh_handler {
    uint32_t size;
    uint32_t route_count;
    const char *id;               /* [a-z0-9-]{1,48}; names its metrics, its state and its config */
    const eh_route *routes;

    /* Makes an instance from its configuration, a JSON object. The configuration of an instance
     * never changes: a reload makes a new instance, then drains and destroys the old one, so two
     * may be alive at once. EH_INVALID, with `why`: this configuration cannot work, refuse the generation.
     * EH_UNAVAILABLE: not ready yet, ask again. After anything but EH_OK destroy is not called. [control] */
    eh_status (*create)(const eh_host *host, eh_bytes config, void **self, eh_reason *why);

    /* Answers every event of the batch. [worker] */
    void (*handle)(void *self, const eh_batch *batch);

    /* Called once, when no handle() is running and none will be; not when the process is killed: keep
     * nothing that needs it. [control] */
    void (*destroy)(void *self);

    /* The rest is optional: 0 or NULL. */
    eh_threading threading;
    uint32_t max_concurrency;     /* EH_CONCURRENT: 0 means 4; the host has 16 */
    uint32_t max_batch;           /* 0 means 1; the host has 10 */
    uint32_t reserved;
    const char *summary;          /* one line */
    const char *config_schema;    /* JSON Schema, draft 7, checked before create() */
    const char *const *services;  /* those it needs, NULL-terminated */

    /* The business idempotency key, as data. A NULL-terminated list of JSON Pointers (RFC 6901) into
     * `detail`; the key is the values found, in order, together with the detail type. Two events with one key are
     * one piece of work: once the first is EH_DONE the second is settled as a duplicate without handle(), though its
     * id differs; while the first is in flight the second waits. One key with another detail is a conflict, and
     * says so. An event that lacks a pointer is rejected, "dedup.key-missing". */
    const char *const *business_key;

    /* Keys that handle() will read, as templates with JSON Pointers in braces: "position:{/currency}". Their
     * values travel with the event, and eh_state.get answers without a round trip. NULL-terminated. */
    const char *const *state_keys;
} eh_handler;

/* ---------------------------------------------------------------- 6. the plugin --------------- */

typedef struct eh_plugin {
    uint32_t size;
    uint32_t abi_minor;           /* EH_ABI_MINOR at build time */
    const char *name;
    const char *version;          /* semantic version of the plugin itself */
    const char *built_with;       /* "clang-21", "swift-6.3.1": for people */
    const eh_handler *const *handlers;
    uint32_t handler_count;
    uint32_t reserved;
} eh_plugin;

/* The only symbol looked up. Fast, without side effects, callable more than once. Returns memory
 * that lives as long as the library, or NULL to refuse. The host never unloads a library. At most 64
 * handlers, 256 routes each, 64 KiB of schema. [control] */
EH_EXPORT const eh_plugin *eh_plugin_entry_v1(void);

/* ---------------------------------------------------------------- 7. services ----------------- */

/* Every service function takes the event it works for: that gives it its transaction, its trace and
 * the lifetime of what it returns. Any thread may call them while handle() of that event has not returned;
 * they may block, at most remaining_ms; with an event that is over they return EH_EXPIRED.
 * One event may read 256 keys, write 32, publish 16 events, set 16 timers and make 32 calls. A key is 1 to 512 bytes, a
 * value or a timer's detail at most 256 kB, a draft at most 400 kB (what the bus takes with its token), all together
 * 3 MB; the body of a request or an answer at most 1 MiB, all of them together 4 MiB.
 * EH_TOO_LARGE comes from the call that goes over: the same limits in every store, so that nothing that was committed
 * is too large to keep or to send. */

/* --- state: a small key-value store, one per handler id, kept across reloads and restarts --------
 * An event reads what is committed, what it wrote itself, and what earlier events of this handler wrote that
 * were answered EH_DONE: those commit before it or together with it, and if they fail it runs again. It never sees
 * a neighbour in its own batch. put and erase are buffered and travel with the result. At commit every key
 * that it read or wrote must still be at the version it saw, whatever if_version said; EH_VERSION_ANY on a key it
 * never read is the only blind write. An event that loses runs again at once, alone, without an attempt; ten losses
 * in a row are a retry, "handle.state-conflict". Versions never repeat, also not after an erase. */
#define EH_SERVICE_STATE "eh.state/1"
#define EH_VERSION_ANY 0xFFFFFFFFFFFFFFFFull
#define EH_VERSION_ABSENT 0ull

typedef struct eh_state {
    uint32_t size;
    /* EH_NOT_FOUND for a missing key, with an empty value and version EH_VERSION_ABSENT. A key that this event wrote
     * shows what it wrote, at the version that it had before. */
    eh_status (*get)(const eh_host *host, const eh_event *event, eh_bytes key, eh_bytes *value,
                     uint64_t *version /* may be NULL */);
    /* values[i] and versions[i] answer keys[i]; a missing one has version EH_VERSION_ABSENT. One round trip. */
    eh_status (*get_many)(const eh_host *host, const eh_event *event, const eh_bytes *keys,
                          uint32_t count, eh_bytes *values, uint64_t *versions);
    /* EH_CONFLICT at once where the version is known already and differs, else at commit. */
    eh_status (*put)(const eh_host *host, const eh_event *event, eh_bytes key, eh_bytes value,
                     uint64_t if_version, uint64_t ttl_ms /* 0: none */);
    eh_status (*erase)(const eh_host *host, const eh_event *event, eh_bytes key,
                       uint64_t if_version);
} eh_state;

/* --- publish: events out, sent after EH_DONE is committed, at least once ---------------------- */
#define EH_SERVICE_PUBLISH "eh.publish/1"

typedef struct eh_draft {
    uint32_t size;
    uint32_t attribute_count;
    eh_bytes source;
    eh_bytes detail_type;
    eh_bytes resource;            /* empty: the parent's. Events of one resource are sent in order */
    eh_bytes correlation_id;      /* empty: the parent's */
    eh_bytes detail;              /* JSON: becomes detailCore, canonicalised and signed. If it is not JSON the
                                   * parent is rejected, "publish.invalid" */
    const eh_pair *attributes;
} eh_draft;

typedef struct eh_publish {
    uint32_t size;
    /* What a handler may publish is listed in the operator's configuration, else EH_DENIED.
     * The new id is derived from the parent's id, this handler's id and the order of publishing, and it
     * travels signed (`jti`): a second attempt publishes the same ids, and consumers drop the repeats. */
    eh_status (*publish)(const eh_host *host, const eh_event *event, const eh_draft *draft);
} eh_publish;

/* --- call: one HTTP exchange with a co-located service, over its Unix socket ------------------ */
#define EH_SERVICE_CALL "eh.call/1"

typedef struct eh_request {
    uint32_t size;
    uint32_t header_count;
    eh_bytes service;             /* a name from the operator's configuration, never a path */
    eh_bytes method;              /* GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS */
    eh_bytes path;                /* absolute, with its query, percent-encoded; at most 4096 bytes */
    eh_bytes body;                /* may be empty */
    eh_bytes idempotency_key;     /* empty: derived, see eh_call; at most 255 bytes */
    const eh_pair *headers;       /* at most 32, of 16 kB in all; NULL if there are none. None of those that the host
                                   * adds, and none that belongs to the connection */
    uint64_t timeout_ms;          /* 0: remaining_ms; the operator's own limit holds in any case */
} eh_request;

typedef struct eh_response {
    uint32_t size;
    uint32_t status;              /* any HTTP status is EH_OK; only no answer is a failure */
    eh_bytes body;
    const eh_pair *headers;       /* without those of the connection; NULL if there are none */
    uint32_t header_count;
    uint32_t reserved;
} eh_response;

typedef struct eh_call {
    uint32_t size;
    /* Not part of the promise: it happens at once, and again on a retry. The host adds traceparent and
     * Idempotency-Key: from the event id, the handler id, service, method, path, and the how-manieth call of these,
     * so that it is the same on every attempt. (Calls alike from several threads have no order, and need a key of
     * their own.) Redirects are answers. EH_DENIED: the operator does not list the service for this handler.
     * EH_UNAVAILABLE: it is away, slow, broke off, or failed too often lately; also in a build on trial as a shadow,
     * which calls nobody. EH_TOO_LARGE may be said of an answer: the service has done what it did. */
    eh_status (*call)(const eh_host *host, const eh_event *event, const eh_request *request,
                      const eh_response **response /* the host's, valid until handle() returns; NULL unless EH_OK */);
} eh_call;

/* --- timer: an event to oneself, later; part of the promise ------------------------------------ */
#define EH_SERVICE_TIMER "eh.timer/1"

typedef struct eh_timer {
    uint32_t size;
    /* Arrives with source "outrigger.timer" and the handler's id as detail type, at or soon after at_unix_ms. One
     * timer per key: setting it again moves it, an empty detail removes it. */
    eh_status (*set)(const eh_host *host, const eh_event *event, eh_bytes key, int64_t at_unix_ms,
                     eh_bytes detail);
} eh_timer;

/* Reserved name: "eh.deferred/1" (answer after handle() returned). */

/* ---------------------------------------------------------------- 8. small helpers ------------ */

static inline eh_bytes eh_text(const char *text) {
    eh_bytes bytes = {text, strlen(text)};
    return bytes;
}

/* Copies at most size - 1 bytes and never cuts a UTF-8 character in two. */
static inline void eh_copy_text(char *to, size_t size, const char *from) {
    size_t length = strlen(from);
    if (length >= size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)from[length] & 0xC0) == 0x80) --length;
    }
    memcpy(to, from, length);
    to[length] = '\0';
}

static inline void eh_because(eh_reason *reason, const char *code, const char *detail) {
    eh_copy_text(reason->code, EH_CODE_SIZE, code);
    eh_copy_text(reason->detail, EH_DETAIL_SIZE, detail);
}

static inline void eh_done(eh_result *result) { result->outcome = EH_DONE; }

static inline void eh_retry(eh_result *result, uint64_t after_ms, const char *code,
                             const char *detail) {
    result->outcome = EH_RETRY;
    result->retry_after_ms = after_ms;
    eh_because(&result->reason, code, detail);
}

static inline void eh_wait(eh_result *result, uint64_t after_ms, const char *code,
                            const char *detail) {
    result->outcome = EH_WAIT;
    result->retry_after_ms = after_ms;
    eh_because(&result->reason, code, detail);
}

static inline void eh_reject(eh_result *result, const char *code, const char *detail) {
    result->outcome = EH_REJECT;
    eh_because(&result->reason, code, detail);
}

/* The layout is part of the contract (64-bit, little-endian). */
EH_STATIC_ASSERT(sizeof(eh_bytes) == 16, "eh_bytes is frozen");
EH_STATIC_ASSERT(sizeof(eh_pair) == 32, "eh_pair is frozen");
EH_STATIC_ASSERT(sizeof(eh_reason) == 320, "eh_reason is frozen");
EH_STATIC_ASSERT(offsetof(eh_result, reason) == 16, "eh_result grows at its end only");
EH_STATIC_ASSERT(sizeof(eh_route) == 16, "eh_route is frozen");
EH_STATIC_ASSERT(offsetof(eh_event, time_unix_ms) == 168, "eh_event grows at its end only");
EH_STATIC_ASSERT(offsetof(eh_event, attribute_count) == 200, "eh_event grows at its end only");
EH_STATIC_ASSERT(offsetof(eh_batch, results) == 16, "eh_batch grows at its end only");
EH_STATIC_ASSERT(offsetof(eh_host, service) == 48, "eh_host grows at its end only");
EH_STATIC_ASSERT(offsetof(eh_handler, state_keys) == 96, "eh_handler grows at its end only");
EH_STATIC_ASSERT(offsetof(eh_plugin, handler_count) == 40, "eh_plugin grows at its end only");
EH_STATIC_ASSERT(offsetof(eh_draft, attributes) == 88, "eh_draft grows at its end only");

#ifdef __cplusplus
}
#endif
#endif

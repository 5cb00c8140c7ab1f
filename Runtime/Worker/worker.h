/*
 * One plugin, frames on one socket: in a process of its own, or in threads of the sidecar.
 *
 *     main.c       the program outrigger-worker: the sandbox first
 *     sandbox.c    what is shut before the plugin is loaded, part by part: namespaces.c, landlock.c, filter.c
 *     instance.c   the order of things; create and destroy run on its thread
 *     inline.c     the same in the sidecar: its threads, and their end
 *     plugin.c     loads the library, checks and describes what its entry returns
 *     channel.c    the socket: one reader thread, any writer
 *     lanes.c      the threads that call handle(), and the marks for blame
 *     questions.c  what an event asks of the host, and its answer
 *     state.c      eh.state/1
 *     call.c       eh.call/1
 *     effects.c    eh.publish/1, eh.timer/1, and how an answer is written
 *     telemetry.c  log lines, folded metrics
 *     text.c       memory of one event, UTF-8
 *
 * Threads: control, the reader, which never runs handler code, and one thread a lane. Nothing is global: what a
 * thread needs comes by way of the host, the event or its own argument.
 */
#ifndef WORKER_H
#define WORKER_H

#include <event_handler.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdnoreturn.h>
#include <worker_protocol.h>

/* Exit statuses that the host puts in words. */
#define EXIT_USAGE 64
#define EXIT_PROTOCOL 70
#define EXIT_CHANNEL 74
#define EXIT_RESULT 71 /* the handler wrote outside of its eh_result */
#define EXIT_EVENT 72  /* the handler wrote over its eh_event */

/* ---- memory of one event: freed as a whole when handle() has returned */

typedef struct arena_block {
    struct arena_block *next;
    max_align_t data[];
} arena_block;

/* Zeroed memory, or NULL. */
void *arena_take(arena_block **arena, size_t size);
/* A copy with a NUL after it; an empty text where there is no memory. */
eh_bytes arena_copy(arena_block **arena, eh_bytes bytes);
void arena_free(arena_block **arena);

/* ---- one run of one event */

/* A key of handler state as this event knows it. */
typedef struct state_entry {
    eh_bytes key;
    eh_bytes value;        /* as committed */
    uint64_t version;
    bool known;            /* value and version are the host's */
    bool read;             /* get was asked: checked at commit */
    bool written;
    bool erased;
    eh_bytes new_value;
    uint64_t expected;     /* EH_VERSION_ANY: the handler gave none */
    uint64_t ttl_ms;
} state_entry;

typedef struct draft {
    eh_bytes source, detail_type, resource, correlation_id, detail;
    eh_pair *attributes;
    uint32_t attribute_count;
} draft;

typedef struct timer_change {
    eh_bytes key, detail;
    int64_t at_unix_ms;
} timer_change;

/* A result between two strips that no handler has any business in: what it writes there would be somebody else's. */
#define GUARD_BYTES 256
typedef struct guarded_result {
    unsigned char before[GUARD_BYTES];
    eh_result result;
    unsigned char after[GUARD_BYTES];
} guarded_result;

typedef struct worker worker;

typedef struct run {
    uint32_t number;
    uint64_t fence;
    worker *worker;
    _Atomic int64_t deadline_ms;  /* monotonic */
    _Atomic bool is_over;         /* revoked, or handle() has returned */
    eh_event event;
    eh_event given; /* as handle() got it */
    guarded_result answer;
    arena_block *arena;

    pthread_mutex_t lock;         /* everything below */
    pthread_cond_t answered;
    uint8_t *reply;               /* the answer to the one question under way */
    size_t reply_size;
    bool is_asking;
    state_entry entries[WP_STATE_READS + WP_STATE_WRITES];
    uint32_t entry_count, read_count, write_count;
    draft drafts[WP_PUBLISHES];
    uint32_t draft_count;
    timer_change timers[WP_TIMERS];
    uint32_t timer_count;
    size_t effects_size;
    uint32_t call_count;
    size_t call_bytes;            /* bodies of requests and answers */
} run;

/* The run behind an event, or NULL for an event that is none. */
run *run_of(const eh_event *event);
/* Locks the run; false, and unlocked, if the event is over. */
bool run_lock(run *r);

/* ---- the threads that call handle() */

typedef struct lane {
    worker *worker;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t index;
    uint32_t batch;
    uint32_t count;    /* events of the batch under way; 0 when idle */
    bool is_ending;
    uint8_t *payload;  /* owns the text of its events */
    run *runs;
} lane;

/* ---- the socket */

typedef struct channel {
    int descriptor;
    pthread_t reader;
    bool has_reader;
    pthread_mutex_t sending;
    pthread_mutex_t control; /* what waits for the control thread */
    pthread_cond_t changed;
    uint8_t *create_payload;
    size_t create_size;
    bool is_stopped;
} channel;

/* ---- log lines and metrics */

typedef struct series {
    uint8_t kind;
    uint8_t *labelled; /* name and labels as they are sent */
    size_t size;
    uint64_t count;
    double sum;
    uint64_t buckets[WP_METRIC_BUCKETS];
} series;

typedef struct telemetry {
    pthread_mutex_t lock;
    int64_t second;
    uint32_t lines, dropped_lines;
    series all[WP_METRIC_SERIES];
    uint32_t series_count, dropped_samples;
    int64_t flushed_at;
    bool is_dirty;
} telemetry;

/* ---- all of it */

typedef struct allowed_route {
    eh_bytes source, detail_type;
} allowed_route;

struct worker {
    bool is_inline;     /* in the sidecar: nothing here may end the process */
    _Atomic int status; /* what it ended with */
    const char *path;   /* of the library */
    uint32_t sandbox_bits, landlock_abi;
    const eh_plugin *plugin;
    const eh_handler *handler; /* set before CREATED */
    void *self;
    eh_host host;
    wp_blame_page *blame;
    uint32_t lane_count;
    uint32_t batch_most;
    uint64_t event_deadline_ms;
    allowed_route *allowed;
    uint32_t allowed_count;
    uint8_t *create_frame; /* owns what `allowed` points into */
    int threads;           /* /proc/self/stat, opened before the sandbox; -1 for none */
    _Atomic bool is_stopping;
    _Atomic bool is_cut;   /* the host is gone: what is not begun is not begun any more */
    channel channel;
    telemetry telemetry;
    lane lanes[WP_LANES];
    _Atomic uint32_t lanes_started; /* each is whole before it counts */
};

int64_t now_ms(void);

/* ---- instance.c */

/* Before any thread. */
void worker_prepare(worker *w, int descriptor);
/* From the plugin's loading to destroy(), on the control thread. */
noreturn void worker_live(worker *w);
/* This worker is over. The process exits; inline the socket is cut, and each thread returns when it can. */
void fail(worker *w, int status);
/* The same, and ends the calling thread, which is the worker's own and holds no lock. */
noreturn void leave(worker *w, int status);
/* What is not the handler's was written over. The process ends, inline too: with the marks standing. */
noreturn void wreck(worker *w, int status);
/* False where it cannot be had. Closes the file. */
bool worker_map_blame(worker *w, int file);
/* The worker behind what a handler passed, or NULL. */
worker *worker_of(const eh_host *host);

/* ---- plugin.c */

/* Loads and checks; on failure writes the refusal and leaves. */
const eh_plugin *plugin_load(worker *w);
void plugin_describe(worker *w, wp_writer *writer, const eh_plugin *plugin);
const eh_handler *plugin_handler(const eh_plugin *plugin, const char *id);

/* ---- channel.c */

/* Sends everything and empties the writer. Where the host is gone, fails the worker. */
void channel_send(worker *w, wp_writer *writer);
/* The same without a worker: false if the host is gone. */
bool channel_write(int descriptor, const wp_writer *writer);
void channel_start(worker *w);
/* Blocks until the host asks for create; NULL when it asks to stop. The frame's payload is the caller's. */
uint8_t *channel_next_create(worker *w, size_t *size);

/* ---- lanes.c */

void lanes_start(worker *w, uint32_t count);
void lanes_give(worker *w, uint32_t batch, uint8_t *payload, size_t size);
void lanes_revoke(worker *w, uint32_t number);
/* Every event is over. */
void lanes_revoke_all(worker *w);
void lanes_reply(worker *w, uint32_t number, uint8_t *payload, size_t size);
/* Whoever waits for an answer of the host goes on without it: the host stops. */
void lanes_hurry(worker *w);
void lanes_finish(worker *w);
/* Ends their threads, once they are idle, and frees them. */
void lanes_end(worker *w);
/* Threads that are neither the host's nor those of a handler whose destroy() keeps its word. */
uint32_t lanes_count_strangers(worker *w);

/* ---- questions.c: with the run locked, before and after */

/* Waits until no other thread of the event asks; false if the event is over by then. */
bool question_begin(run *r);
/* Sends the question and waits for the run's `reply`; false if none came while the event lasted. */
bool question_ask(run *r, wp_writer *question);
/* The reply was read. */
void question_end(run *r);

/* ---- services */

extern const eh_state state_service;
extern const eh_publish publish_service;
extern const eh_call call_service;
extern const eh_timer timer_service;
const void *service_find(const char *name);
void effects_write(wp_writer *writer, run *r);
bool effects_fit(run *r, size_t more);
void state_prefetched(run *r, eh_bytes key, eh_bytes value, uint64_t version);

/* ---- telemetry.c */

void telemetry_log(const eh_host *host, const eh_event *event, eh_level level, eh_bytes message,
                   const eh_pair *fields, uint32_t field_count);
void telemetry_count(const eh_host *host, eh_bytes name, uint64_t delta, const eh_pair *labels, uint32_t label_count);
void telemetry_observe(const eh_host *host, eh_bytes name, double value, const eh_pair *labels, uint32_t label_count);
/* Writes the samples folded since the last time, if there are any. */
void telemetry_flush(worker *w, wp_writer *writer);
/* The same, at most once in TELEMETRY_MS: for a frame that goes out anyway. */
#define TELEMETRY_MS 1000
void telemetry_flush_if_due(worker *w, wp_writer *writer);
/* Passes the status of a service on; one that only a bug earns becomes a log line. */
eh_status told(const eh_host *host, const eh_event *event, const char *call, eh_status status);
/* False when this second's lines are used up; then it is counted. */
bool telemetry_may_speak(worker *w);
void telemetry_end(worker *w);

/* ---- text.c */

/* True for UTF-8 of at most `most` bytes. */
bool is_text(eh_bytes bytes, size_t most);
/* True if there is also no control character in it: an identifier. */
bool is_identifier(eh_bytes bytes, size_t most);
/* At most `most` bytes, cut between characters. */
eh_bytes cut(eh_bytes bytes, size_t most);
bool is_same(eh_bytes a, eh_bytes b);

#endif

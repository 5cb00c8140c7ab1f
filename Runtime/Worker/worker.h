/*
 * outrigger-worker: sandbox first, then one plugin, frames on one socket.
 *
 *     main.c       the order of things; create and destroy run on its thread
 *     sandbox.c    what is shut before the plugin is loaded, part by part: namespaces.c, landlock.c, filter.c
 *     plugin.c     loads the library, checks and describes what its entry returns
 *     channel.c    the socket: one reader thread, any writer
 *     lanes.c      the threads that call handle(), and the marks for blame
 *     state.c      eh.state/1
 *     effects.c    eh.publish/1, eh.timer/1, and how an answer is written
 *     telemetry.c  log lines, folded metrics
 *     text.c       memory of one event, UTF-8
 *
 * Threads: main (control), the reader, which never runs handler code, and one thread a lane.
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

typedef struct run {
    uint32_t number;
    uint64_t fence;
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
} run;

/* The run behind an event, or NULL for an event that is none. */
run *run_of(const eh_event *event);
/* Locks the run; false, and unlocked, if the event is over. */
bool run_lock(run *r);

/* ---- the process */

typedef struct allowed_route {
    eh_bytes source, detail_type;
} allowed_route;

typedef struct worker {
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
    int status;            /* /proc/self/stat, opened before the sandbox */
    _Atomic bool is_stopping;
} worker;

extern worker the_worker;

int64_t now_ms(void);
noreturn void leave(int status);

/* ---- sandbox.c */

/* What the host asks for, in the program's arguments. */
typedef struct confinement {
    int mode;              /* WP_SANDBOX_... */
    uint64_t memory;       /* bytes of data */
    uint32_t open_files;
    uint32_t threads;
    uint32_t user;         /* uid and gid; 0 for the host's own */
    char *const *readable; /* paths; NULL-terminated */
    char **arguments;      /* the program's */
} confinement;

typedef struct sandbox {
    uint32_t bits;
    uint32_t landlock_abi;
} sandbox;

/* Refuses, and does not return, where what is demanded cannot be had. */
sandbox sandbox_enter(const confinement *c);

/* ---- plugin.c */

/* Loads and checks; on failure writes the refusal and leaves. */
const eh_plugin *plugin_load(void);
void plugin_describe(wp_writer *writer, const eh_plugin *plugin);
const eh_handler *plugin_handler(const eh_plugin *plugin, const char *id);

/* ---- channel.c */

/* Sends everything and empties the writer. Leaves if the host is gone. */
void channel_send(wp_writer *writer);
void channel_start(void);
/* Blocks until the host asks for create; NULL when it asks to stop. The frame's payload is the caller's. */
uint8_t *channel_next_create(size_t *size);

/* ---- lanes.c */

void lanes_start(uint32_t count);
void lanes_give(uint32_t batch, uint8_t *payload, size_t size);
void lanes_revoke(uint32_t number);
void lanes_reply(uint32_t number, uint8_t *payload, size_t size);
void lanes_finish(void);
/* Threads that are neither the host's nor those of a handler whose destroy() keeps its word. */
uint32_t lanes_count_strangers(void);

/* ---- services */

extern const eh_state state_service;
extern const eh_publish publish_service;
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
void telemetry_flush(wp_writer *writer);
/* The same, at most once in TELEMETRY_MS: for a frame that goes out anyway. */
#define TELEMETRY_MS 1000
void telemetry_flush_if_due(wp_writer *writer);
/* Passes the status of a service on; one that only a bug earns becomes a log line. */
eh_status told(const eh_event *event, const char *call, eh_status status);
/* False when this second's lines are used up; then it is counted. */
bool telemetry_may_speak(void);

/* ---- text.c */

/* True for UTF-8 of at most `most` bytes. */
bool is_text(eh_bytes bytes, size_t most);
/* True if there is also no control character in it: an identifier. */
bool is_identifier(eh_bytes bytes, size_t most);
/* At most `most` bytes, cut between characters. */
eh_bytes cut(eh_bytes bytes, size_t most);
bool is_same(eh_bytes a, eh_bytes b);

#endif

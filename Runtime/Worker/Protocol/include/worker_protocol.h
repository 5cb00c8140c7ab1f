/*
 * What the sidecar and a worker process say to each other: frames on one stream socket, and one mapped page.
 *
 * A frame is a header of 18 bytes and a payload, all numbers little-endian:
 *
 *     u32 length of the payload | u8 type | u8 protocol version | u32 stream | u64 fencing token
 *
 * `stream` is the number of an event (host-given, ascending, never given twice at a time) or of a batch; 0 where a
 * frame concerns neither. The fencing token is the attempt's, 0 where there is no event. In a payload, text and bytes
 * are a u32 size, the bytes, and a NUL that is not counted; a list is a u32 count and its entries.
 *
 * The worker trusts the host. The host trusts nothing: it has a decoder of its own, in Swift, and kills a worker that
 * sends what does not decode. This codec serves the worker.
 */
#ifndef WORKER_PROTOCOL_H
#define WORKER_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WP_VERSION 1
#define WP_HEADER_BYTES 18

/* Descriptors that a worker is born with. */
#define WP_CHANNEL_FD 3
#define WP_PLUGIN_FD 4
#define WP_BLAME_FD 5
#define WP_LIBRARY_FD 7 /* what a plugin loads itself: the functions that it calls */
#define WP_HEIR_FD 6 /* strict: a pipe, in which the first process names the one that takes its place */

/* ---- host to worker */
#define WP_CREATE 1       /* text handler, bytes config, u64 deadline of one event in ms,
                           * list of (text source, text detail type) that may be published */
#define WP_BATCH 2        /* stream: the batch. u32 lane, list of events, see lanes.c */
#define WP_REVOKE 3       /* stream: the event. Its remaining_ms is 0 from now on */
#define WP_STATE_VALUES 4 /* stream: the event. u8 failed, list of (u64 version, bytes value), as asked */
#define WP_STOP 5         /* finish what runs, destroy, leave */
#define WP_CALL_ANSWER 6  /* stream: the event. u8 WP_CALL_*; for WP_CALL_OK u32 status, list of (text name,
                           * text value), bytes body */

/* ---- worker to host */
#define WP_HELLO 128      /* u32 ABI minor, the sandbox in force, the plugin's description */
#define WP_REFUSED 129    /* u8 WP_REFUSED_*, text why. The worker leaves */
#define WP_CREATED 130    /* u8 WP_CREATE_*, text code, text detail */
#define WP_ANSWER 131     /* stream: the event. u8 outcome, u64 retry after ms, text code, text detail; for done its
                           * effects: reads, writes, drafts, timers */
#define WP_LOG 132        /* stream: the event or 0. u8 level, text message, list of (text key, text value) */
#define WP_METRICS 133    /* u32 samples and u32 log lines dropped, list of samples folded since the last such frame:
                           * u8 kind, text name, list of (text label, text value), then u64 sum of a count, or
                           * u64 count, u64 bits of the sum and WP_METRIC_BUCKETS u64 of a histogram */
#define WP_STATE_GET 134  /* stream: the event, which has one such question at a time. List of bytes key */
#define WP_DENIED 135     /* stream: the event. Text source, text detail type: published, and not allowed */

#define WP_CALL 136       /* stream: the event, which has one question at a time. Text service, text method, text path,
                           * text idempotency key, u64 timeout in ms, list of (text name, text value), bytes body */

#define WP_REFUSED_LOAD 1
#define WP_REFUSED_NO_ENTRY 2
#define WP_REFUSED_MISMATCH 3
#define WP_REFUSED_SANDBOX 4

/* How a log line begins that the worker writes itself, on a breach of event_handler.h that it saw. */
#define WP_CONTRACT "contract: "

#define WP_METRIC_COUNT 0
#define WP_METRIC_HISTOGRAM 1

#define WP_CREATE_OK 0
#define WP_CREATE_INVALID 1
#define WP_CREATE_NOT_READY 2

#define WP_CALL_OK 0
#define WP_CALL_UNAVAILABLE 1
#define WP_CALL_DENIED 2
#define WP_CALL_INVALID 3
#define WP_CALL_TOO_LARGE 4
#define WP_CALL_EXPIRED 5

/* The sandbox in force, as the first frame reports it: these bits, then u32 the Landlock ABI, 0 for none. */
#define WP_SANDBOX_LIMITS 1
#define WP_SANDBOX_NO_NEW_PRIVILEGES 2
#define WP_SANDBOX_SECCOMP 4
#define WP_SANDBOX_NOT_DUMPABLE 8
#define WP_SANDBOX_NO_CAPABILITIES 16
#define WP_SANDBOX_NAMESPACES 32 /* user, PID, network, IPC, UTS, mount, with a root of its own, threads limited */
#define WP_SANDBOX_OWN_USER 64

#define WP_SANDBOX_OFF 0
#define WP_SANDBOX_AVAILABLE 1
#define WP_SANDBOX_REQUIRED 2
#define WP_SANDBOX_STRICT 3
#define WP_SANDBOX_INSIDE 4      /* strict, within its namespaces: the worker's own second step */

/* ---- bounds, the same on both sides */
#define WP_FRAME_BYTES 16777216u     /* a batch of messages, with the state that travels with it */
#define WP_FROM_WORKER_BYTES 4194304u /* the effects of one event; everything else is smaller */
#define WP_DESCRIPTION_BYTES 1048576u /* 64 handlers with 256 short routes each */
#define WP_BATCH_EVENTS 10           /* what one receive brings */
#define WP_LANES 16                  /* handler threads of one process */
#define WP_STATE_KEY_BYTES 512
#define WP_STATE_VALUE_BYTES 262144
#define WP_STATE_WRITES 32
#define WP_STATE_READS 256
#define WP_PUBLISHES 16
#define WP_TIMERS 16
#define WP_DRAFT_BYTES 409600        /* EventBridge takes 1 MiB: detailCore, and again in base64 in the token */
#define WP_EFFECTS_BYTES 3145728
#define WP_CALLS 32
#define WP_CALL_BODY_BYTES 1048576   /* of one request, and of one answer */
#define WP_CALLS_BYTES 4194304       /* of all of one event */
#define WP_CALL_SERVICE_BYTES 48
#define WP_CALL_METHOD_BYTES 16
#define WP_CALL_PATH_BYTES 4096
#define WP_CALL_KEY_BYTES 255
#define WP_CALL_HEADERS 32
#define WP_CALL_HEADER_NAME_BYTES 128
#define WP_CALL_HEADERS_BYTES 16384  /* names and values */
#define WP_IDENTIFIER_BYTES 512
#define WP_ATTRIBUTES 16
#define WP_LOG_MESSAGE_BYTES 4096
#define WP_LOG_FIELDS 32
#define WP_LOG_KEY_BYTES 64
#define WP_LOG_VALUE_BYTES 1024
#define WP_LOG_LINES 200             /* a second; the rest is counted */
#define WP_METRIC_NAME_BYTES 64
#define WP_METRIC_LABELS 8
#define WP_METRIC_VALUE_BYTES 128
#define WP_METRIC_SERIES 200
#define WP_METRIC_BUCKETS 20         /* up to 0.001, 0.002, 0.005 ... 1000, and above */
#define WP_TEMPLATES 32              /* state keys that travel with an event; pointers of a business key */
#define WP_SERVICES 16

/* ---- the blame page: what a worker was in when it died. Two files per worker: this page, which both map, and the
 * events' identities, which are the host's alone. (In one file the worker could remap its page over them.) */
#define WP_BLAME_MAGIC 0x4f424c31u
#define WP_BLAME_PAGE_BYTES 4096
#define WP_BLAME_IDENTITY_BYTES 1152
#define WP_BLAME_EVENTS_BYTES 184320 /* an identity for each event of each lane */

/* A mark is batch << 32 | first << 16 | count: the events of that batch which the lane's thread is in; 0 for none. */
typedef struct wp_lane_mark {
    uint64_t mark;
    uint32_t batch; /* the host's: whose identities stand in the lane's slots */
    uint32_t unused[13]; /* a cache line of its own */
} wp_lane_mark;

typedef struct wp_blame_page {
    uint32_t magic;
    uint32_t version;
    uint32_t unused[14];
    wp_lane_mark lanes[WP_LANES];
} wp_blame_page;

_Static_assert(sizeof(wp_lane_mark) == 64 && sizeof(wp_blame_page) <= WP_BLAME_PAGE_BYTES, "one page");
_Static_assert(WP_BLAME_EVENTS_BYTES == WP_LANES * WP_BATCH_EVENTS * WP_BLAME_IDENTITY_BYTES, "all of them");

static inline uint64_t wp_mark_of(uint32_t batch, uint32_t first, uint32_t count) {
    return (uint64_t)batch << 32 | (uint64_t)(first & 0xffff) << 16 | (count & 0xffff);
}

static inline uint64_t wp_mark_read(const wp_blame_page *page, uint32_t lane) {
    return __atomic_load_n(&page->lanes[lane].mark, __ATOMIC_ACQUIRE);
}
static inline void wp_mark_write(wp_blame_page *page, uint32_t lane, uint64_t mark) {
    __atomic_store_n(&page->lanes[lane].mark, mark, __ATOMIC_RELEASE);
}
static inline void wp_lane_begin(wp_blame_page *page, uint32_t lane, uint32_t batch) {
    page->lanes[lane].batch = batch;
}
static inline uint32_t wp_lane_batch(const wp_blame_page *page, uint32_t lane) { return page->lanes[lane].batch; }

/* ---- the codec */

typedef struct wp_header {
    uint32_t length;
    uint8_t type;
    uint8_t version;
    uint32_t stream;
    uint64_t fence;
} wp_header;

void wp_header_write(uint8_t to[WP_HEADER_BYTES], const wp_header *header);
/* False for another version and for more than WP_FRAME_BYTES. */
bool wp_header_read(const uint8_t from[WP_HEADER_BYTES], wp_header *header);

/* Reads a payload that stays where it is. After the first short read everything reads as zero and `failed` is set. */
typedef struct wp_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
} wp_reader;

wp_reader wp_reader_of(const uint8_t *bytes, size_t size);
uint8_t wp_read_u8(wp_reader *reader);
uint32_t wp_read_u32(wp_reader *reader);
uint64_t wp_read_u64(wp_reader *reader);
/* A run of at most `most` bytes, inside the payload, with its NUL after it. */
const char *wp_read_bytes(wp_reader *reader, size_t most, size_t *size);
/* The count of a list whose entries take at least `least` bytes each, so that it bounds an allocation. */
uint32_t wp_read_count(wp_reader *reader, uint32_t most, size_t least);
/* True if everything was read and nothing is left. */
bool wp_read_all(const wp_reader *reader);

/* Collects frames. Grows to at most `limit` bytes, then sets `failed`. Free `data` at the end. */
typedef struct wp_writer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t limit;
    size_t frame; /* where the open frame begins */
    bool failed;
} wp_writer;

void wp_frame_begin(wp_writer *writer, uint8_t type, uint32_t stream, uint64_t fence);
void wp_frame_end(wp_writer *writer);
void wp_write_u8(wp_writer *writer, uint8_t value);
void wp_write_u32(wp_writer *writer, uint32_t value);
void wp_write_u64(wp_writer *writer, uint64_t value);
void wp_write_bytes(wp_writer *writer, const void *data, size_t size);
void wp_write_text(wp_writer *writer, const char *text);

#endif

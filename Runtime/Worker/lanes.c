/* The threads that call handle(), and the marks for blame.
 *
 * The reader decodes a batch and gives it to its lane; the lane runs it in calls of at most max_batch events and
 * answers after each call. A mark is taken back only when the answers are out: whoever dies in between is in it. */
#include "worker.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

run *run_of(const eh_event *event) { return event ? (run *)(uintptr_t)event->host_data : NULL; }

bool run_lock(run *r) {
    pthread_mutex_lock(&r->lock);
    if (!atomic_load(&r->is_over) && !atomic_load(&r->worker->is_stopping) &&
        now_ms() < atomic_load(&r->deadline_ms))
        return true;
    pthread_mutex_unlock(&r->lock);
    return false;
}

/* ---- decoding a batch, on the reader's thread */

static eh_bytes text_of(wp_reader *reader) {
    eh_bytes bytes;
    bytes.data = wp_read_bytes(reader, WP_FRAME_BYTES, &bytes.size);
    return bytes;
}

static void read_attributes(run *r, wp_reader *reader) {
    uint32_t count = wp_read_count(reader, WP_ATTRIBUTES, 10);
    eh_pair *pairs = count ? arena_take(&r->arena, count * sizeof *pairs) : NULL;
    for (uint32_t i = 0; i < count; ++i) {
        eh_pair pair = {text_of(reader), {"", 0}};
        pair.value = text_of(reader);
        if (pairs) pairs[i] = pair;
    }
    r->event.attributes = pairs;
    r->event.attribute_count = pairs ? count : 0;
}

static void read_event(run *r, wp_reader *reader) {
    r->number = wp_read_u32(reader);
    r->fence = wp_read_u64(reader);
    memset(&r->event, 0, sizeof r->event);
    memset(&r->answer.result, 0, sizeof r->answer.result);
    r->answer.result.size = sizeof r->answer.result;
    r->entry_count = r->read_count = r->write_count = r->draft_count = r->timer_count = 0;
    r->effects_size = r->call_bytes = 0;
    r->call_count = 0;
    r->is_asking = false;
    free(r->reply);
    r->reply = NULL;
    eh_event *e = &r->event;
    e->size = sizeof *e;
    e->host_data = r;
    e->flags = wp_read_u32(reader);
    e->attempt = wp_read_u32(reader);
    e->deliveries = wp_read_u32(reader);
    e->id = text_of(reader);
    e->source = text_of(reader);
    e->detail_type = text_of(reader);
    e->detail = text_of(reader);
    e->key_id = text_of(reader);
    e->resource = text_of(reader);
    e->correlation_id = text_of(reader);
    e->group_id = text_of(reader);
    e->trace_parent = text_of(reader);
    e->time_unix_ms = (int64_t)wp_read_u64(reader);
    e->sent_unix_ms = (int64_t)wp_read_u64(reader);
    read_attributes(r, reader);
    uint32_t known = wp_read_count(reader, WP_TEMPLATES, 18);
    for (uint32_t i = 0; i < known; ++i) {
        eh_bytes key = text_of(reader);
        uint64_t version = wp_read_u64(reader);
        state_prefetched(r, key, text_of(reader), version);
    }
    atomic_store(&r->deadline_ms, INT64_MAX);
    atomic_store(&r->is_over, false);
}

void lanes_give(worker *w, uint32_t batch, uint8_t *payload, size_t size) {
    wp_reader reader = wp_reader_of(payload, size);
    uint32_t index = wp_read_u32(&reader);
    uint32_t count = wp_read_count(&reader, WP_BATCH_EVENTS, 80);
    bool is_whole = count && index < w->lanes_started;
    if (is_whole) {
        lane *l = &w->lanes[index];
        pthread_mutex_lock(&l->lock);
        while (l->count) pthread_cond_wait(&l->changed, &l->lock); /* its answers are out, its thread not yet back */
        for (uint32_t i = 0; i < count; ++i) read_event(&l->runs[i], &reader);
        is_whole = wp_read_all(&reader);
        l->batch = batch;
        free(l->payload); /* of a batch that was not whole */
        l->payload = payload;
        l->count = is_whole ? count : 0;
        pthread_mutex_unlock(&l->lock);
        pthread_cond_broadcast(&l->changed); /* not before: who is woken would wait for the lock */
    } else {
        free(payload);
    }
    if (!is_whole) fail(w, EXIT_PROTOCOL);
}

/* ---- what concerns one event under way */

static run *find(worker *w, uint32_t number) {
    for (uint32_t i = 0; i < w->lanes_started; ++i)
        for (uint32_t j = 0; j < WP_BATCH_EVENTS; ++j)
            if (w->lanes[i].runs[j].number == number) return &w->lanes[i].runs[j];
    return NULL;
}

static void wake(run *r, bool is_over) {
    pthread_mutex_lock(&r->lock);
    if (is_over) atomic_store(&r->is_over, true);
    pthread_cond_broadcast(&r->answered);
    pthread_mutex_unlock(&r->lock);
}

static void wake_all(worker *w, bool is_over) {
    for (uint32_t i = 0; i < w->lanes_started; ++i)
        for (uint32_t j = 0; j < WP_BATCH_EVENTS; ++j) wake(&w->lanes[i].runs[j], is_over);
}

void lanes_revoke(worker *w, uint32_t number) {
    run *r = find(w, number);
    if (r) wake(r, true);
}

void lanes_revoke_all(worker *w) { wake_all(w, true); }
void lanes_hurry(worker *w) { wake_all(w, false); }

void lanes_reply(worker *w, uint32_t number, uint8_t *payload, size_t size) {
    run *r = find(w, number);
    if (r) {
        pthread_mutex_lock(&r->lock);
        if (r->is_asking && !r->reply) {
            r->reply = payload;
            r->reply_size = size;
            payload = NULL;
            pthread_cond_broadcast(&r->answered);
        }
        pthread_mutex_unlock(&r->lock);
    }
    free(payload);
}

/* ---- running */

static void write_answer(wp_writer *writer, run *r) {
    eh_result *result = &r->answer.result;
    bool is_known = result->outcome >= EH_RETRY && result->outcome <= EH_WAIT;
    uint8_t outcome = is_known ? (uint8_t)result->outcome : (uint8_t)EH_RETRY;
    wp_frame_begin(writer, WP_ANSWER, r->number, r->fence);
    wp_write_u8(writer, outcome);
    wp_write_u64(writer, result->retry_after_ms);
    wp_write_bytes(writer, result->reason.code, strnlen(result->reason.code, EH_CODE_SIZE));
    wp_write_bytes(writer, result->reason.detail, strnlen(result->reason.detail, EH_DETAIL_SIZE));
    if (outcome == EH_DONE) effects_write(writer, r);
    wp_frame_end(writer);
}

static void begin(run *r, uint64_t allowed_ms) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    r->event.deadline_unix_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + (int64_t)allowed_ms;
    r->given = r->event;
    atomic_store(&r->deadline_ms, now_ms() + (int64_t)allowed_ms);
}

#define GUARD 0xa7

/* Each byte is as the one before, and the first is as it was. */
static bool is_untouched(const unsigned char *strip) {
    return strip[0] == GUARD && memcmp(strip, strip + 1, GUARD_BYTES - 1) == 0;
}

/* Whose memory was written over cannot be believed any more: its process ends, with the marks standing. */
static void check_borders(const run *r) {
    if (!is_untouched(r->answer.before) || !is_untouched(r->answer.after)) wreck(r->worker, EXIT_RESULT);
    if (memcmp(&r->event, &r->given, sizeof r->event) != 0) wreck(r->worker, EXIT_EVENT);
}

static void run_call(lane *l, uint32_t first, uint32_t count) {
    worker *w = l->worker;
    const eh_event *events[WP_BATCH_EVENTS];
    eh_result *results[WP_BATCH_EVENTS];
    for (uint32_t i = 0; i < count; ++i) {
        run *r = &l->runs[first + i];
        begin(r, w->event_deadline_ms * count);
        events[i] = &r->event;
        results[i] = &r->answer.result;
    }
    eh_batch batch = {sizeof batch, count, events, results};
    wp_mark_write(w->blame, l->index, wp_mark_of(l->batch, first, count));
    w->handler->handle(w->self, &batch);
    for (uint32_t i = 0; i < count; ++i) check_borders(&l->runs[first + i]);
    wp_writer writer = {.limit = (size_t)WP_FROM_WORKER_BYTES * WP_BATCH_EVENTS};
    for (uint32_t i = 0; i < count; ++i) {
        run *r = &l->runs[first + i];
        pthread_mutex_lock(&r->lock);
        atomic_store(&r->is_over, true);
        write_answer(&writer, r);
        pthread_mutex_unlock(&r->lock);
        arena_free(&r->arena);
    }
    telemetry_flush_if_due(w, &writer);
    channel_send(w, &writer);
    wp_mark_write(w->blame, l->index, 0);
}

static void *run_lane(void *argument) {
    lane *l = argument;
    for (;;) {
        pthread_mutex_lock(&l->lock);
        while (!l->count && !l->is_ending) pthread_cond_wait(&l->changed, &l->lock);
        uint32_t count = l->count, most = l->worker->batch_most;
        pthread_mutex_unlock(&l->lock);
        if (!count) return NULL;
        for (uint32_t first = 0; first < count && !atomic_load(&l->worker->is_cut); first += most)
            run_call(l, first, count - first < most ? count - first : most);
        pthread_mutex_lock(&l->lock);
        free(l->payload);
        l->payload = NULL;
        l->count = 0;
        pthread_cond_broadcast(&l->changed);
        pthread_mutex_unlock(&l->lock);
    }
}

static void prepare(run *r, worker *w, pthread_condattr_t *monotonic) {
    r->worker = w;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->answered, monotonic);
    atomic_store(&r->is_over, true);
    memset(r->answer.before, GUARD, GUARD_BYTES);
    memset(r->answer.after, GUARD, GUARD_BYTES);
}

void lanes_start(worker *w, uint32_t count) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    for (uint32_t i = 0; i < count; ++i) {
        lane *l = &w->lanes[i];
        l->worker = w;
        l->index = i;
        l->runs = calloc(WP_BATCH_EVENTS, sizeof *l->runs);
        if (!l->runs) leave(w, EXIT_CHANNEL);
        for (uint32_t j = 0; j < WP_BATCH_EVENTS; ++j) prepare(&l->runs[j], w, &monotonic);
        pthread_mutex_init(&l->lock, NULL);
        pthread_cond_init(&l->changed, NULL);
        if (pthread_create(&l->thread, NULL, run_lane, l) != 0) leave(w, EXIT_CHANNEL);
        ++w->lanes_started;
    }
}

void lanes_finish(worker *w) {
    for (uint32_t i = 0; i < w->lanes_started; ++i) {
        lane *l = &w->lanes[i];
        pthread_mutex_lock(&l->lock);
        while (l->count) pthread_cond_wait(&l->changed, &l->lock);
        pthread_mutex_unlock(&l->lock);
    }
}

void lanes_end(worker *w) {
    for (uint32_t i = 0; i < w->lanes_started; ++i) {
        lane *l = &w->lanes[i];
        pthread_mutex_lock(&l->lock);
        l->is_ending = true;
        pthread_cond_broadcast(&l->changed);
        pthread_mutex_unlock(&l->lock);
        pthread_join(l->thread, NULL);
    }
    for (uint32_t i = 0; i < w->lanes_started; ++i) {
        for (uint32_t j = 0; j < WP_BATCH_EVENTS; ++j) {
            arena_free(&w->lanes[i].runs[j].arena);
            free(w->lanes[i].runs[j].reply);
        }
        free(w->lanes[i].payload);
        free(w->lanes[i].runs);
    }
}

/* The threads of this process (proc(5), stat: the 18th word after its name), 0 where that cannot be read. */
static uint32_t count_threads(const worker *w) {
    char text[512];
    ssize_t size = pread(w->threads, text, sizeof text - 1, 0);
    if (size <= 0) return 0;
    text[size] = '\0';
    const char *at = strrchr(text, ')');
    for (int word = 0; at && word < 18; ++word) at = strchr(at + 1, ' ');
    return at ? (uint32_t)strtoul(at, NULL, 10) : 0;
}

uint32_t lanes_count_strangers(worker *w) {
    uint32_t ours = 2 + w->lane_count; /* control and the reader */
    for (int patience = 50; w->threads >= 0; --patience) {
        uint32_t threads = count_threads(w);
        if (threads <= ours) return 0;
        if (!patience) return threads - ours;
        usleep(2000); /* one that was joined takes a moment to be gone */
    }
    return 0;
}

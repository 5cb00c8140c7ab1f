// The host of one worker, on a thread of its own.

#include "conversation.h"

#include <worker_inline.h>
#include <worker_protocol.h>

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KEPT = 1 << 20, EVENTS = 3, DEADLINE_MS = 20, PATIENCE_MS = 30000 };

typedef struct script {
    const uint8_t *at, *end;
} script;

typedef struct host {
    int descriptor, blame;
    const char *plugin;
    int32_t status;
    script input;
    conversation heard;
    uint32_t asked_by; /* the event of the last question */
    uint32_t asked;    /* keys of it */
    uint32_t answers;  /* still to come */
    uint32_t next_event;
} host;

static void *live(void *argument) {
    host *h = argument;
    h->status = worker_run_inline(h->descriptor, h->blame, h->plugin);
    return NULL;
}

/* ---- saying */

static bool say(int to, wp_writer *writer) {
    size_t sent = 0;
    while (!writer->failed && sent < writer->size) {
        ssize_t count = send(to, writer->data + sent, writer->size - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += (size_t)count;
    }
    bool is_said = !writer->failed && sent == writer->size;
    free(writer->data);
    return is_said;
}

static bool say_create(int to) {
    wp_writer w = {.limit = WP_FRAME_BYTES};
    wp_frame_begin(&w, WP_CREATE, 0, 0);
    wp_write_text(&w, "scripted");
    wp_write_text(&w, "");
    wp_write_u64(&w, DEADLINE_MS);
    wp_write_u32(&w, 1);
    wp_write_text(&w, "bank.pay");
    wp_write_text(&w, "*");
    wp_frame_end(&w);
    return say(to, &w);
}

static void write_event(wp_writer *w, uint32_t number, const uint8_t *detail, size_t size) {
    wp_write_u32(w, number);
    wp_write_u64(w, number);
    for (int i = 0; i < 3; i++) wp_write_u32(w, 1);
    for (int i = 0; i < 3; i++) wp_write_text(w, "text");
    wp_write_bytes(w, detail, size);
    for (int i = 0; i < 5; i++) wp_write_text(w, i % 2 ? "text" : "");
    for (int i = 0; i < 2; i++) wp_write_u64(w, 1760000000000);
    wp_write_u32(w, 1);
    wp_write_text(w, "user-id");
    wp_write_text(w, "u");
    wp_write_u32(w, 1);
    wp_write_text(w, "k");
    wp_write_u64(w, 3);
    wp_write_text(w, "value");
}

static bool say_batch(host *h, int to, script part) {
    script details[EVENTS];
    uint32_t count = 0;
    while (count < EVENTS) {
        const uint8_t *cut = part.at == part.end ? NULL : memchr(part.at, 255, (size_t)(part.end - part.at));
        details[count++] = (script){part.at, cut ? cut : part.end};
        if (!cut) break;
        part.at = cut + 1;
    }
    wp_writer w = {.limit = WP_FRAME_BYTES};
    wp_frame_begin(&w, WP_BATCH, 1, 0);
    wp_write_u32(&w, 0);
    wp_write_u32(&w, count);
    for (uint32_t i = 0; i < count; i++)
        write_event(&w, ++h->next_event, details[i].at, (size_t)(details[i].end - details[i].at));
    wp_frame_end(&w);
    h->answers = count;
    return say(to, &w);
}

static bool say_values(const host *h, int to, script part) {
    wp_writer w = {.limit = WP_FRAME_BYTES};
    wp_frame_begin(&w, WP_STATE_VALUES, h->asked_by, h->asked_by);
    wp_write_u8(&w, part.at < part.end ? *part.at & 1 : 1);
    wp_write_u32(&w, h->asked);
    for (uint32_t i = 0; i < h->asked; i++) {
        wp_write_u64(&w, i % 2);
        wp_write_bytes(&w, part.at, (size_t)(part.end - part.at));
    }
    wp_frame_end(&w);
    return say(to, &w);
}

static bool say_answer(const host *h, int to, script part) {
    size_t count = (size_t)(part.end - part.at);
    wp_writer w = {.limit = WP_FRAME_BYTES};
    wp_frame_begin(&w, WP_CALL_ANSWER, h->asked_by, h->asked_by);
    wp_write_u8(&w, count ? *part.at % 6 : 0);
    wp_write_u32(&w, 200);
    wp_write_u32(&w, 1);
    wp_write_text(&w, "name");
    wp_write_bytes(&w, part.at, count % 64);
    wp_write_bytes(&w, part.at, count);
    wp_frame_end(&w);
    return say(to, &w);
}

static bool say_raw(host *h, int to, uint8_t type, script part) {
    wp_writer w = {.limit = WP_FRAME_BYTES};
    wp_frame_begin(&w, type, h->asked_by, h->asked_by);
    wp_frame_end(&w);
    w.limit = w.size + (size_t)(part.end - part.at);
    while (part.at < part.end) wp_write_u8(&w, *part.at++);
    wp_frame_end(&w);
    h->answers = type == WP_BATCH;
    return say(to, &w);
}

/* The next frame of the input; false if there is none, or nobody to hear it. */
static bool say_next(host *h, int to) {
    script *s = &h->input;
    if (s->end - s->at < 3) return false;
    uint8_t type = s->at[0];
    size_t size = s->at[1] | (size_t)s->at[2] << 8, left = (size_t)(s->end - s->at) - 3;
    script part = {s->at + 3, s->at + 3 + (size < left ? size : left)};
    s->at = part.end;
    switch (type) {
    case 'B': return say_batch(h, to, part);
    case 'S': return say_values(h, to, part);
    case 'C': return say_answer(h, to, part);
    default: return say_raw(h, to, type, part);
    }
}

/* ---- hearing */

static bool hear(host *h, int from, void *to, size_t count) {
    for (size_t got = 0; got < count;) {
        struct pollfd readable = {from, POLLIN, 0};
        if (poll(&readable, 1, PATIENCE_MS) <= 0) abort(); /* it hangs */
        ssize_t size = recv(from, (uint8_t *)to + got, count - got, 0);
        if (size <= 0) return false;
        got += (size_t)size;
    }
    (void)h;
    return true;
}

/* A frame of the worker, kept while there is room; its type, or 0 at the end. */
static uint8_t hear_frame(host *h, int from) {
    uint8_t bytes[WP_HEADER_BYTES];
    wp_header header;
    if (!hear(h, from, bytes, sizeof bytes)) return 0;
    if (!wp_header_read(bytes, &header)) abort();
    uint8_t *payload = malloc(header.length + 1);
    if (!payload || !hear(h, from, payload, header.length)) abort();
    if (h->heard.count + sizeof bytes + header.length <= KEPT) {
        memcpy(h->heard.said + h->heard.count, bytes, sizeof bytes);
        memcpy(h->heard.said + h->heard.count + sizeof bytes, payload, header.length);
        h->heard.count += sizeof bytes + header.length;
    }
    wp_reader reader = wp_reader_of(payload, header.length);
    if (header.type == WP_STATE_GET) h->asked = wp_read_u32(&reader);
    if (header.type == WP_STATE_GET || header.type == WP_CALL) h->asked_by = header.stream;
    if (header.type == WP_ANSWER && h->answers > 0) --h->answers;
    free(payload);
    return header.type;
}

/* Until the worker wants something; false at its end. */
static bool hear_until_asked(host *h, int from) {
    for (;;) {
        uint8_t type = hear_frame(h, from);
        if (type == 0) return false;
        if (type == WP_STATE_GET || type == WP_CALL || type == WP_CREATED) return true;
        if (type == WP_ANSWER && h->answers == 0) return true;
    }
}

static void converse(host *h, int end) {
    bool goes_on = say_create(end) && hear_until_asked(h, end);
    while (goes_on) {
        bool is_asked = h->answers > 0;
        goes_on = say_next(h, end);
        if (goes_on && (is_asked || h->answers > 0)) goes_on = hear_until_asked(h, end);
    }
    wp_writer stop = {.limit = WP_FRAME_BYTES};
    wp_frame_begin(&stop, WP_STOP, 0, 0);
    wp_frame_end(&stop);
    say(end, &stop);
    shutdown(end, SHUT_WR);
    while (hear_frame(h, end)) continue;
}

conversation conversation_run(const char *plugin, const uint8_t *input, size_t count) {
    host h = {.plugin = plugin, .input = {input, input + count}};
    int ends[2];
    pthread_t thread;
    h.heard.said = malloc(KEPT);
    h.blame = memfd_create("blame", MFD_CLOEXEC);
    if (!h.heard.said || h.blame < 0 || ftruncate(h.blame, WP_BLAME_PAGE_BYTES) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        abort();
    h.descriptor = ends[0];
    if (pthread_create(&thread, NULL, live, &h) != 0) abort();
    converse(&h, ends[1]);
    pthread_join(thread, NULL);
    close(ends[1]);
    h.heard.status = h.status;
    return h.heard;
}

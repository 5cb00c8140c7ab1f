/* The socket to the host: one reader thread, any writer. */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

/* ---- writing */

bool channel_write(int descriptor, const wp_writer *writer) {
    for (size_t sent = 0; sent < writer->size;) {
        ssize_t count = send(descriptor, writer->data + sent, writer->size - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        sent += (size_t)count;
    }
    return true;
}

void channel_send(worker *w, wp_writer *writer) {
    pthread_mutex_lock(&w->channel.sending);
    bool is_sent = !writer->failed && channel_write(w->channel.descriptor, writer);
    pthread_mutex_unlock(&w->channel.sending);
    if (!is_sent) fail(w, EXIT_CHANNEL);
    free(writer->data);
    writer->data = NULL;
    writer->size = writer->capacity = 0;
}

/* ---- what waits for the control thread */

uint8_t *channel_next_create(worker *w, size_t *size) {
    channel *c = &w->channel;
    pthread_mutex_lock(&c->control);
    while (!c->create_payload && !c->is_stopped) pthread_cond_wait(&c->changed, &c->control);
    uint8_t *payload = c->is_stopped ? NULL : c->create_payload;
    if (payload) c->create_payload = NULL;
    *size = c->create_size;
    pthread_mutex_unlock(&c->control);
    return payload;
}

static void take_create(worker *w, uint8_t *payload, size_t size) {
    channel *c = &w->channel;
    pthread_mutex_lock(&c->control);
    bool is_second = c->create_payload != NULL;
    if (!is_second) {
        c->create_payload = payload;
        c->create_size = size;
    }
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->control);
    if (!is_second) return;
    free(payload);
    fail(w, EXIT_PROTOCOL);
}

static void take_stop(worker *w) {
    atomic_store(&w->is_stopping, true);
    pthread_mutex_lock(&w->channel.control);
    w->channel.is_stopped = true;
    pthread_cond_signal(&w->channel.changed);
    pthread_mutex_unlock(&w->channel.control);
    lanes_hurry(w);
}

/* ---- reading */

/* Waits for the host, and meanwhile sends folded metrics now and then. */
static void await_input(worker *w) {
    struct pollfd readable = {w->channel.descriptor, POLLIN, 0};
    while (poll(&readable, 1, TELEMETRY_MS) == 0) {
        wp_writer writer = {.limit = WP_FROM_WORKER_BYTES};
        telemetry_flush(w, &writer);
        channel_send(w, &writer);
    }
}

static bool read_whole(worker *w, uint8_t *to, size_t size) {
    while (size > 0) {
        ssize_t count = recv(w->channel.descriptor, to, size, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) { /* the host is gone, and with it every reason to be */
            fail(w, count == 0 ? EXIT_SUCCESS : EXIT_CHANNEL);
            return false;
        }
        to += count;
        size -= (size_t)count;
    }
    return true;
}

/* The payload is another's from here on. */
static void take(worker *w, const wp_header *header, uint8_t *payload) {
    switch (header->type) {
    case WP_CREATE: return take_create(w, payload, header->length);
    case WP_BATCH: return lanes_give(w, header->stream, payload, header->length);
    case WP_STATE_VALUES:
    case WP_CALL_ANSWER: return lanes_reply(w, header->stream, payload, header->length);
    case WP_REVOKE: lanes_revoke(w, header->stream); break;
    case WP_STOP: take_stop(w); break;
    default: fail(w, EXIT_PROTOCOL);
    }
    free(payload);
}

static bool read_frame(worker *w) {
    uint8_t bytes[WP_HEADER_BYTES];
    wp_header header;
    await_input(w);
    if (!read_whole(w, bytes, sizeof bytes)) return false;
    uint8_t *payload = wp_header_read(bytes, &header) ? malloc(header.length + 1) : NULL;
    if (!payload) {
        fail(w, EXIT_PROTOCOL);
        return false;
    }
    if (!read_whole(w, payload, header.length)) {
        free(payload);
        return false;
    }
    take(w, &header, payload);
    return true;
}

static void *read_frames(void *argument) {
    worker *w = argument;
    while (read_frame(w)) continue;
    atomic_store(&w->is_cut, true);
    take_stop(w);
    lanes_revoke_all(w);
    return NULL;
}

void channel_start(worker *w) {
    if (pthread_create(&w->channel.reader, NULL, read_frames, w) != 0) leave(w, EXIT_CHANNEL);
    w->channel.has_reader = true;
}

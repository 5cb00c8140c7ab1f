/* The socket to the host: one reader thread, any writer. */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

/* ---- writing */

static pthread_mutex_t sending = PTHREAD_MUTEX_INITIALIZER;

void channel_send(wp_writer *writer) {
    if (writer->failed) leave(EXIT_CHANNEL);
    pthread_mutex_lock(&sending);
    for (size_t sent = 0; sent < writer->size;) {
        ssize_t count = send(WP_CHANNEL_FD, writer->data + sent, writer->size - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) leave(EXIT_CHANNEL);
        sent += (size_t)count;
    }
    pthread_mutex_unlock(&sending);
    free(writer->data);
    writer->data = NULL;
    writer->size = writer->capacity = 0;
}

/* ---- what waits for the control thread */

static pthread_mutex_t control = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static uint8_t *create_payload;
static size_t create_size;
static bool is_stopped;

uint8_t *channel_next_create(size_t *size) {
    pthread_mutex_lock(&control);
    while (!create_payload && !is_stopped) pthread_cond_wait(&changed, &control);
    uint8_t *payload = is_stopped ? NULL : create_payload;
    *size = create_size;
    create_payload = NULL;
    pthread_mutex_unlock(&control);
    return payload;
}

static void take_create(uint8_t *payload, size_t size) {
    pthread_mutex_lock(&control);
    if (create_payload) leave(EXIT_PROTOCOL);
    create_payload = payload;
    create_size = size;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&control);
}

static void take_stop(void) {
    atomic_store(&the_worker.is_stopping, true);
    pthread_mutex_lock(&control);
    is_stopped = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&control);
}

/* ---- reading */

/* Waits for the host, and meanwhile sends folded metrics now and then. */
static void await_input(void) {
    struct pollfd channel = {WP_CHANNEL_FD, POLLIN, 0};
    while (poll(&channel, 1, TELEMETRY_MS) == 0) {
        wp_writer writer = {.limit = WP_FROM_WORKER_BYTES};
        telemetry_flush(&writer);
        channel_send(&writer);
    }
}

static void read_whole(uint8_t *to, size_t size) {
    while (size > 0) {
        ssize_t count = recv(WP_CHANNEL_FD, to, size, 0);
        if (count < 0 && errno == EINTR) continue;
        /* The host is gone, and with it every reason to be. */
        if (count <= 0) leave(count == 0 ? EXIT_SUCCESS : EXIT_CHANNEL);
        to += count;
        size -= (size_t)count;
    }
}

static void *read_frames(void *unused) {
    (void)unused;
    for (;;) {
        uint8_t bytes[WP_HEADER_BYTES];
        wp_header header;
        await_input();
        read_whole(bytes, sizeof bytes);
        if (!wp_header_read(bytes, &header)) leave(EXIT_PROTOCOL);
        uint8_t *payload = malloc(header.length + 1);
        if (!payload) leave(EXIT_CHANNEL);
        read_whole(payload, header.length);
        switch (header.type) {
        case WP_CREATE: take_create(payload, header.length); break;
        case WP_BATCH: lanes_give(header.stream, payload, header.length); break;
        case WP_STATE_VALUES: lanes_reply(header.stream, payload, header.length); break;
        case WP_REVOKE:
            lanes_revoke(header.stream);
            free(payload);
            break;
        case WP_STOP:
            take_stop();
            free(payload);
            break;
        default: leave(EXIT_PROTOCOL);
        }
    }
    return NULL;
}

void channel_start(void) {
    pthread_t reader;
    if (pthread_create(&reader, NULL, read_frames, NULL) != 0) leave(EXIT_CHANNEL);
    pthread_detach(reader);
}

/* Frames to bytes and back, without a system call. */
#include "worker_protocol.h"

#include <stdlib.h>
#include <string.h>

static uint64_t load(const uint8_t *from, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i) value |= (uint64_t)from[i] << (8 * i);
    return value;
}

static void store(uint8_t *to, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) to[i] = (uint8_t)(value >> (8 * i));
}

void wp_header_write(uint8_t to[WP_HEADER_BYTES], const wp_header *header) {
    store(to, header->length, 4);
    to[4] = header->type;
    to[5] = header->version;
    store(to + 6, header->stream, 4);
    store(to + 10, header->fence, 8);
}

bool wp_header_read(const uint8_t from[WP_HEADER_BYTES], wp_header *header) {
    header->length = (uint32_t)load(from, 4);
    header->type = from[4];
    header->version = from[5];
    header->stream = (uint32_t)load(from + 6, 4);
    header->fence = load(from + 10, 8);
    return header->version == WP_VERSION && header->length <= WP_FRAME_BYTES;
}

/* ---- reading */

wp_reader wp_reader_of(const uint8_t *bytes, size_t size) {
    wp_reader reader = {bytes, bytes + size, false};
    return reader;
}

static const uint8_t *take(wp_reader *reader, size_t size) {
    if (reader->failed || (size_t)(reader->end - reader->at) < size) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *here = reader->at;
    reader->at += size;
    return here;
}

uint8_t wp_read_u8(wp_reader *reader) {
    const uint8_t *here = take(reader, 1);
    return here ? *here : 0;
}

uint32_t wp_read_u32(wp_reader *reader) {
    const uint8_t *here = take(reader, 4);
    return here ? (uint32_t)load(here, 4) : 0;
}

uint64_t wp_read_u64(wp_reader *reader) {
    const uint8_t *here = take(reader, 8);
    return here ? load(here, 8) : 0;
}

const char *wp_read_bytes(wp_reader *reader, size_t most, size_t *size) {
    *size = 0;
    size_t count = wp_read_u32(reader);
    if (count > most) reader->failed = true;
    const uint8_t *here = take(reader, count + 1);
    if (here && here[count] != 0) {
        reader->failed = true;
        here = NULL;
    }
    if (!here) return "";
    *size = count;
    return (const char *)here;
}

uint32_t wp_read_count(wp_reader *reader, uint32_t most, size_t least) {
    uint32_t count = wp_read_u32(reader);
    if (count > most || (size_t)count * least > (size_t)(reader->end - reader->at)) reader->failed = true;
    return reader->failed ? 0 : count;
}

bool wp_read_all(const wp_reader *reader) { return !reader->failed && reader->at == reader->end; }

/* ---- writing */

static uint8_t *room(wp_writer *writer, size_t size) {
    if (writer->failed || size > writer->limit - writer->size) {
        writer->failed = true;
        return NULL;
    }
    if (writer->size + size > writer->capacity) {
        size_t capacity = writer->capacity ? writer->capacity : 1024;
        while (capacity < writer->size + size) capacity *= 2;
        uint8_t *data = realloc(writer->data, capacity);
        if (!data) {
            writer->failed = true;
            return NULL;
        }
        writer->data = data;
        writer->capacity = capacity;
    }
    uint8_t *here = writer->data + writer->size;
    writer->size += size;
    return here;
}

void wp_write_u8(wp_writer *writer, uint8_t value) {
    uint8_t *to = room(writer, 1);
    if (to) *to = value;
}

void wp_write_u32(wp_writer *writer, uint32_t value) {
    uint8_t *to = room(writer, 4);
    if (to) store(to, value, 4);
}

void wp_write_u64(wp_writer *writer, uint64_t value) {
    uint8_t *to = room(writer, 8);
    if (to) store(to, value, 8);
}

void wp_write_bytes(wp_writer *writer, const void *data, size_t size) {
    if (size > WP_FRAME_BYTES) {
        writer->failed = true;
        return;
    }
    uint8_t *to = room(writer, 4 + size + 1);
    if (!to) return;
    store(to, size, 4);
    if (size) memcpy(to + 4, data, size);
    to[4 + size] = 0;
}

void wp_write_text(wp_writer *writer, const char *text) { wp_write_bytes(writer, text, strlen(text)); }

void wp_frame_begin(wp_writer *writer, uint8_t type, uint32_t stream, uint64_t fence) {
    writer->frame = writer->size;
    uint8_t *to = room(writer, WP_HEADER_BYTES);
    wp_header header = {0, type, WP_VERSION, stream, fence};
    if (to) wp_header_write(to, &header);
}

void wp_frame_end(wp_writer *writer) {
    if (!writer->failed) store(writer->data + writer->frame, writer->size - writer->frame - WP_HEADER_BYTES, 4);
}

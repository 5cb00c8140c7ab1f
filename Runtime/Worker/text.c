/* Memory of one event, and UTF-8 (RFC 3629). */
#include "worker.h"

#include <stdlib.h>

void *arena_take(arena_block **arena, size_t size) {
    if (size > WP_FRAME_BYTES) return NULL;
    arena_block *block = calloc(1, sizeof *block + size);
    if (!block) return NULL;
    block->next = *arena;
    *arena = block;
    return block->data;
}

eh_bytes arena_copy(arena_block **arena, eh_bytes bytes) {
    eh_bytes copy = {"", 0};
    char *data = arena_take(arena, bytes.size + 1);
    if (!data) return copy;
    if (bytes.size) memcpy(data, bytes.data, bytes.size);
    copy.data = data;
    copy.size = bytes.size;
    return copy;
}

void arena_free(arena_block **arena) {
    while (*arena) {
        arena_block *next = (*arena)->next;
        free(*arena);
        *arena = next;
    }
}

bool is_same(eh_bytes a, eh_bytes b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* The bytes of the character at `at`, 0 if there is none. */
static size_t character(const unsigned char *at, size_t left) {
    unsigned char lead = at[0];
    if (lead < 0x80) return 1;
    size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || left < size) return 0;
    for (size_t i = 1; i < size; ++i)
        if ((at[i] & 0xc0) != 0x80) return 0;
    if (lead == 0xe0 && at[1] < 0xa0) return 0; /* overlong */
    if (lead == 0xed && at[1] > 0x9f) return 0; /* surrogates */
    if (lead == 0xf0 && at[1] < 0x90) return 0; /* overlong */
    if (lead == 0xf4 && at[1] > 0x8f) return 0; /* above U+10FFFF */
    return size;
}

bool is_text(eh_bytes bytes, size_t most) {
    if (bytes.size > most || (bytes.size && !bytes.data)) return false;
    const unsigned char *data = (const unsigned char *)bytes.data;
    for (size_t at = 0; at < bytes.size;) {
        size_t size = character(data + at, bytes.size - at);
        if (!size) return false;
        at += size;
    }
    return true;
}

bool is_identifier(eh_bytes bytes, size_t most) {
    if (!is_text(bytes, most)) return false;
    for (size_t i = 0; i < bytes.size; ++i)
        if ((unsigned char)bytes.data[i] < 0x20 || bytes.data[i] == 0x7f) return false;
    return true;
}

eh_bytes cut(eh_bytes bytes, size_t most) {
    if (bytes.size <= most) return bytes;
    size_t size = most;
    while (size > 0 && ((unsigned char)bytes.data[size] & 0xc0) == 0x80) --size;
    eh_bytes shorter = {bytes.data, size};
    return shorter;
}

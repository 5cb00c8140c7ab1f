/* eh.publish/1, eh.timer/1, and what an answer of `done` carries. */
#include "worker.h"

bool effects_fit(run *r, size_t more) { return more <= WP_EFFECTS_BYTES - r->effects_size; }

/* ---- publish */

static bool matches(eh_bytes pattern, eh_bytes text) {
    return is_same(pattern, eh_text("*")) || is_same(pattern, text);
}

static bool is_allowed(const worker *w, const eh_draft *d) {
    for (uint32_t i = 0; i < w->allowed_count; ++i) {
        const allowed_route *route = &w->allowed[i];
        if (matches(route->source, d->source) && matches(route->detail_type, d->detail_type)) return true;
    }
    return false;
}

static eh_status deny(run *r, const eh_draft *d) {
    if (!telemetry_may_speak(r->worker)) return EH_DENIED;
    wp_writer writer = {.limit = WP_FROM_WORKER_BYTES};
    wp_frame_begin(&writer, WP_DENIED, r->number, r->fence);
    wp_write_bytes(&writer, d->source.data, d->source.size);
    wp_write_bytes(&writer, d->detail_type.data, d->detail_type.size);
    wp_frame_end(&writer);
    channel_send(r->worker, &writer);
    return EH_DENIED;
}

static bool are_attributes(const eh_pair *pairs, uint32_t count) {
    if (count > WP_ATTRIBUTES || (count && !pairs)) return false;
    for (uint32_t i = 0; i < count; ++i)
        if (!is_identifier(pairs[i].key, WP_LOG_KEY_BYTES) || !is_identifier(pairs[i].value, WP_LOG_VALUE_BYTES))
            return false;
    return true;
}

static bool is_draft(const eh_draft *d) {
    return d && d->size >= sizeof *d && d->source.size && d->detail_type.size && d->detail.size && d->detail.data &&
           is_identifier(d->source, WP_IDENTIFIER_BYTES) && is_identifier(d->detail_type, WP_IDENTIFIER_BYTES) &&
           is_identifier(d->resource, WP_IDENTIFIER_BYTES) &&
           is_identifier(d->correlation_id, WP_IDENTIFIER_BYTES) && are_attributes(d->attributes, d->attribute_count);
}

static size_t size_of(const eh_draft *d) {
    size_t size = d->source.size + d->detail_type.size + d->resource.size + d->correlation_id.size + d->detail.size;
    for (uint32_t i = 0; i < d->attribute_count; ++i) size += d->attributes[i].key.size + d->attributes[i].value.size;
    return size;
}

static eh_status keep(run *r, const eh_draft *d) {
    draft *copy = &r->drafts[r->draft_count];
    copy->source = arena_copy(&r->arena, d->source);
    copy->detail_type = arena_copy(&r->arena, d->detail_type);
    copy->resource = arena_copy(&r->arena, d->resource);
    copy->correlation_id = arena_copy(&r->arena, d->correlation_id);
    copy->detail = arena_copy(&r->arena, d->detail);
    copy->attributes = arena_take(&r->arena, (d->attribute_count + 1) * sizeof *copy->attributes);
    if (!copy->attributes || copy->detail.size != d->detail.size) return EH_UNAVAILABLE; /* no memory */
    for (uint32_t i = 0; i < d->attribute_count; ++i) {
        copy->attributes[i].key = arena_copy(&r->arena, d->attributes[i].key);
        copy->attributes[i].value = arena_copy(&r->arena, d->attributes[i].value);
    }
    copy->attribute_count = d->attribute_count;
    r->effects_size += size_of(d);
    ++r->draft_count;
    return EH_OK;
}

static eh_status publish(const eh_host *host, const eh_event *event, const eh_draft *d) {
    (void)host;
    run *r = run_of(event);
    if (!r || !is_draft(d)) return EH_INVALID;
    if (d->detail.size > WP_DRAFT_BYTES) return EH_TOO_LARGE;
    if (!is_allowed(r->worker, d)) return deny(r, d);
    if (!run_lock(r)) return EH_EXPIRED;
    bool is_full = r->draft_count == WP_PUBLISHES || !effects_fit(r, size_of(d));
    eh_status status = is_full ? EH_TOO_LARGE : keep(r, d);
    pthread_mutex_unlock(&r->lock);
    return status;
}

static eh_status publish_told(const eh_host *host, const eh_event *event, const eh_draft *d) {
    return told(host, event, "eh_publish.publish", publish(host, event, d));
}

const eh_publish publish_service = {.size = sizeof(eh_publish), .publish = publish_told};

/* ---- timer */

static eh_status change_timer(run *r, eh_bytes key, int64_t at_unix_ms, eh_bytes detail) {
    timer_change *timer = NULL;
    for (uint32_t i = 0; i < r->timer_count; ++i)
        if (is_same(r->timers[i].key, key)) timer = &r->timers[i];
    if ((!timer && r->timer_count == WP_TIMERS) || !effects_fit(r, key.size + detail.size)) return EH_TOO_LARGE;
    timer_change change = {arena_copy(&r->arena, key), arena_copy(&r->arena, detail), at_unix_ms};
    if (change.key.size != key.size || change.detail.size != detail.size) return EH_UNAVAILABLE; /* no memory */
    if (!timer) timer = &r->timers[r->timer_count++];
    r->effects_size += key.size + detail.size;
    *timer = change;
    return EH_OK;
}

static eh_status set(const eh_host *host, const eh_event *event, eh_bytes key, int64_t at_unix_ms, eh_bytes detail) {
    (void)host;
    run *r = run_of(event);
    if (!r || !key.data || !key.size || key.size > WP_STATE_KEY_BYTES || (detail.size && !detail.data))
        return EH_INVALID;
    if (at_unix_ms < 0) return EH_INVALID;
    if (detail.size > WP_STATE_VALUE_BYTES) return EH_TOO_LARGE;
    if (!run_lock(r)) return EH_EXPIRED;
    eh_status status = change_timer(r, key, at_unix_ms, detail);
    pthread_mutex_unlock(&r->lock);
    return status;
}

static eh_status set_told(const eh_host *host, const eh_event *event, eh_bytes key, int64_t at_unix_ms,
                          eh_bytes detail) {
    return told(host, event, "eh_timer.set", set(host, event, key, at_unix_ms, detail));
}

const eh_timer timer_service = {.size = sizeof(eh_timer), .set = set_told};

/* ---- the answer */

static void write_bytes(wp_writer *writer, eh_bytes bytes) { wp_write_bytes(writer, bytes.data, bytes.size); }

static void write_reads(wp_writer *writer, run *r) {
    wp_write_u32(writer, r->read_count);
    for (uint32_t i = 0; i < r->entry_count; ++i) {
        if (!r->entries[i].read) continue;
        write_bytes(writer, r->entries[i].key);
        wp_write_u64(writer, r->entries[i].version);
    }
}

static void write_writes(wp_writer *writer, run *r) {
    wp_write_u32(writer, r->write_count);
    for (uint32_t i = 0; i < r->entry_count; ++i) {
        state_entry *entry = &r->entries[i];
        if (!entry->written) continue;
        write_bytes(writer, entry->key);
        wp_write_u8(writer, entry->erased);
        write_bytes(writer, entry->new_value);
        /* EH_VERSION_ANY stays only where the key was never read: the one blind write. */
        bool is_blind = entry->expected == EH_VERSION_ANY && !entry->read;
        wp_write_u64(writer, is_blind || entry->expected != EH_VERSION_ANY ? entry->expected : entry->version);
        wp_write_u64(writer, entry->ttl_ms);
    }
}

static void write_draft(wp_writer *writer, const draft *d) {
    write_bytes(writer, d->source);
    write_bytes(writer, d->detail_type);
    write_bytes(writer, d->resource);
    write_bytes(writer, d->correlation_id);
    write_bytes(writer, d->detail);
    wp_write_u32(writer, d->attribute_count);
    for (uint32_t i = 0; i < d->attribute_count; ++i) {
        write_bytes(writer, d->attributes[i].key);
        write_bytes(writer, d->attributes[i].value);
    }
}

void effects_write(wp_writer *writer, run *r) {
    write_reads(writer, r);
    write_writes(writer, r);
    wp_write_u32(writer, r->draft_count);
    for (uint32_t i = 0; i < r->draft_count; ++i) write_draft(writer, &r->drafts[i]);
    wp_write_u32(writer, r->timer_count);
    for (uint32_t i = 0; i < r->timer_count; ++i) {
        write_bytes(writer, r->timers[i].key);
        wp_write_u64(writer, (uint64_t)r->timers[i].at_unix_ms);
        write_bytes(writer, r->timers[i].detail);
    }
}

/* eh.state/1: what an event has read, and what it wants written. Everything stays here until its answer is sent. */
#include "worker.h"

static state_entry *lookup(run *r, eh_bytes key) {
    for (uint32_t i = 0; i < r->entry_count; ++i)
        if (is_same(r->entries[i].key, key)) return &r->entries[i];
    return NULL;
}

/* NULL if one event may not know more keys, or there is no memory for this one. */
static state_entry *find_or_add(run *r, eh_bytes key, bool is_lasting) {
    state_entry *entry = lookup(r, key);
    if (entry || r->entry_count == sizeof r->entries / sizeof *r->entries) return entry;
    eh_bytes own = is_lasting ? key : arena_copy(&r->arena, key);
    if (own.size != key.size) return NULL;
    entry = &r->entries[r->entry_count++];
    memset(entry, 0, sizeof *entry);
    entry->key = own;
    entry->value.data = entry->new_value.data = "";
    entry->expected = EH_VERSION_ANY;
    return entry;
}

void state_prefetched(run *r, eh_bytes key, eh_bytes value, uint64_t version) {
    state_entry *entry = find_or_add(r, key, true);
    if (!entry) return;
    entry->known = true;
    entry->value = value;
    entry->version = version;
}

static bool is_key(eh_bytes key) { return key.data && key.size > 0 && key.size <= WP_STATE_KEY_BYTES; }

/* ---- the round trip */

static eh_status take_reply(run *r, state_entry *const *asked, uint32_t count) {
    wp_reader reader = wp_reader_of(r->reply, r->reply_size);
    bool failed = wp_read_u8(&reader) != 0, has_memory = true;
    uint32_t found = wp_read_count(&reader, WP_STATE_READS, 13);
    for (uint32_t i = 0; i < found && i < count; ++i) {
        eh_bytes value;
        asked[i]->version = wp_read_u64(&reader);
        value.data = wp_read_bytes(&reader, WP_STATE_VALUE_BYTES, &value.size);
        asked[i]->value = arena_copy(&r->arena, value);
        asked[i]->known = asked[i]->value.size == value.size; /* an empty value would be another answer */
        has_memory &= asked[i]->known;
    }
    if (!failed && (found != count || !wp_read_all(&reader))) {
        fail(r->worker, EXIT_PROTOCOL);
        return EH_UNAVAILABLE;
    }
    return failed || !has_memory ? EH_UNAVAILABLE : EH_OK;
}

/* With the run locked, before and after. */
static eh_status ask(run *r, state_entry *const *asked, uint32_t count) {
    if (!question_begin(r)) return EH_EXPIRED;
    wp_writer writer = {.limit = WP_FROM_WORKER_BYTES};
    wp_frame_begin(&writer, WP_STATE_GET, r->number, r->fence);
    wp_write_u32(&writer, count);
    for (uint32_t i = 0; i < count; ++i) wp_write_bytes(&writer, asked[i]->key.data, asked[i]->key.size);
    wp_frame_end(&writer);
    if (!question_ask(r, &writer)) return EH_EXPIRED;
    eh_status status = take_reply(r, asked, count);
    question_end(r);
    return status;
}

/* ---- the service */

static eh_status read_keys(run *r, const eh_bytes *keys, uint32_t count) {
    state_entry *asked[WP_STATE_READS];
    uint32_t unknown = 0, fresh = 0;
    for (uint32_t i = 0; i < count; ++i) {
        state_entry *entry = find_or_add(r, keys[i], false);
        if (!entry) return EH_TOO_LARGE;
        fresh += !entry->read;
        bool is_asked = false;
        for (uint32_t j = 0; j < unknown; ++j) is_asked |= asked[j] == entry;
        if (!entry->known && !is_asked) asked[unknown++] = entry;
    }
    if (r->read_count + fresh > WP_STATE_READS) return EH_TOO_LARGE;
    eh_status status = unknown ? ask(r, asked, unknown) : EH_OK;
    if (status != EH_OK) return status;
    for (uint32_t i = 0; i < count; ++i) {
        state_entry *entry = lookup(r, keys[i]);
        r->read_count += !entry->read;
        entry->read = true;
    }
    return EH_OK;
}

/* What the event sees: its own write, else what is committed. */
static eh_status show(const state_entry *entry, eh_bytes *value, uint64_t *version) {
    eh_bytes nothing = {"", 0};
    bool is_there = entry->written ? !entry->erased : entry->version != EH_VERSION_ABSENT;
    *value = !is_there ? nothing : entry->written ? entry->new_value : entry->value;
    if (version) *version = entry->version;
    return is_there ? EH_OK : EH_NOT_FOUND;
}

static eh_status get(const eh_host *host, const eh_event *event, eh_bytes key, eh_bytes *value, uint64_t *version) {
    (void)host;
    run *r = run_of(event);
    if (!r || !value || !is_key(key)) return EH_INVALID;
    if (!run_lock(r)) return EH_EXPIRED;
    eh_status status = read_keys(r, &key, 1);
    if (status == EH_OK) status = show(lookup(r, key), value, version);
    pthread_mutex_unlock(&r->lock);
    return status;
}

static eh_status get_many(const eh_host *host, const eh_event *event, const eh_bytes *keys, uint32_t count,
                          eh_bytes *values, uint64_t *versions) {
    (void)host;
    run *r = run_of(event);
    if (!r || !keys || !values || !versions) return EH_INVALID;
    if (count > WP_STATE_READS) return EH_TOO_LARGE;
    for (uint32_t i = 0; i < count; ++i)
        if (!is_key(keys[i])) return EH_INVALID;
    if (!run_lock(r)) return EH_EXPIRED;
    eh_status status = read_keys(r, keys, count);
    for (uint32_t i = 0; status == EH_OK && i < count; ++i)
        if (show(lookup(r, keys[i]), &values[i], &versions[i]) == EH_NOT_FOUND && !lookup(r, keys[i])->written)
            versions[i] = EH_VERSION_ABSENT;
    pthread_mutex_unlock(&r->lock);
    return status;
}

/* The version that the write is checked against, or EH_CONFLICT where that is certain to fail. */
static eh_status expect(state_entry *entry, uint64_t if_version) {
    if (if_version == EH_VERSION_ANY) return EH_OK;
    if (entry->known && entry->version != if_version) return EH_CONFLICT;
    if (entry->expected != EH_VERSION_ANY && entry->expected != if_version) return EH_CONFLICT;
    entry->expected = if_version;
    return EH_OK;
}

static eh_status write_key(run *r, eh_bytes key, const eh_bytes *value, uint64_t if_version, uint64_t ttl_ms) {
    state_entry *entry = find_or_add(r, key, false);
    if (!entry) return EH_TOO_LARGE;
    size_t before = entry->written ? entry->key.size + entry->new_value.size : 0;
    size_t after = key.size + (value ? value->size : 0);
    if (!entry->written && r->write_count == WP_STATE_WRITES) return EH_TOO_LARGE;
    if (after > before && !effects_fit(r, after - before)) return EH_TOO_LARGE;
    eh_status status = expect(entry, if_version);
    if (status != EH_OK) return status;
    eh_bytes copy = {"", 0};
    if (value) copy = arena_copy(&r->arena, *value);
    if (value && copy.size != value->size) return EH_UNAVAILABLE; /* no memory */
    r->write_count += !entry->written;
    r->effects_size += after - before;
    entry->written = true;
    entry->erased = !value;
    entry->new_value = copy;
    entry->ttl_ms = ttl_ms;
    return EH_OK;
}

static eh_status put(const eh_host *host, const eh_event *event, eh_bytes key, eh_bytes value, uint64_t if_version,
                     uint64_t ttl_ms) {
    (void)host;
    run *r = run_of(event);
    if (!r || !is_key(key) || (value.size && !value.data)) return EH_INVALID;
    if (value.size > WP_STATE_VALUE_BYTES) return EH_TOO_LARGE;
    if (!run_lock(r)) return EH_EXPIRED;
    eh_status status = write_key(r, key, &value, if_version, ttl_ms);
    pthread_mutex_unlock(&r->lock);
    return status;
}

static eh_status erase(const eh_host *host, const eh_event *event, eh_bytes key, uint64_t if_version) {
    (void)host;
    run *r = run_of(event);
    if (!r || !is_key(key)) return EH_INVALID;
    if (!run_lock(r)) return EH_EXPIRED;
    eh_status status = write_key(r, key, NULL, if_version, 0);
    pthread_mutex_unlock(&r->lock);
    return status;
}

/* ---- the same, and what only a bug earns is told */

static eh_status get_told(const eh_host *host, const eh_event *event, eh_bytes key, eh_bytes *value,
                          uint64_t *version) {
    return told(host, event, "eh_state.get", get(host, event, key, value, version));
}

static eh_status get_many_told(const eh_host *host, const eh_event *event, const eh_bytes *keys, uint32_t count,
                               eh_bytes *values, uint64_t *versions) {
    return told(host, event, "eh_state.get_many", get_many(host, event, keys, count, values, versions));
}

static eh_status put_told(const eh_host *host, const eh_event *event, eh_bytes key, eh_bytes value,
                          uint64_t if_version, uint64_t ttl_ms) {
    return told(host, event, "eh_state.put", put(host, event, key, value, if_version, ttl_ms));
}

static eh_status erase_told(const eh_host *host, const eh_event *event, eh_bytes key, uint64_t if_version) {
    return told(host, event, "eh_state.erase", erase(host, event, key, if_version));
}

const eh_state state_service = {
    .size = sizeof(eh_state), .get = get_told, .get_many = get_many_told, .put = put_told, .erase = erase_told,
};

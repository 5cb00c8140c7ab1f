/* Log lines, sent at once and so many a second; metrics, folded here and sent now and then. */
#include "worker.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- log lines */

bool telemetry_may_speak(worker *w) {
    telemetry *t = &w->telemetry;
    pthread_mutex_lock(&t->lock);
    int64_t now = now_ms() / 1000;
    if (now != t->second) {
        t->second = now;
        t->lines = 0;
    }
    bool may = t->lines < WP_LOG_LINES;
    t->lines += may;
    t->dropped_lines += !may;
    pthread_mutex_unlock(&t->lock);
    return may;
}

/* Text as it may travel: cut, and with a word in place of what is not UTF-8. */
static void write_text(wp_writer *writer, eh_bytes text, size_t most) {
    eh_bytes shorter = cut(text, most);
    if (is_text(shorter, most))
        wp_write_bytes(writer, shorter.data, shorter.size);
    else
        wp_write_text(writer, "(not UTF-8)");
}

void telemetry_log(const eh_host *host, const eh_event *event, eh_level level, eh_bytes message,
                   const eh_pair *fields, uint32_t field_count) {
    worker *w = worker_of(host);
    if (!w || !telemetry_may_speak(w)) return;
    run *r = run_of(event);
    uint32_t count = !fields ? 0 : field_count < WP_LOG_FIELDS ? field_count : WP_LOG_FIELDS;
    wp_writer writer = {.limit = WP_FROM_WORKER_BYTES};
    wp_frame_begin(&writer, WP_LOG, r ? r->number : 0, r ? r->fence : 0);
    wp_write_u8(&writer, level < EH_TRACE ? EH_TRACE : level > EH_ERROR ? EH_ERROR : (uint8_t)level);
    write_text(&writer, message, WP_LOG_MESSAGE_BYTES);
    wp_write_u32(&writer, count);
    for (uint32_t i = 0; i < count; ++i) {
        write_text(&writer, fields[i].key, WP_LOG_KEY_BYTES);
        write_text(&writer, fields[i].value, WP_LOG_VALUE_BYTES);
    }
    wp_frame_end(&writer);
    channel_send(w, &writer);
}

eh_status told(const eh_host *host, const eh_event *event, const char *call, eh_status status) {
    if (status != EH_TOO_LARGE && status != EH_INVALID) return status;
    const char *name = status == EH_INVALID ? "EH_INVALID" : "EH_TOO_LARGE";
    char text[96];
    snprintf(text, sizeof text, WP_CONTRACT "%s answered %s", call, name);
    telemetry_log(host, event, EH_WARNING, eh_text(text), NULL, 0);
    return status;
}

/* ---- metrics */

static bool is_name(eh_bytes name) {
    if (!name.data || !name.size || name.size > WP_METRIC_NAME_BYTES) return false;
    for (size_t i = 0; i < name.size; ++i) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || c == '_' || (i > 0 && c >= '0' && c <= '9'))) return false;
    }
    return true;
}

static bool are_labels(const eh_pair *labels, uint32_t count) {
    if (count > WP_METRIC_LABELS || (count && !labels)) return false;
    for (uint32_t i = 0; i < count; ++i) {
        if (!is_name(labels[i].key) || !is_identifier(labels[i].value, WP_METRIC_VALUE_BYTES)) return false;
        for (uint32_t j = 0; j < i; ++j)
            if (is_same(labels[i].key, labels[j].key)) return false;
    }
    return true;
}

static series *find_or_add(telemetry *t, uint8_t kind, wp_writer *labelled) {
    for (uint32_t i = 0; i < t->series_count; ++i)
        if (t->all[i].kind == kind && t->all[i].size == labelled->size &&
            memcmp(t->all[i].labelled, labelled->data, labelled->size) == 0)
            return &t->all[i];
    if (t->series_count == WP_METRIC_SERIES || labelled->failed) return NULL;
    series *fresh = &t->all[t->series_count++];
    fresh->kind = kind;
    fresh->labelled = labelled->data;
    fresh->size = labelled->size;
    labelled->data = NULL;
    return fresh;
}

/* The series with the lock held, or NULL and nothing held. */
static series *locked_series(telemetry *t, uint8_t kind, eh_bytes name, const eh_pair *labels, uint32_t label_count) {
    wp_writer labelled = {.limit = 8192};
    bool is_valid = is_name(name) && are_labels(labels, label_count);
    if (is_valid) {
        wp_write_bytes(&labelled, name.data, name.size);
        wp_write_u32(&labelled, label_count);
        for (uint32_t i = 0; i < label_count; ++i) {
            wp_write_bytes(&labelled, labels[i].key.data, labels[i].key.size);
            wp_write_bytes(&labelled, labels[i].value.data, labels[i].value.size);
        }
    }
    pthread_mutex_lock(&t->lock);
    series *found = is_valid ? find_or_add(t, kind, &labelled) : NULL;
    free(labelled.data);
    t->is_dirty = true;
    if (found) return found;
    ++t->dropped_samples;
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

void telemetry_count(const eh_host *host, eh_bytes name, uint64_t delta, const eh_pair *labels, uint32_t label_count) {
    worker *w = worker_of(host);
    series *s = w ? locked_series(&w->telemetry, WP_METRIC_COUNT, name, labels, label_count) : NULL;
    if (!s) return;
    s->count += delta;
    pthread_mutex_unlock(&w->telemetry.lock);
}

static uint32_t bucket_of(double value) {
    static const double bounds[WP_METRIC_BUCKETS - 1] = {
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000,
    };
    uint32_t bucket = 0;
    while (bucket < WP_METRIC_BUCKETS - 1 && value > bounds[bucket]) ++bucket;
    return bucket;
}

void telemetry_observe(const eh_host *host, eh_bytes name, double value, const eh_pair *labels, uint32_t label_count) {
    worker *w = worker_of(host);
    if (!w) return;
    eh_bytes valid = {isfinite(value) ? name.data : NULL, name.size};
    series *s = locked_series(&w->telemetry, WP_METRIC_HISTOGRAM, valid, labels, label_count);
    if (!s) return;
    ++s->count;
    s->sum += value;
    ++s->buckets[bucket_of(value)];
    pthread_mutex_unlock(&w->telemetry.lock);
}

static void write_series(wp_writer *writer, series *s) {
    wp_write_u8(writer, s->kind);
    for (size_t i = 0; i < s->size; ++i) wp_write_u8(writer, s->labelled[i]);
    wp_write_u64(writer, s->count);
    if (s->kind == WP_METRIC_HISTOGRAM) {
        uint64_t bits;
        memcpy(&bits, &s->sum, sizeof bits);
        wp_write_u64(writer, bits);
        for (uint32_t i = 0; i < WP_METRIC_BUCKETS; ++i) wp_write_u64(writer, s->buckets[i]);
    }
    s->count = 0;
    s->sum = 0;
    memset(s->buckets, 0, sizeof s->buckets);
}

void telemetry_flush(worker *w, wp_writer *writer) {
    telemetry *t = &w->telemetry;
    pthread_mutex_lock(&t->lock);
    if (t->is_dirty || t->dropped_lines) {
        uint32_t used = 0;
        for (uint32_t i = 0; i < t->series_count; ++i) used += t->all[i].count > 0;
        wp_frame_begin(writer, WP_METRICS, 0, 0);
        wp_write_u32(writer, t->dropped_samples);
        wp_write_u32(writer, t->dropped_lines);
        wp_write_u32(writer, used);
        for (uint32_t i = 0; i < t->series_count; ++i)
            if (t->all[i].count > 0) write_series(writer, &t->all[i]);
        wp_frame_end(writer);
        t->dropped_samples = t->dropped_lines = 0;
        t->is_dirty = false;
    }
    t->flushed_at = now_ms();
    pthread_mutex_unlock(&t->lock);
}

void telemetry_flush_if_due(worker *w, wp_writer *writer) {
    pthread_mutex_lock(&w->telemetry.lock);
    bool is_due = w->telemetry.is_dirty && now_ms() - w->telemetry.flushed_at >= TELEMETRY_MS;
    pthread_mutex_unlock(&w->telemetry.lock);
    if (is_due) telemetry_flush(w, writer);
}

void telemetry_end(worker *w) {
    for (uint32_t i = 0; i < w->telemetry.series_count; ++i) free(w->telemetry.all[i].labelled);
}

/* eh.call/1: a request travels to the host, which makes the exchange; its answer lives as long as the event. */
#include "worker.h"

#include <stddef.h>

static bool are_headers(const eh_pair *headers, uint32_t count) {
    size_t size = 0;
    if (count > WP_CALL_HEADERS || (count && !headers)) return false;
    for (uint32_t i = 0; i < count; ++i) {
        if (!headers[i].key.size || !is_identifier(headers[i].key, WP_CALL_HEADER_NAME_BYTES) ||
            !is_identifier(headers[i].value, WP_CALL_HEADERS_BYTES))
            return false;
        size += headers[i].key.size + headers[i].value.size;
    }
    return size <= WP_CALL_HEADERS_BYTES;
}

/* Whether it may travel. What a request may say, the host knows. */
static bool is_request(const eh_request *q) {
    return q && q->size >= sizeof *q && q->service.size && is_identifier(q->service, WP_CALL_SERVICE_BYTES) &&
           q->method.size && is_identifier(q->method, WP_CALL_METHOD_BYTES) && q->path.size &&
           is_identifier(q->path, WP_CALL_PATH_BYTES) && is_identifier(q->idempotency_key, WP_CALL_KEY_BYTES) &&
           (q->body.data || !q->body.size) && are_headers(q->headers, q->header_count);
}

static void write_bytes(wp_writer *writer, eh_bytes bytes) { wp_write_bytes(writer, bytes.data, bytes.size); }

static void write_request(wp_writer *writer, const run *r, const eh_request *q) {
    wp_frame_begin(writer, WP_CALL, r->number, r->fence);
    write_bytes(writer, q->service);
    write_bytes(writer, q->method);
    write_bytes(writer, q->path);
    write_bytes(writer, q->idempotency_key);
    wp_write_u64(writer, q->timeout_ms);
    wp_write_u32(writer, q->header_count);
    for (uint32_t i = 0; i < q->header_count; ++i) {
        write_bytes(writer, q->headers[i].key);
        write_bytes(writer, q->headers[i].value);
    }
    write_bytes(writer, q->body);
    wp_frame_end(writer);
}

/* ---- the answer */

static eh_bytes read_copy(run *r, wp_reader *reader, size_t most, bool *has_memory) {
    eh_bytes bytes;
    bytes.data = wp_read_bytes(reader, most, &bytes.size);
    eh_bytes copy = arena_copy(&r->arena, bytes);
    *has_memory &= copy.size == bytes.size;
    return copy;
}

/* NULL where there is no memory for it. */
static const eh_response *read_response(run *r, wp_reader *reader) {
    bool has_memory = true;
    uint32_t status = wp_read_u32(reader);
    uint32_t count = wp_read_count(reader, WP_CALL_HEADERS, 10);
    eh_response *response = arena_take(&r->arena, sizeof *response);
    eh_pair *headers = arena_take(&r->arena, (count + 1) * sizeof *headers);
    for (uint32_t i = 0; headers && i < count; ++i) {
        headers[i].key = read_copy(r, reader, WP_CALL_HEADER_NAME_BYTES, &has_memory);
        headers[i].value = read_copy(r, reader, WP_CALL_HEADERS_BYTES, &has_memory);
    }
    eh_bytes body = read_copy(r, reader, WP_CALL_BODY_BYTES, &has_memory);
    if (!response || !headers || !has_memory) return NULL;
    if (!wp_read_all(reader)) {
        fail(r->worker, EXIT_PROTOCOL);
        return NULL;
    }
    response->size = sizeof *response;
    response->status = status;
    response->body = body;
    response->headers = count ? headers : NULL;
    response->header_count = count;
    return response;
}

static eh_status read_answer(run *r, const eh_response **response) {
    wp_reader reader = wp_reader_of(r->reply, r->reply_size);
    switch (wp_read_u8(&reader)) {
    case WP_CALL_OK: break;
    case WP_CALL_UNAVAILABLE: return EH_UNAVAILABLE;
    case WP_CALL_DENIED: return EH_DENIED;
    case WP_CALL_TOO_LARGE: return EH_TOO_LARGE;
    case WP_CALL_EXPIRED: return EH_EXPIRED;
    default: return EH_INVALID;
    }
    *response = read_response(r, &reader);
    if (!*response) return EH_UNAVAILABLE;
    r->call_bytes += (*response)->body.size;
    return EH_OK;
}

/* ---- the service */

/* With the run locked, before and after. `is_answers`: it is the service's answer that the status is about. */
static eh_status exchange(run *r, const eh_request *q, const eh_response **response, bool *is_answers) {
    if (!question_begin(r)) return EH_EXPIRED;
    if (r->call_count == WP_CALLS || q->body.size > WP_CALLS_BYTES - r->call_bytes) return EH_TOO_LARGE;
    wp_writer writer = {.limit = WP_FROM_WORKER_BYTES};
    write_request(&writer, r, q);
    ++r->call_count;
    r->call_bytes += q->body.size;
    if (!question_ask(r, &writer)) return EH_EXPIRED;
    eh_status status = read_answer(r, response);
    *is_answers = status == EH_TOO_LARGE;
    question_end(r);
    return status;
}

static eh_status call(const eh_event *event, const eh_request *request, const eh_response **response,
                      bool *is_answers) {
    run *r = run_of(event);
    if (response) *response = NULL;
    if (!r || !response || !is_request(request)) return EH_INVALID;
    if (request->body.size > WP_CALL_BODY_BYTES) return EH_TOO_LARGE;
    if (!run_lock(r)) return EH_EXPIRED;
    eh_status status = exchange(r, request, response, is_answers);
    pthread_mutex_unlock(&r->lock);
    return status;
}

static eh_status call_told(const eh_host *host, const eh_event *event, const eh_request *request,
                           const eh_response **response) {
    bool is_answers = false;
    eh_status status = call(event, request, response, &is_answers);
    /* What a service answers is nothing that the handler did. */
    return is_answers ? status : told(host, event, "eh_call.call", status);
}

const eh_call call_service = {.size = sizeof(eh_call), .call = call_told};

/* What an event asks of the host while it runs: one question at a time; the thread that asks waits for the answer. */
#include "worker.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static bool is_over(run *r) { return atomic_load(&r->is_over) || atomic_load(&r->worker->is_stopping); }

static bool wait(run *r) {
    int64_t deadline = atomic_load(&r->deadline_ms);
    struct timespec until = {deadline / 1000, (deadline % 1000) * 1000000};
    return !is_over(r) && pthread_cond_timedwait(&r->answered, &r->lock, &until) != ETIMEDOUT;
}

bool question_begin(run *r) {
    while (r->is_asking) /* another thread of the handler */
        if (!wait(r)) return false;
    return !is_over(r) && now_ms() < atomic_load(&r->deadline_ms);
}

bool question_ask(run *r, wp_writer *question) {
    r->is_asking = true;
    pthread_mutex_unlock(&r->lock); /* a large question takes a while, and the reader thread wants the lock */
    channel_send(r->worker, question);
    pthread_mutex_lock(&r->lock);
    while (!r->reply)
        if (!wait(r)) return r->reply; /* without one the question stays open: nothing more may be asked */
    return true;
}

void question_end(run *r) {
    free(r->reply);
    r->reply = NULL;
    r->is_asking = false;
    pthread_cond_broadcast(&r->answered);
}

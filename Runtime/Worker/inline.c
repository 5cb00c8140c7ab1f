/* An instance in the sidecar: its threads, and their end. */
#include "worker.h"

#include "Inline/worker_inline.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void *live(void *argument) { worker_live(argument); }

/* Signals are the sidecar's; its handlers' threads take only those that they cause themselves. */
static void keep_out_signals(sigset_t *before) {
    sigset_t others;
    sigfillset(&others);
    const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    for (size_t i = 0; i < sizeof own / sizeof *own; ++i) sigdelset(&others, own[i]);
    pthread_sigmask(SIG_SETMASK, &others, before);
}

static void dispose(worker *w) {
    close(w->channel.descriptor);
    if (w->blame) munmap(w->blame, WP_BLAME_PAGE_BYTES);
    telemetry_end(w);
    free(w->channel.create_payload);
    free(w->create_frame);
    free(w->allowed);
    free(w);
}

int32_t worker_run_inline(int32_t channel, int32_t blame, const char *path) {
    worker *w = calloc(1, sizeof *w);
    if (!w) {
        close(channel);
        close(blame);
        return EXIT_USAGE;
    }
    worker_prepare(w, channel);
    w->is_inline = true;
    w->path = path;
    sigset_t before;
    keep_out_signals(&before);
    pthread_t control;
    if (worker_map_blame(w, blame) && pthread_create(&control, NULL, live, w) == 0) {
        pthread_join(control, NULL);
    } else {
        fail(w, EXIT_USAGE);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    /* Lanes may still run where control left early; the reader has gone when the socket is cut. */
    fail(w, EXIT_SUCCESS);
    if (w->channel.has_reader) pthread_join(w->channel.reader, NULL);
    lanes_end(w);
    int32_t status = atomic_load(&w->status);
    dispose(w);
    return status;
}

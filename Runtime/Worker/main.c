/* The program: its sandbox first, then an instance. Usage, with the descriptors of the protocol:
 * outrigger-worker <sandbox> <memory bytes> <open files> <threads> <uid, 0 for none> <readable path>... */
#include "sandbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool read_arguments(confinement *c, int count, char **arguments) {
    if (count < 6) return false;
    c->mode = atoi(arguments[1]);
    c->memory = strtoull(arguments[2], NULL, 10);
    c->open_files = (uint32_t)strtoul(arguments[3], NULL, 10);
    c->threads = (uint32_t)strtoul(arguments[4], NULL, 10);
    c->user = (uint32_t)strtoul(arguments[5], NULL, 10);
    c->readable = arguments + 6;
    c->arguments = arguments;
    return c->mode >= WP_SANDBOX_OFF && c->mode <= WP_SANDBOX_INSIDE && c->memory && c->open_files && c->threads;
}

int main(int count, char **arguments) {
    static worker w;
    confinement bounds;
    if (!read_arguments(&bounds, count, arguments)) {
        fputs("outrigger-worker is started by outrigger\n", stderr);
        return EXIT_USAGE;
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* it is a pipe: what a handler prints before it crashes is worth having */
    int threads = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    sandbox report = sandbox_enter(&bounds);
    worker_prepare(&w, WP_CHANNEL_FD);
    w.threads = threads;
    w.sandbox_bits = report.bits;
    w.landlock_abi = report.landlock_abi;
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", WP_PLUGIN_FD);
    w.path = path;
    if (!worker_map_blame(&w, WP_BLAME_FD)) leave(&w, EXIT_USAGE);
    worker_live(&w);
}

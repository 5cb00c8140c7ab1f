/* System calls that Swift cannot make by itself: variadic ones, newer ones, and spawning with everything set at once.
 * Every function answers 0 or a descriptor, or -errno. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

/* What a worker is born with: `output` as its stdout and stderr, the others from descriptor 3 on, in this order.
 * `library`, which a plugin loads itself, is descriptor 7, or -1. */
typedef struct cp_birth {
    int32_t output;
    int32_t channel;
    int32_t plugin;
    int32_t blame;
    int32_t library;
} cp_birth;

typedef struct cp_order {
    const char *_Nonnull path;
    char *_Nullable const *_Nonnull arguments;
    char *_Nullable const *_Nonnull environment;
    const char *_Nonnull directory; /* its working directory */
    cp_birth birth;
    int32_t has_heir; /* it starts another child of ours in its place, and names it in a pipe, descriptor 6 */
} cp_order;

/* Where an heir is expected this returns when it is there. */
int cp_spawn(const cp_order *_Nonnull order, pid_t *_Nonnull pid);

int cp_pidfd_open(pid_t pid);
int cp_pidfd_kill(int pidfd);
/* Reaps. `status` is the exit status, or the signal if `is_signal`. */
int cp_reap(int pidfd, int *_Nonnull status, int *_Nonnull is_signal);

/* A file without a name that can be sealed, and its sealing against every change. */
int cp_memory_file(const char *_Nonnull name);
int cp_seal(int file);

/* A connected pair; the first end does not block. */
int cp_channel(int ends[_Nonnull 2]);
/* A pipe whose reading end, the first, does not block. */
int cp_pipe(int ends[_Nonnull 2]);
int cp_create_file(const char *_Nonnull path);
/* What `path`, a file of /proc, says: at most `size` bytes. Answers their number. */
int cp_read_file(const char *_Nonnull path, void *_Nonnull to, size_t size);

/* Whether these bytes hold the text. */
int cp_contains(const void *_Nonnull bytes, size_t size, const char *_Nonnull text);

/* Not dumpable: same-uid processes may not read this one's memory, environment or descriptors. */
int cp_not_dumpable(void);

#endif

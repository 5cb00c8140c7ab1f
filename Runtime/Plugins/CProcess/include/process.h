/* System calls that Swift cannot make by itself: variadic ones, newer ones, and spawning with everything set at once.
 * Every function answers 0 or a descriptor, or -errno. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

/* What a worker is born with: `output` as its stdout and stderr, the others from descriptor 3 on, in this order. */
typedef struct cp_birth {
    int32_t output;
    int32_t channel;
    int32_t plugin;
    int32_t blame;
} cp_birth;

int cp_spawn(const char *_Nonnull path, char *_Nullable const *_Nonnull arguments,
             char *_Nullable const *_Nonnull environment, cp_birth birth, pid_t *_Nonnull pid);

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

/* Not dumpable: same-uid processes may not read this one's memory, environment or descriptors. */
int cp_not_dumpable(void);

#endif

#ifndef ATTACKS_H
#define ATTACKS_H

#include <errno.h>
#include <stddef.h>

/* Each attack answers 0 if it succeeded, else its errno. Names of the environment: HOSTILE_SIDECAR and
 * HOSTILE_NEIGHBOUR are process ids, HOSTILE_FOLDER has a folder for each place with a file `token` in it,
 * HOSTILE_SOCKET is the path of a socket that somebody listens on, HOSTILE_QUEUE a message queue. */
typedef struct attack {
    const char *name;
    int (*attempt)(void);
} attack;

extern const attack file_attacks[], process_attacks[], kernel_attacks[];

/* Tries all of them; one line each, "name errno\n". `place` is where from: load, create or handle. */
void attack_all(const char *place, char *report, size_t size);

/* ---- for the attacks themselves */

extern const char *attacked_from;
static inline int outcome(long result) { return result < 0 ? errno : 0; }
/* The call was let in, and only its arguments were wrong. */
int reached(long result);
int number(const char *variable);
int opened(const char *path, int flags);
/* In a child, where there may be one: what it changes does not stay. */
int in_child(int (*attempt)(void));

#endif

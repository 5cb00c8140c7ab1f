/* The parts of the sandbox, in the order in which they close: namespaces, limits, capabilities, Landlock, filter. */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "worker.h"

/* The main thread's stack; other threads' stacks are data. */
#define STACK_BYTES 8388608

/* What the host asks for, in the program's arguments. */
typedef struct confinement {
    int mode;              /* WP_SANDBOX_... */
    uint64_t memory;       /* bytes of data */
    uint32_t open_files;
    uint32_t threads;
    uint32_t user;         /* uid and gid; 0 for the host's own */
    char *const *readable; /* paths; NULL-terminated */
    char **arguments;      /* the program's */
} confinement;

typedef struct sandbox {
    uint32_t bits;
    uint32_t landlock_abi;
} sandbox;

/* Refuses, and does not return, where what is demanded cannot be had. */
sandbox sandbox_enter(const confinement *c);

/* Tells the host what is missing and what to change, and leaves. */
noreturn void sandbox_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- namespaces.c */

/* The first of two steps, in the process that the host started: takes the handler's user, makes the namespaces,
 * starts this program anew in them, as a child of the host, and leaves. */
noreturn void namespaces_enter(const confinement *c);
/* The second, in that child: a root of its own. Answers what is in force, or refuses. */
uint32_t namespaces_settle(const confinement *c);

/* ---- landlock.c */

/* What every worker may read; NULL-terminated. */
extern const char *const system_folders[];
extern const char *const system_files[];
/* The ABI in force, 0 for none. Refuses a readable path that is not there if the whole sandbox is demanded. */
uint32_t landlock_enter(char *const *readable, bool is_demanded);

/* ---- filter.c */

bool filter_enter(void);

#endif

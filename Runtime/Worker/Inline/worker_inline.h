/* A worker without a process: the same code, in threads of whoever calls this. */
#ifndef WORKER_INLINE_H
#define WORKER_INLINE_H

#include <stdint.h>

/*
 * Runs one instance of a plugin and returns when all of its threads have ended, with the status that a process would
 * have exited with: mostly when the other end of `channel` is closed or says stop; never, while the handler does not
 * return. The library stays loaded.
 *
 * - channel, blame: owned from here on.
 * - path: the library's, under a name that no other library is ever loaded by: the dynamic linker goes by names first.
 */
int32_t worker_run_inline(int32_t channel, int32_t blame, const char *_Nonnull path);

#endif

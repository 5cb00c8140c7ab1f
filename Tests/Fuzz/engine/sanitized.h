// What has to be otherwise where a sanitizer looks on.
#ifndef OUTRIGGER_SANITIZED_H
#define OUTRIGGER_SANITIZED_H

#include <dlfcn.h>
#include <sys/resource.h>

// Sanitizers end a process that loads a library with RTLD_DEEPBIND: theirs must be the first of every symbol.
#undef RTLD_DEEPBIND
#define RTLD_DEEPBIND 0

// They reserve terabytes. So many seconds of CPU as there would be bytes of memory are no limit.
#undef RLIMIT_DATA
#define RLIMIT_DATA RLIMIT_CPU

#endif

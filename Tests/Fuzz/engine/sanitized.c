// A worker with a sanitizer: its reports go to a pipe that is opened before the sandbox is shut, and crashes that tests
// cause on purpose are left to the kernel.
#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <stdint.h>

#define OPTIONS                                                                                                     \
    "handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:detect_leaks=0:"                  \
    "allocator_may_return_null=1"

const char *__asan_default_options(void);
const char *__asan_default_options(void) { return OPTIONS; }

const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return OPTIONS; }

__attribute__((constructor)) static void open_reports(void) {
    int reports = open(REPORTS, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (reports >= 0) __sanitizer_set_report_fd((void *)(intptr_t)reports);
}

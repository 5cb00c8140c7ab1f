/* What is shut before the plugin is loaded. Runs while the process has one thread and no foreign code. */
#include "sandbox.h"

#include <linux/capability.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

noreturn void sandbox_refuse(const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    wp_writer writer = {.limit = WP_FROM_WORKER_BYTES};
    wp_frame_begin(&writer, WP_REFUSED, 0, 0);
    wp_write_u8(&writer, WP_REFUSED_SANDBOX);
    wp_write_text(&writer, text);
    wp_frame_end(&writer);
    _exit(channel_write(WP_CHANNEL_FD, &writer) ? EXIT_SUCCESS : EXIT_CHANNEL);
}

/* ---- limits */

static bool limit(int resource, uint64_t value) {
    struct rlimit bound = {value, value};
    return setrlimit((__rlimit_resource_t)resource, &bound) == 0;
}

/* Or less, where the container allows less. */
static bool limit_to(int resource, uint64_t most) {
    struct rlimit bound;
    if (getrlimit((__rlimit_resource_t)resource, &bound) != 0) return false;
    return limit(resource, bound.rlim_max < most ? bound.rlim_max : most);
}

static bool limit_at_all(const confinement *c) {
    /* DATA counts what is written to, so runtimes that reserve much address space still start. */
    return limit(RLIMIT_DATA, c->memory) && limit(RLIMIT_NOFILE, c->open_files) && limit(RLIMIT_CORE, 0);
}

/* Memory that no limit of data counts, and files: nothing of either is a handler's. The kernel counts threads per
 * user, so that they can be bounded only where the worker has a user namespace to itself. */
static bool limit_more(const confinement *c) {
    return limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_MEMLOCK, 0) && limit(RLIMIT_MSGQUEUE, 0) &&
           limit_to(RLIMIT_STACK, STACK_BYTES) && limit(RLIMIT_RTPRIO, 0) &&
           (c->mode != WP_SANDBOX_INSIDE || limit_to(RLIMIT_NPROC, c->threads));
}

/* ---- capabilities: a sidecar that runs as root has them, and a handler needs none. */

static bool drop_capabilities(void) {
    /* Without the right to, the bounding set stays; after no_new_privs nothing can be gained from it. */
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
    return syscall(SYS_capset, &header, none) == 0;
}

/* ---- all of it */

/* The first process of a PID namespace is not killed by a signal that it sends itself, and abort() would end in a
 * confusing SIGSEGV. */
static noreturn void aborted(int signal) { _exit(128 + signal); }

static uint32_t enter(const confinement *c) {
    uint32_t bits = 0;
    if (c->mode == WP_SANDBOX_INSIDE) {
        bits |= namespaces_settle(c);
        signal(SIGABRT, aborted);
    }
    if (limit_at_all(c) && (c->mode == WP_SANDBOX_OFF || limit_more(c))) bits |= WP_SANDBOX_LIMITS;
    if (c->mode != WP_SANDBOX_OFF && drop_capabilities()) bits |= WP_SANDBOX_NO_CAPABILITIES;
    if (prctl(PR_SET_DUMPABLE, 0) == 0) bits |= WP_SANDBOX_NOT_DUMPABLE;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) bits |= WP_SANDBOX_NO_NEW_PRIVILEGES;
    return bits;
}

static void demand(bool is_in_force, const char *what) {
    if (!is_in_force) sandbox_refuse("%s", what);
}

sandbox sandbox_enter(const confinement *c) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (c->mode == WP_SANDBOX_STRICT) namespaces_enter(c);
    bool is_demanded = c->mode >= WP_SANDBOX_REQUIRED;
    sandbox report = {enter(c), 0};
    if (c->mode == WP_SANDBOX_OFF) return report;
    report.landlock_abi = landlock_enter(c->readable, is_demanded);
    if (filter_enter()) report.bits |= WP_SANDBOX_SECCOMP;
    if (!is_demanded) return report;
    demand(report.landlock_abi > 0, "this kernel has no Landlock: Linux 5.13 or later, with landlock among lsm=");
    demand(report.bits & WP_SANDBOX_SECCOMP, "this kernel refuses a system call filter (CONFIG_SECCOMP_FILTER)");
    demand(report.bits & WP_SANDBOX_LIMITS, "limits were refused: are the container's own (ulimit) below them?");
    demand(report.bits & WP_SANDBOX_NO_CAPABILITIES, "capabilities could not be given up");
    demand(report.bits & WP_SANDBOX_NO_NEW_PRIVILEGES, "no_new_privs was refused");
    demand(report.bits & WP_SANDBOX_NOT_DUMPABLE, "PR_SET_DUMPABLE was refused");
    return report;
}

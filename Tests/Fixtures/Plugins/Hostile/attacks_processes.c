/* Attacks on the sidecar and other processes, and on who and where the worker is. */
#include "attacks.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t sidecar(void) { return number("HOSTILE_SIDECAR"); }
static pid_t neighbour(void) { return number("HOSTILE_NEIGHBOUR"); }

/* ---- the sidecar's memory */

static int opened_of_sidecar(const char *name, int flags) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", sidecar(), name);
    return opened(path, flags);
}
static int see_sidecar(void) {
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d", sidecar());
    return outcome(stat(path, &status));
}
static int read_command(void) { return opened_of_sidecar("cmdline", O_RDONLY); }
static int read_environ(void) { return opened_of_sidecar("environ", O_RDONLY); }
static int open_memory(void) { return opened_of_sidecar("mem", O_RDWR); }
static int read_maps(void) { return opened_of_sidecar("maps", O_RDONLY); }
static int list_descriptors(void) { return opened_of_sidecar("fd", O_RDONLY | O_DIRECTORY); }
static int follow_root(void) { return opened_of_sidecar("root/etc/passwd", O_RDONLY); }
static int move_memory(int call) {
    char byte = 0;
    struct iovec own = {&byte, 1}, other = {(void *)8, 1}; /* nothing is there: what is tried is the right to */
    return reached(syscall(call, sidecar(), &own, 1, &other, 1, 0));
}
static int read_memory(void) { return move_memory(SYS_process_vm_readv); }
static int write_memory(void) { return move_memory(SYS_process_vm_writev); }
static int trace(void) {
    if (ptrace(PTRACE_SEIZE, neighbour(), NULL, NULL) < 0) return errno;
    ptrace(PTRACE_INTERRUPT, neighbour(), NULL, NULL);
    waitpid(neighbour(), NULL, __WALL);
    return outcome(ptrace(PTRACE_DETACH, neighbour(), NULL, NULL));
}
static int take_descriptor(void) {
    int pidfd = (int)syscall(SYS_pidfd_open, sidecar(), 0);
    if (pidfd < 0) return errno;
    int taken = (int)syscall(SYS_pidfd_getfd, pidfd, 0, 0);
    int error = outcome(taken);
    close(pidfd);
    if (taken >= 0) close(taken);
    return error;
}
static int compare(void) { return outcome(syscall(SYS_kcmp, sidecar(), getpid(), 2, 0, 0)); }

/* ---- signals; 0 is the one that only asks whether one may */

static int send_kill(void) { return outcome(kill(sidecar(), 0)); }
static int send_to_neighbour(void) { return outcome(kill(neighbour(), 0)); }
static int send_tkill(void) { return outcome(syscall(SYS_tkill, sidecar(), 0)); }
static int send_tgkill(void) { return outcome(syscall(SYS_tgkill, sidecar(), sidecar(), 0)); }
static int send_queued(void) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_code = SI_QUEUE;
    return outcome(syscall(SYS_rt_sigqueueinfo, sidecar(), 0, &info));
}
static int send_pidfd(void) {
    int pidfd = (int)syscall(SYS_pidfd_open, sidecar(), 0);
    if (pidfd < 0) return errno;
    int error = outcome(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0));
    close(pidfd);
    return error;
}
static int send_by_owner(void) { return outcome(fcntl(3, F_SETOWN, sidecar())); }
static int send_to_all(void) { return outcome(kill(-1, 0)); }

/* ---- scheduling and limits of another process */

static int lower_priority(void) { return outcome(setpriority(PRIO_PROCESS, (id_t)neighbour(), 19)); }
static int lower_policy(void) {
    struct sched_param none = {0};
    return outcome(sched_setscheduler(neighbour(), SCHED_BATCH, &none));
}
static int lower_input(void) { return outcome(syscall(SYS_ioprio_set, 1, neighbour(), 3 << 13)); }
static int pin_to_processor(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    return outcome(sched_setaffinity(neighbour(), sizeof set, &set));
}
static int set_limits(void) {
    struct rlimit limit = {10, 10};
    return outcome(prlimit(neighbour(), RLIMIT_NOFILE, &limit, NULL));
}

/* ---- new processes */

static int ended_child(long pid) {
    int error = outcome(pid);
    if (pid == 0) _exit(0);
    if (pid > 0) waitpid((pid_t)pid, NULL, 0);
    return error;
}
static int call_fork(void) { return ended_child(fork()); }
static int call_clone(void) { return ended_child(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }
static int call_clone3(void) {
    unsigned long arguments[8] = {0};
    arguments[4] = SIGCHLD;
    return ended_child(syscall(SYS_clone3, arguments, sizeof arguments));
}
static int run_program(void) {
    char *const arguments[] = {"/bin/true", NULL};
    execv("/bin/true", arguments);
    return errno;
}
static int call_exec(void) { return in_child(run_program); }

/* ---- who and where it is */

static int become_dumpable(void) { return outcome(prctl(PR_SET_DUMPABLE, 1)); }
static int outlive(void) { return outcome(prctl(PR_SET_PDEATHSIG, 0)); }
static int raise_limits(void) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return outcome(setrlimit(RLIMIT_DATA, &limit));
}
static int become_root(void) { return outcome(setuid(0)); }
static int be_sidecars_user(void) { return (int)getuid() == number("HOSTILE_USER") ? 0 : ENODATA; }
static int see_parent(void) { return getppid() == sidecar() ? 0 : ENODATA; }
static int see_host_name(void) {
    struct utsname names;
    uname(&names);
    return strcmp(names.nodename, "worker") != 0 ? 0 : ENODATA;
}
static int new_user_namespace(void) { return outcome(unshare(CLONE_NEWUSER)); }
static int unshare_user(void) { return in_child(new_user_namespace); }
static int join_namespace(void) { return reached(syscall(SYS_setns, -1, 0)); }
static int pass_as_another(void) { return outcome(syscall(SYS_personality, 0xffffffff)); }

const attack process_attacks[] = {
    {"stat-sidecar", see_sidecar}, {"read-cmdline", read_command}, {"read-environ", read_environ},
    {"open-memory", open_memory}, {"read-maps", read_maps}, {"list-descriptors", list_descriptors},
    {"proc-root", follow_root}, {"process-vm-readv", read_memory}, {"process-vm-writev", write_memory},
    {"ptrace", trace}, {"pidfd-getfd", take_descriptor}, {"kcmp", compare}, {"kill", send_kill},
    {"kill-neighbour", send_to_neighbour}, {"tkill", send_tkill}, {"tgkill", send_tgkill},
    {"sigqueue", send_queued}, {"pidfd-signal", send_pidfd}, {"fcntl-setown", send_by_owner},
    {"kill-all", send_to_all}, {"setpriority", lower_priority}, {"sched-setscheduler", lower_policy},
    {"ioprio-set", lower_input}, {"sched-setaffinity", pin_to_processor}, {"prlimit", set_limits},
    {"fork", call_fork}, {"clone", call_clone}, {"clone3", call_clone3}, {"exec", call_exec},
    {"dumpable", become_dumpable}, {"outlive", outlive}, {"raise-limits", raise_limits}, {"setuid-root", become_root},
    {"same-user", be_sidecars_user}, {"see-parent", see_parent}, {"host-name", see_host_name},
    {"unshare-user", unshare_user}, {"setns", join_namespace}, {"personality", pass_as_another}, {NULL, NULL},
};

/* Each attack returns 0 if it succeeded, else its errno. The target is the parent, and what the environment names. */
#include "attacks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static int outcome(long result) { return result < 0 ? errno : 0; }

static int opened(const char *path, int flags) {
    int fd = open(path, flags, 0600);
    if (fd >= 0) close(fd);
    return outcome(fd);
}

static int opened_of_parent(const char *name, int flags) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", getppid(), name);
    return opened(path, flags);
}

static const char *target(const char *variable) {
    const char *path = getenv(variable);
    return path ? path : "/nowhere";
}

/* ---- the sidecar's memory */
static int read_environ(void) { return opened_of_parent("environ", O_RDONLY); }
static int open_memory(void) { return opened_of_parent("mem", O_RDWR); }
static int read_maps(void) { return opened_of_parent("maps", O_RDONLY); }
static int trace(void) { return outcome(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL)); }
static int move_memory(int call) {
    char byte;
    struct iovec own = {&byte, 1}, other = {&byte, 1};
    return outcome(syscall(call, getppid(), &own, 1, &other, 1, 0));
}
static int read_memory(void) { return move_memory(SYS_process_vm_readv); }
static int write_memory(void) { return move_memory(SYS_process_vm_writev); }
static int take_descriptor(void) {
    long pidfd = syscall(SYS_pidfd_open, getppid(), 0);
    return pidfd < 0 ? errno : outcome(syscall(SYS_pidfd_getfd, pidfd, 0, 0));
}
static int compare(void) { return outcome(syscall(SYS_kcmp, getppid(), getpid(), 0, 0, 0)); }

/* ---- signals to the sidecar; 0 is the signal that only asks whether one may */
static int send_kill(void) { return outcome(kill(getppid(), 0)); }
static int send_tkill(void) { return outcome(syscall(SYS_tkill, getppid(), 0)); }
static int send_tgkill(void) { return outcome(syscall(SYS_tgkill, getppid(), getppid(), 0)); }
static int send_queued(void) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_code = SI_QUEUE;
    return outcome(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
}
static int send_pidfd(void) {
    long pidfd = syscall(SYS_pidfd_open, getppid(), 0);
    return pidfd < 0 ? errno : outcome(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0));
}
static int send_by_owner(void) { return outcome(fcntl(3, F_SETOWN, getppid())); }
static int send_to_all(void) { return outcome(kill(-1, 0)); }

/* ---- the sidecar's scheduling and limits */
static int lower_priority(void) { return outcome(setpriority(PRIO_PROCESS, (id_t)getppid(), 19)); }
static int pin_to_processor(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    return outcome(sched_setaffinity(getppid(), sizeof set, &set));
}
static int set_limits(void) {
    struct rlimit limit = {10, 10};
    return outcome(prlimit(getppid(), RLIMIT_NOFILE, &limit, NULL));
}

/* ---- files */
static int read_token(void) { return opened(target("HOSTILE_TOKEN"), O_RDONLY); }
static int write_token(void) { return opened(target("HOSTILE_TOKEN"), O_WRONLY); }
static int truncate_token(void) { return outcome(truncate(target("HOSTILE_TOKEN"), 0)); }
static int unlink_token(void) { return outcome(unlink(target("HOSTILE_TOKEN"))); }
static int chmod_token(void) { return outcome(chmod(target("HOSTILE_TOKEN"), 0777)); }
static int chown_token(void) { return outcome(chown(target("HOSTILE_TOKEN"), 1, 1)); }
static int mark_token(void) { return outcome(setxattr(target("HOSTILE_TOKEN"), "user.x", "x", 1, 0)); }
static int list_root(void) { return opened("/", O_RDONLY | O_DIRECTORY); }
static int read_passwd(void) { return opened("/etc/passwd", O_RDONLY); }
static int make_file(void) { return opened("/tmp/outrigger-hostile", O_WRONLY | O_CREAT); }
static int make_folder(void) { return outcome(mkdir("/tmp/outrigger-hostile", 0700)); }
static int make_shared_memory(void) { return opened("/dev/shm/outrigger-hostile", O_RDWR | O_CREAT); }

/* ---- the network */
static int connect_unix(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", target("HOSTILE_SOCKET"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return fd < 0 ? errno : outcome(connect(fd, (struct sockaddr *)&address, sizeof address));
}
static int open_tcp(void) { return outcome(socket(AF_INET, SOCK_STREAM, 0)); }
static int open_udp(void) { return outcome(socket(AF_INET, SOCK_DGRAM, 0)); }
static int open_netlink(void) { return outcome(socket(AF_NETLINK, SOCK_RAW, 0)); }
static int open_pair(void) {
    int pair[2];
    return outcome(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

/* ---- other processes */
static int ended_child(long pid) {
    if (pid == 0) _exit(0);
    if (pid > 0) waitpid((pid_t)pid, NULL, 0);
    return outcome(pid);
}
static int call_fork(void) { return ended_child(fork()); }
static int call_clone(void) { return ended_child(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }
static int call_clone3(void) {
    unsigned long arguments[8] = {0};
    arguments[4] = SIGCHLD;
    return ended_child(syscall(SYS_clone3, arguments, sizeof arguments));
}
static int call_exec(void) {
    char *const arguments[] = {"/bin/true", NULL};
    return outcome(execv("/bin/true", arguments));
}

/* ---- its own cage, and the kernel's */
static int become_dumpable(void) { return outcome(prctl(PR_SET_DUMPABLE, 1)); }
static int outlive(void) { return outcome(prctl(PR_SET_PDEATHSIG, 0)); }
static int raise_limits(void) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return outcome(setrlimit(RLIMIT_DATA, &limit));
}
static int become_root(void) { return outcome(setuid(0)); }
static int leave_namespace(void) { return outcome(unshare(CLONE_NEWUSER)); }
static int use_ring(void) {
    char parameters[120] = {0};
    return outcome(syscall(SYS_io_uring_setup, 1, parameters));
}
static int load_program(void) { return outcome(syscall(SYS_bpf, 0, NULL, 0)); }
static int handle_faults(void) { return outcome(syscall(SYS_userfaultfd, 0)); }
static int count_events(void) {
    char attributes[128] = {0};
    return outcome(syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0));
}
static int mount_over(void) { return outcome(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL)); }
static int use_keys(void) { return outcome(syscall(SYS_keyctl, 0, -3, 1, 0, 0)); }

static const struct {
    const char *name;
    int (*attempt)(void);
} attacks[] = {
    {"read-environ", read_environ}, {"open-memory", open_memory}, {"read-maps", read_maps}, {"ptrace", trace},
    {"read-memory", read_memory}, {"write-memory", write_memory}, {"take-descriptor", take_descriptor},
    {"kcmp", compare}, {"kill", send_kill}, {"tkill", send_tkill}, {"tgkill", send_tgkill},
    {"sigqueue", send_queued}, {"pidfd-signal", send_pidfd}, {"signal-by-owner", send_by_owner},
    {"kill-all", send_to_all}, {"setpriority", lower_priority}, {"setaffinity", pin_to_processor},
    {"prlimit", set_limits}, {"read-token", read_token}, {"write-token", write_token},
    {"truncate-token", truncate_token}, {"unlink-token", unlink_token}, {"chmod-token", chmod_token},
    {"chown-token", chown_token}, {"setxattr-token", mark_token}, {"list-root", list_root},
    {"read-passwd", read_passwd}, {"make-file", make_file}, {"make-folder", make_folder},
    {"shared-memory", make_shared_memory}, {"connect-unix", connect_unix}, {"tcp", open_tcp}, {"udp", open_udp},
    {"netlink", open_netlink}, {"socketpair", open_pair}, {"fork", call_fork}, {"clone", call_clone},
    {"clone3", call_clone3}, {"exec", call_exec}, {"dumpable", become_dumpable}, {"outlive", outlive},
    {"raise-limits", raise_limits}, {"setuid", become_root}, {"unshare", leave_namespace}, {"io-uring", use_ring},
    {"bpf", load_program}, {"userfaultfd", handle_faults}, {"perf", count_events}, {"mount", mount_over},
    {"keyctl", use_keys},
};

void attack_all(char *report, size_t size) {
    const char *only = getenv("HOSTILE_ATTACKS");
    size_t used = 0;
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; ++i) {
        if (only && !strstr(only, attacks[i].name)) continue;
        int error = attacks[i].attempt();
        used += (size_t)snprintf(report + used, size - used, "%s %d\n", attacks[i].name, error);
    }
}

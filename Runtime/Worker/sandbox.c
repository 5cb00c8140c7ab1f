/* What is shut before the plugin is loaded. Runs while the process has one thread and no foreign code. */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- Landlock (linux/landlock.h of the newest kernels is not everywhere, so the numbers stand here) */

#define LANDLOCK_CREATE_RULESET 444
#define LANDLOCK_ADD_RULE 445
#define LANDLOCK_RESTRICT_SELF 446
#define FS_EXECUTE (1ull << 0)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)

struct ruleset {
    uint64_t filesystem, network, scoped;
};
struct path_rule {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

static void allow_path(int ruleset, const char *path, uint64_t access) {
    struct path_rule rule = {access, open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent < 0) return;
    syscall(LANDLOCK_ADD_RULE, ruleset, 1, &rule, 0);
    close(rule.parent);
}

/* The ABI in force, 0 for none. */
static uint32_t landlock(void) {
    long abi = syscall(LANDLOCK_CREATE_RULESET, NULL, 0, 1);
    if (abi < 1) return 0;
    struct ruleset rules = {(1ull << 13) - 1, 0, 0};
    if (abi >= 2) rules.filesystem |= 1ull << 13; /* refer */
    if (abi >= 3) rules.filesystem |= 1ull << 14; /* truncate */
    if (abi >= 5) rules.filesystem |= 1ull << 15; /* ioctl on devices */
    if (abi >= 4) rules.network = 3;              /* bind and connect TCP */
    if (abi >= 6) rules.scoped = 3;               /* abstract sockets, signals */
    size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    int ruleset = (int)syscall(LANDLOCK_CREATE_RULESET, &rules, size, 0);
    if (ruleset < 0) return 0;
    static const char *const libraries[] = {"/lib", "/usr/lib", "/lib64", "/usr/lib64"};
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; ++i)
        allow_path(ruleset, libraries[i], FS_EXECUTE | FS_READ_FILE | FS_READ_DIR);
    allow_path(ruleset, "/usr/share/zoneinfo", FS_READ_FILE | FS_READ_DIR);
    static const char *const files[] = {"/etc/ld.so.cache", "/dev/urandom", "/dev/null"};
    for (size_t i = 0; i < sizeof files / sizeof *files; ++i) allow_path(ruleset, files[i], FS_READ_FILE);
    bool is_in_force = syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0;
    close(ruleset);
    return is_in_force ? (uint32_t)abi : 0;
}

/* ---- seccomp: a list of what is denied, since plugins bring runtimes whose calls nobody can list. */

#if defined(__x86_64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the filter knows x86_64 and aarch64"
#endif

static const int denied[] = {
    /* the network, and other sockets than the one it has */
    __NR_socket, __NR_socketpair, __NR_connect, __NR_bind, __NR_listen, __NR_accept, __NR_accept4,
    /* other programs and processes */
    __NR_execve, __NR_execveat, __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev, __NR_process_madvise,
    __NR_pidfd_open, __NR_pidfd_getfd, __NR_pidfd_send_signal, __NR_kcmp, __NR_tkill, __NR_rt_sigqueueinfo,
    __NR_rt_tgsigqueueinfo, __NR_setpriority, __NR_ioprio_set, __NR_sched_setscheduler, __NR_sched_setparam,
    __NR_sched_setattr, __NR_sched_setaffinity, __NR_setrlimit, __NR_migrate_pages, __NR_move_pages,
    __NR_shmget, __NR_shmat, __NR_semget, __NR_msgget, __NR_mq_open,
    /* what Landlock does not cover of files */
    __NR_fchmod, __NR_fchmodat, __NR_fchown, __NR_fchownat, __NR_utimensat, __NR_setxattr, __NR_lsetxattr,
    __NR_fsetxattr, __NR_removexattr, __NR_lremovexattr, __NR_fremovexattr, __NR_open_by_handle_at,
    __NR_name_to_handle_at, __NR_inotify_init1, __NR_fanotify_init,
    /* the kernel's rarely walked parts, and the machine */
    __NR_io_uring_setup, __NR_io_uring_enter, __NR_io_uring_register, __NR_bpf, __NR_userfaultfd,
    __NR_perf_event_open, __NR_unshare, __NR_setns, __NR_mount, __NR_umount2, __NR_pivot_root, __NR_chroot,
    __NR_open_tree, __NR_move_mount, __NR_fsopen, __NR_fsconfig, __NR_fsmount, __NR_fspick, __NR_keyctl,
    __NR_add_key, __NR_request_key, __NR_init_module, __NR_finit_module, __NR_delete_module, __NR_kexec_load,
    __NR_reboot, __NR_swapon, __NR_swapoff, __NR_acct, __NR_quotactl, __NR_settimeofday, __NR_clock_settime,
    __NR_adjtimex, __NR_clock_adjtime, __NR_sethostname, __NR_setdomainname, __NR_syslog, __NR_personality,
    /* other identities */
    __NR_setuid, __NR_setgid, __NR_setreuid, __NR_setregid, __NR_setresuid, __NR_setresgid, __NR_setgroups,
    __NR_setfsuid, __NR_setfsgid, __NR_capset,
#if defined(__NR_mount_setattr)
    __NR_mount_setattr,
#endif
#if defined(__NR_fchmodat2)
    __NR_fchmodat2,
#endif
#if defined(__x86_64__)
    __NR_fork, __NR_vfork, __NR_chmod, __NR_chown, __NR_lchown, __NR_utime, __NR_utimes, __NR_futimesat,
    __NR_inotify_init, __NR_ioperm, __NR_iopl, __NR_modify_ldt, __NR_kexec_file_load,
#endif
};

#define DENIED_COUNT (sizeof denied / sizeof *denied)
#define LOW(field) ((uint32_t)offsetof(struct seccomp_data, field))
#define ARGUMENT(n) ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (n)))
#define HIGH(n) (ARGUMENT(n) + 4)

typedef struct program {
    struct sock_filter lines[2 * DENIED_COUNT + 96];
    unsigned short count;
} program;

static void add(program *p, uint16_t code, uint32_t value, uint8_t when_true, uint8_t when_false) {
    struct sock_filter line = {code, when_true, when_false, value};
    p->lines[p->count++] = line;
}
static void load(program *p, uint32_t offset) { add(p, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0); }
static void answer(program *p, uint32_t action) { add(p, BPF_RET | BPF_K, action, 0, 0); }
static uint32_t error_of(int number) { return SECCOMP_RET_ERRNO | ((uint32_t)number & SECCOMP_RET_DATA); }
/* The accumulator holds the call's number, before and after. */
static void deny(program *p, int call, int error) {
    add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1);
    answer(p, error_of(error));
}
/* Allows the call only with this first argument (a pid, so 32 bits decide). */
static void allow_only(program *p, int call, uint32_t first) {
    add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 4);
    load(p, ARGUMENT(0));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, first, 1, 0);
    answer(p, error_of(EPERM));
    answer(p, SECCOMP_RET_ALLOW);
}
/* Denies the call with any of these values of an argument. */
static void deny_values(program *p, int call, uint32_t argument, const uint32_t *values, uint8_t count) {
    add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, (uint8_t)(count + 3));
    load(p, ARGUMENT(argument));
    for (uint8_t i = 0; i < count; ++i)
        add(p, BPF_JMP | BPF_JEQ | BPF_K, values[i], (uint8_t)(count - i), 0);
    answer(p, SECCOMP_RET_ALLOW);
    answer(p, error_of(EPERM));
}

static void build(program *p) {
    load(p, LOW(arch));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCHITECTURE, 1, 0);
    answer(p, SECCOMP_RET_KILL_PROCESS);
    load(p, LOW(nr));
#if defined(__x86_64__)
    add(p, BPF_JMP | BPF_JGE | BPF_K, 0x40000000u, 0, 1); /* the x32 numbers */
    answer(p, SECCOMP_RET_KILL_PROCESS);
#endif
    for (size_t i = 0; i < DENIED_COUNT; ++i) deny(p, denied[i], EPERM);

    deny(p, __NR_clone3, ENOSYS); /* its flags are behind a pointer; glibc falls back to clone */
    add(p, BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 4);
    load(p, ARGUMENT(0));
    add(p, BPF_JMP | BPF_JSET | BPF_K, 0x00010000u /* CLONE_THREAD */, 1, 0);
    answer(p, error_of(EPERM));
    answer(p, SECCOMP_RET_ALLOW);

    uint32_t own = (uint32_t)getpid(); /* abort() and pthread_kill() still work */
    allow_only(p, __NR_kill, own);
    allow_only(p, __NR_tgkill, own);

    /* Reading one's own limits is harmless, and C libraries do it. */
    add(p, BPF_JMP | BPF_JEQ | BPF_K, __NR_prlimit64, 0, 8);
    load(p, ARGUMENT(0));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 4);
    load(p, ARGUMENT(2));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
    load(p, HIGH(2));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
    answer(p, error_of(EPERM));
    answer(p, SECCOMP_RET_ALLOW);

    static const uint32_t process[] = {PR_SET_PDEATHSIG, PR_SET_DUMPABLE, 0x59616d61 /* PR_SET_PTRACER */};
    deny_values(p, __NR_prctl, 0, process, 3);
    /* Signals by way of a descriptor's owner. */
    static const uint32_t owner[] = {F_SETOWN, 10 /* F_SETSIG */, 15 /* F_SETOWN_EX */};
    deny_values(p, __NR_fcntl, 1, owner, 3);
    static const uint32_t terminal[] = {0x8901 /* FIOSETOWN */, 0x8902 /* SIOCSPGRP */, 0x5412 /* TIOCSTI */};
    deny_values(p, __NR_ioctl, 1, terminal, 3);
    answer(p, SECCOMP_RET_ALLOW);
}

static bool seccomp(void) {
    program filter = {.count = 0};
    build(&filter);
    struct sock_fprog code = {filter.count, filter.lines};
    return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &code) == 0;
}

/* ---- all of it */

static bool limit(int resource, uint64_t value) {
    struct rlimit bound = {value, value};
    return setrlimit((__rlimit_resource_t)resource, &bound) == 0;
}

sandbox sandbox_enter(int mode, uint64_t memory_bytes) {
    sandbox report = {0, 0, ""};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* DATA counts what is written to, so runtimes that reserve much address space still start. */
    if (limit(RLIMIT_DATA, memory_bytes) && limit(RLIMIT_NOFILE, 64) && limit(RLIMIT_CORE, 0))
        report.bits |= WP_SANDBOX_LIMITS;
    if (prctl(PR_SET_DUMPABLE, 0) == 0) report.bits |= WP_SANDBOX_NOT_DUMPABLE;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) report.bits |= WP_SANDBOX_NO_NEW_PRIVILEGES;
    if (mode != WP_SANDBOX_OFF) {
        report.landlock_abi = landlock();
        if (seccomp()) report.bits |= WP_SANDBOX_SECCOMP;
    }
    if (mode == WP_SANDBOX_REQUIRED) {
        const uint32_t all =
            WP_SANDBOX_LIMITS | WP_SANDBOX_NOT_DUMPABLE | WP_SANDBOX_NO_NEW_PRIVILEGES | WP_SANDBOX_SECCOMP;
        if (!report.landlock_abi)
            eh_copy_text(report.missing, sizeof report.missing, "this kernel has no Landlock");
        else if ((report.bits & all) != all)
            eh_copy_text(report.missing, sizeof report.missing,
                         "limits, no-new-privileges or the system call filter were refused");
    }
    return report;
}

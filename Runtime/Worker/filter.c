/* seccomp: a list of what is denied, since plugins bring runtimes whose calls nobody can list. What is younger than
 * the list does not exist. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the filter knows x86_64 and aarch64"
#endif

static const int denied[] = {
    /* the network, and other sockets than the one it has; of that, anything but bytes */
    __NR_socket, __NR_socketpair, __NR_connect, __NR_bind, __NR_listen, __NR_accept, __NR_accept4, __NR_sendmsg,
    __NR_recvmsg, __NR_sendmmsg, __NR_recvmmsg, __NR_getsockopt, __NR_setsockopt, __NR_getsockname, __NR_getpeername,
    /* other programs and processes */
    __NR_execve, __NR_execveat, __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev, __NR_process_madvise,
    __NR_pidfd_open, __NR_pidfd_getfd, __NR_pidfd_send_signal, __NR_kcmp, __NR_tkill, __NR_rt_sigqueueinfo,
    __NR_rt_tgsigqueueinfo, __NR_setpriority, __NR_ioprio_set, __NR_sched_setscheduler, __NR_sched_setparam,
    __NR_sched_setattr, __NR_sched_setaffinity, __NR_setrlimit, __NR_migrate_pages, __NR_move_pages,
    __NR_shmget, __NR_shmat, __NR_shmctl, __NR_semget, __NR_semop, __NR_semtimedop, __NR_semctl, __NR_msgget,
    __NR_msgsnd, __NR_msgrcv, __NR_msgctl, __NR_mq_open, __NR_mq_unlink,
    /* memory that no limit counts, or that is no longer the kernel's to take back */
    __NR_memfd_create, __NR_remap_file_pages, __NR_mlock, __NR_mlock2, __NR_mlockall,
    /* what Landlock does not cover of files */
    __NR_truncate, __NR_fchmod, __NR_fchmodat, __NR_fchown, __NR_fchownat, __NR_utimensat, __NR_setxattr,
    __NR_lsetxattr, __NR_fsetxattr, __NR_removexattr, __NR_lremovexattr, __NR_fremovexattr, __NR_open_by_handle_at,
    __NR_name_to_handle_at, __NR_inotify_init1, __NR_fanotify_init, __NR_sync, __NR_syncfs,
    /* the kernel's rarely walked parts, and the machine */
    __NR_io_uring_setup, __NR_io_uring_enter, __NR_io_uring_register, __NR_bpf, __NR_userfaultfd,
    __NR_perf_event_open, __NR_unshare, __NR_setns, __NR_mount, __NR_umount2, __NR_pivot_root, __NR_chroot,
    __NR_open_tree, __NR_move_mount, __NR_fsopen, __NR_fsconfig, __NR_fsmount, __NR_fspick, __NR_keyctl,
    __NR_add_key, __NR_request_key, __NR_init_module, __NR_finit_module, __NR_delete_module, __NR_kexec_load,
    __NR_reboot, __NR_swapon, __NR_swapoff, __NR_acct, __NR_quotactl, __NR_settimeofday, __NR_clock_settime,
    __NR_adjtimex, __NR_clock_adjtime, __NR_sethostname, __NR_setdomainname, __NR_syslog, __NR_personality,
    __NR_vhangup,
    /* other identities */
    __NR_setuid, __NR_setgid, __NR_setreuid, __NR_setregid, __NR_setresuid, __NR_setresgid, __NR_setgroups,
    __NR_setfsuid, __NR_setfsgid, __NR_capset,
    /* younger calls, which have one number on all machines */
    442 /* mount_setattr */, 443 /* quotactl_fd */, 447 /* memfd_secret */, 448 /* process_mrelease */,
    452 /* fchmodat2 */, 457 /* statmount */, 458 /* listmount */, 459 /* lsm_get_self_attr */,
    460 /* lsm_set_self_attr */, 461 /* lsm_list_modules */, 463 /* setxattrat */, 466 /* removexattrat */,
    467 /* open_tree_attr */, 469 /* file_setattr */,
#if defined(__x86_64__)
    __NR_fork, __NR_vfork, __NR_chmod, __NR_chown, __NR_lchown, __NR_utime, __NR_utimes, __NR_futimesat,
    __NR_inotify_init, __NR_ioperm, __NR_iopl, __NR_modify_ldt, __NR_kexec_file_load,
#endif
};
#define FIRST_UNKNOWN 470

#define DENIED_COUNT (sizeof denied / sizeof *denied)
#define LOW(field) ((uint32_t)offsetof(struct seccomp_data, field))
#define ARGUMENT(n) ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (n)))
#define HIGH(n) (ARGUMENT(n) + 4)

typedef struct program {
    struct sock_filter lines[2 * DENIED_COUNT + 128];
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
/* Answers a call by whether 32 bits of an argument are among these values. */
static void decide(program *p, int call, uint32_t argument, const uint32_t *values, uint8_t count, bool is_allowed) {
    add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, (uint8_t)(count + 3));
    load(p, ARGUMENT(argument));
    for (uint8_t i = 0; i < count; ++i)
        add(p, BPF_JMP | BPF_JEQ | BPF_K, values[i], (uint8_t)(count - i), 0);
    answer(p, is_allowed ? error_of(EPERM) : SECCOMP_RET_ALLOW);
    answer(p, is_allowed ? SECCOMP_RET_ALLOW : error_of(EPERM));
}

/* Threads and nothing else, and none with a namespace of its own. */
static void allow_threads(program *p) {
    deny(p, __NR_clone3, ENOSYS); /* its flags are behind a pointer; C libraries fall back to clone */
    add(p, BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 5);
    load(p, ARGUMENT(0));
    add(p, BPF_JMP | BPF_JSET | BPF_K, 0x7e020000u /* CLONE_NEW... */, 1, 0);
    add(p, BPF_JMP | BPF_JSET | BPF_K, 0x00010000u /* CLONE_THREAD */, 1, 0);
    answer(p, error_of(EPERM));
    answer(p, SECCOMP_RET_ALLOW);
}

/* Reading one's own limits is harmless, and C libraries do it. */
static void allow_own_limits(program *p) {
    add(p, BPF_JMP | BPF_JEQ | BPF_K, __NR_prlimit64, 0, 8);
    load(p, ARGUMENT(0));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 4);
    load(p, ARGUMENT(2));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2);
    load(p, HIGH(2));
    add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
    answer(p, error_of(EPERM));
    answer(p, SECCOMP_RET_ALLOW);
}

/* Shared memory without a file is data that RLIMIT_DATA does not count. */
static void deny_shared_memory(program *p) {
    add(p, BPF_JMP | BPF_JEQ | BPF_K, __NR_mmap, 0, 5);
    load(p, ARGUMENT(3));
    add(p, BPF_ALU | BPF_AND | BPF_K, MAP_SHARED | MAP_ANONYMOUS, 0, 0);
    add(p, BPF_JMP | BPF_JEQ | BPF_K, MAP_SHARED | MAP_ANONYMOUS, 0, 1);
    answer(p, error_of(EPERM));
    answer(p, SECCOMP_RET_ALLOW);
}

static void decide_arguments(program *p) {
    const uint32_t own = (uint32_t)getpid(); /* abort() and pthread_kill() still work */
    decide(p, __NR_kill, 0, &own, 1, true);
    decide(p, __NR_tgkill, 0, &own, 1, true);
    static const uint32_t process[] = {
        PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_MM, 0x59616d61 /* PR_SET_PTRACER */, 62 /* PR_SCHED_CORE */,
    };
    decide(p, __NR_prctl, 0, process, sizeof process / sizeof *process, false);
    /* Signals by way of a descriptor's owner; leases and notices on files that others use. */
    static const uint32_t owner[] = {
        F_SETOWN, 10 /* F_SETSIG */, 15 /* F_SETOWN_EX */, 1024 /* F_SETLEASE */, 1026 /* F_NOTIFY */,
    };
    decide(p, __NR_fcntl, 1, owner, sizeof owner / sizeof *owner, false);
    /* Whether it is a terminal, how much there is to read, whether to block or to close on exec. */
    static const uint32_t controls[] = {0x5401, 0x802c542a, 0x5413, 0x541b, 0x5421, 0x5450, 0x5451};
    decide(p, __NR_ioctl, 1, controls, sizeof controls / sizeof *controls, true);
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
    add(p, BPF_JMP | BPF_JGE | BPF_K, FIRST_UNKNOWN, 0, 1);
    answer(p, error_of(ENOSYS));
    for (size_t i = 0; i < DENIED_COUNT; ++i) deny(p, denied[i], EPERM);
    allow_threads(p);
    allow_own_limits(p);
    deny_shared_memory(p);
    decide_arguments(p);
    answer(p, SECCOMP_RET_ALLOW);
}

bool filter_enter(void) {
    program filter = {.count = 0};
    build(&filter);
    struct sock_fprog code = {filter.count, filter.lines};
    return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &code) == 0;
}

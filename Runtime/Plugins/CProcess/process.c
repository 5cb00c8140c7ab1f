#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIRTH_FDS 6
#define LIBRARY 5
#define LIBRARY_FD 7
#define HEIR_MS 10000

static int result(long value) { return value < 0 ? -errno : (int)value; }

/* Away from the numbers that the child's descriptors get. */
static int above(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 10); }

static int spawn(const cp_order *order, const int *from, pid_t *pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, from[0], 1);
    posix_spawn_file_actions_adddup2(&actions, from[0], 2);
    int next = 3;
    for (int i = 1; i < LIBRARY; ++i)
        if (from[i] >= 0) posix_spawn_file_actions_adddup2(&actions, from[i], next++);
    if (from[LIBRARY] >= 0) posix_spawn_file_actions_adddup2(&actions, from[LIBRARY], LIBRARY_FD);
    if (from[LIBRARY] >= 0 && next < LIBRARY_FD) posix_spawn_file_actions_addclose(&actions, next);
    posix_spawn_file_actions_addclosefrom_np(&actions, from[LIBRARY] >= 0 ? LIBRARY_FD + 1 : next);
    posix_spawn_file_actions_addchdir_np(&actions, order->directory);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    int error = posix_spawn(pid, order->path, &actions, &attributes, order->arguments, order->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

/* The process that took the place of `first`, which is gone then; or `first` itself, which says why there is none. */
static pid_t heir_of(pid_t first, int pipe) {
    struct pollfd readable = {pipe, POLLIN, 0};
    pid_t heir = 0;
    int count;
    do count = poll(&readable, 1, HEIR_MS);
    while (count < 0 && errno == EINTR);
    if (count <= 0) kill(first, SIGKILL);
    if (count <= 0 || read(pipe, &heir, sizeof heir) != sizeof heir) return first;
    while (waitpid(first, NULL, 0) < 0 && errno == EINTR) continue;
    return heir;
}

int cp_spawn(const cp_order *order, pid_t *pid) {
    int heir[2] = {-1, -1};
    if (order->has_heir && pipe2(heir, O_CLOEXEC) < 0) return -errno;
    const cp_birth *birth = &order->birth;
    int from[BIRTH_FDS] = {
        above(birth->output), above(birth->channel), above(birth->plugin), above(birth->blame), -1, -1,
    };
    if (order->has_heir) from[4] = above(heir[1]);
    if (birth->library >= 0) from[LIBRARY] = above(birth->library);
    int error = spawn(order, from, pid);
    for (int i = 0; i < BIRTH_FDS; ++i)
        if (from[i] >= 0) close(from[i]);
    if (!order->has_heir) return error;
    close(heir[1]);
    if (error == 0) *pid = heir_of(*pid, heir[0]);
    close(heir[0]);
    return error;
}

int cp_pidfd_open(pid_t pid) { return result(syscall(SYS_pidfd_open, pid, 0)); }
int cp_pidfd_kill(int pidfd) { return result(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0)); }

int cp_reap(int pidfd, int *status, int *is_signal) {
    siginfo_t info;
    int error;
    do error = waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED);
    while (error < 0 && errno == EINTR);
    if (error < 0) return -errno;
    *status = info.si_status;
    *is_signal = info.si_code != CLD_EXITED;
    return 0;
}

int cp_memory_file(const char *name) { return result(memfd_create(name, MFD_ALLOW_SEALING | MFD_CLOEXEC)); }
int cp_seal(int file) {
    return result(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL));
}

static int own_end_first(int ends[2]) {
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) return -errno;
    return 0;
}

int cp_channel(int ends[2]) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -errno;
    return own_end_first(ends);
}

int cp_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    return own_end_first(ends);
}

int cp_create_file(const char *path) { return result(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)); }

int cp_read_file(const char *path, void *to, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -errno;
    int count = result(read(file, to, size));
    close(file);
    return count;
}

int cp_contains(const void *bytes, size_t size, const char *text) {
    return memmem(bytes, size, text, strlen(text)) != NULL;
}

int cp_not_dumpable(void) { return result(prctl(PR_SET_DUMPABLE, 0)); }

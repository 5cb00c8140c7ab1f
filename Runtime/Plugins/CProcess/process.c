#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int result(long value) { return value < 0 ? -errno : (int)value; }

/* Away from the numbers that the child's descriptors get. */
static int above(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 10); }

int cp_spawn(const char *path, char *const *arguments, char *const *environment, cp_birth birth, pid_t *pid) {
    int from[4] = {above(birth.output), above(birth.channel), above(birth.plugin), above(birth.blame)};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, from[0], 1);
    posix_spawn_file_actions_adddup2(&actions, from[0], 2);
    for (int i = 1; i < 4; ++i) posix_spawn_file_actions_adddup2(&actions, from[i], i + 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 6);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    int error = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < 4; ++i)
        if (from[i] >= 0) close(from[i]);
    return -error;
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

int cp_not_dumpable(void) { return result(prctl(PR_SET_DUMPABLE, 0)); }

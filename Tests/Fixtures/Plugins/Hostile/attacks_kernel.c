/* Attacks by the network, by memory that nobody counts, and on the kernel's own surface. */
#include "attacks.h"

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <unistd.h>

static int closed(int fd) {
    int error = outcome(fd);
    if (fd >= 0) close(fd);
    return error;
}

/* ---- sockets */

static int connect_to(const char *path, bool is_abstract) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path + is_abstract, sizeof address.sun_path - is_abstract, "%s", path);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + is_abstract + strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int error = fd < 0 ? errno : outcome(connect(fd, (struct sockaddr *)&address, size));
    if (fd >= 0) close(fd);
    return error;
}
static int connect_unix(void) { return connect_to(getenv("HOSTILE_SOCKET"), false); }
static int connect_abstract(void) { return connect_to(getenv("HOSTILE_SOCKET"), true); }
static int open_tcp(void) { return closed(socket(AF_INET, SOCK_STREAM, 0)); }
static int open_udp(void) { return closed(socket(AF_INET6, SOCK_DGRAM, 0)); }
static int open_raw(void) { return closed(socket(AF_INET, SOCK_RAW, 1)); }
static int open_packet(void) { return closed(socket(17 /* AF_PACKET */, SOCK_DGRAM, 0)); }
static int open_netlink(void) { return closed(socket(AF_NETLINK, SOCK_RAW, 0)); }
static int open_vsock(void) { return closed(socket(40 /* AF_VSOCK */, SOCK_STREAM, 0)); }
static int open_pair(void) {
    int pair[2];
    int error = outcome(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    if (!error) close(pair[0]), close(pair[1]);
    return error;
}
/* No byte, so that the frames stay whole, but a descriptor. */
static int send_descriptor(void) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control;
    memset(&control, 0, sizeof control);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof control};
    return outcome(sendmsg(3, &message, MSG_NOSIGNAL));
}
static int ask_peer(void) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    return outcome(getsockopt(3, SOL_SOCKET, SO_PEERCRED, &peer, &size));
}
static int hold_peer(void) {
    int pidfd = -1;
    socklen_t size = sizeof pidfd;
    int error = outcome(getsockopt(3, SOL_SOCKET, 77 /* SO_PEERPIDFD */, &pidfd, &size));
    if (pidfd >= 0) close(pidfd);
    return error;
}

/* ---- what processes share */

static int share_segment(void) {
    int id = shmget(IPC_PRIVATE, 4096, 0600);
    int error = outcome(id);
    if (id >= 0) shmctl(id, IPC_RMID, NULL);
    return error;
}
static int share_semaphores(void) {
    int id = semget(IPC_PRIVATE, 1, 0600);
    int error = outcome(id);
    if (id >= 0) semctl(id, 0, IPC_RMID);
    return error;
}
static int share_messages(void) {
    int id = msgget(IPC_PRIVATE, 0600);
    int error = outcome(id);
    if (id >= 0) msgctl(id, IPC_RMID, NULL);
    return error;
}
static int steal_message(void) {
    struct {
        long type;
        char text[16];
    } message;
    return outcome(msgrcv(number("HOSTILE_QUEUE"), &message, sizeof message.text, 0, MSG_NOERROR | IPC_NOWAIT));
}
static int open_queue(void) {
    int fd = (int)syscall(SYS_mq_open, "outrigger-hostile", O_RDWR | O_CREAT, 0600, NULL);
    int error = outcome(fd);
    if (fd >= 0) close(fd), syscall(SYS_mq_unlink, "outrigger-hostile");
    return error;
}
static int share_memory(void) {
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return errno;
    munmap(memory, 4096);
    return 0;
}
static int make_memory_file(void) { return closed((int)syscall(SYS_memfd_create, "hostile", 0)); }
static int lock_memory(void) {
    static char page[4096];
    int error = outcome(mlock(page, sizeof page));
    if (!error) munlock(page, sizeof page);
    return error;
}

/* ---- the kernel's rarely walked parts */

static int use_ring(void) {
    char parameters[120] = {0};
    return closed((int)syscall(SYS_io_uring_setup, 1, parameters));
}
static int load_program(void) {
    char attributes[128] = {0};
    return reached(syscall(SYS_bpf, 0, attributes, sizeof attributes));
}
static int handle_faults(void) { return closed((int)syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */)); }
static int count_events(void) {
    /* A counter of nothing, of this process, in user mode. */
    unsigned attributes[32] = {1 /* PERF_TYPE_SOFTWARE */, 128, 9 /* PERF_COUNT_SW_DUMMY */};
    attributes[10] = 1u << 5; /* exclude_kernel */
    return closed((int)syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0));
}
static int mount_something(void) {
    unshare(CLONE_NEWNS);
    syscall(SYS_mount, "none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return outcome(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL));
}
static int mount_over(void) { return in_child(mount_something); }
static int mount_newly(void) { return closed((int)syscall(SYS_fsopen, "tmpfs", 0)); }
static int new_root(void) { return outcome(chroot("/")); }
static int change_root(void) { return in_child(new_root); }
static int list_mounts(void) {
    unsigned long request[3] = {24, 0xffffffffffffffffu /* LSMT_ROOT */, 0}, found[16];
    return outcome(syscall(458, request, found, 16, 0));
}
static int use_keys(void) { return outcome(syscall(SYS_keyctl, 0, -3, 1, 0, 0)); }
static int add_key(void) { return outcome(syscall(SYS_add_key, "user", "hostile", "x", 1, -2)); }
static int name_host(void) {
    char name[65] = "";
    gethostname(name, sizeof name - 1);
    return outcome(sethostname(name, strlen(name)));
}
static int read_clock(void) {
    struct timex state = {.modes = 0};
    return outcome(adjtimex(&state));
}
static int type_for_others(void) { return reached(ioctl(0, 0x5412 /* TIOCSTI */, "x")); }

const attack kernel_attacks[] = {
    {"connect-unix", connect_unix}, {"connect-abstract", connect_abstract}, {"tcp", open_tcp}, {"udp", open_udp},
    {"raw", open_raw}, {"packet", open_packet}, {"netlink", open_netlink}, {"vsock", open_vsock},
    {"socketpair", open_pair}, {"send-descriptor", send_descriptor}, {"peer-credentials", ask_peer},
    {"peer-pidfd", hold_peer}, {"sysv-shm", share_segment}, {"sysv-sem", share_semaphores},
    {"sysv-msg", share_messages}, {"steal-message", steal_message}, {"posix-mq", open_queue},
    {"shared-anonymous", share_memory}, {"memfd", make_memory_file}, {"mlock", lock_memory},
    {"io-uring", use_ring}, {"bpf", load_program}, {"userfaultfd", handle_faults}, {"perf", count_events},
    {"mount", mount_over}, {"fsopen", mount_newly}, {"chroot", change_root}, {"listmount", list_mounts},
    {"keyctl", use_keys}, {"add-key", add_key}, {"sethostname", name_host}, {"adjtimex", read_clock},
    {"tiocsti", type_for_others}, {NULL, NULL},
};

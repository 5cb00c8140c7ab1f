/* What the attacks share, and those on files. */
#include "attacks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

const char *attacked_from = "load";

int reached(long result) {
    int error = outcome(result);
    return error == EINVAL || error == EFAULT || error == EBADF || error == ENOTTY ? 0 : error;
}

int number(const char *variable) {
    const char *text = getenv(variable);
    return text ? atoi(text) : -1;
}

int opened(const char *path, int flags) {
    int fd = open(path, flags, 0600);
    int error = outcome(fd);
    if (fd >= 0) close(fd);
    return error;
}

int in_child(int (*attempt)(void)) {
    pid_t child = fork();
    if (child < 0) return attempt();
    if (child == 0) _exit(attempt());
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

void attack_all(const char *place, char *report, size_t size) {
    const attack *const lists[] = {file_attacks, process_attacks, kernel_attacks};
    size_t used = 0;
    attacked_from = place;
    for (size_t i = 0; i < 3; ++i)
        for (const attack *a = lists[i]; a->name; ++a) {
            int error = a->attempt();
            used += (size_t)snprintf(report + used, size - used, "%s %d\n", a->name, error);
        }
}

/* ---- a file of the sidecar's, such as the token of its service account */

static const char *token(void) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s/token", getenv("HOSTILE_FOLDER"), attacked_from);
    return path;
}
static const char *beside(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s/%s", getenv("HOSTILE_FOLDER"), attacked_from, name);
    return path;
}

static int read_token(void) { return opened(token(), O_RDONLY); }
static int write_token(void) { return opened(token(), O_WRONLY); }
static int stat_token(void) {
    struct stat status;
    return outcome(stat(token(), &status));
}
static int truncate_token(void) { return outcome(truncate(token(), 0)); }
static int chmod_token(void) { return outcome(chmod(token(), 0600)); }
static int chmod_token_newly(void) { return outcome(syscall(452, AT_FDCWD, token(), 0600, 0)); }
static int chown_token(void) { return outcome(chown(token(), getuid(), getgid())); }
static int touch_token(void) { return outcome(utimensat(AT_FDCWD, token(), NULL, 0)); }
static int mark_token(void) { return outcome(setxattr(token(), "user.x", "x", 1, 0)); }
static int mark_token_newly(void) {
    struct {
        unsigned long value;
        unsigned size, flags;
    } arguments = {(unsigned long)(void *)"x", 1, 0};
    return outcome(syscall(463, AT_FDCWD, token(), 0, "user.y", &arguments, sizeof arguments));
}
static int link_token(void) { return outcome(link(token(), beside("link"))); }
static int rename_token(void) {
    char old[512];
    snprintf(old, sizeof old, "%s", token());
    int error = outcome(rename(old, beside("moved")));
    if (!error) rename(beside("moved"), old);
    return error;
}
static int watch_token(void) {
    int fd = inotify_init1(IN_CLOEXEC);
    int error = fd < 0 ? errno : outcome(inotify_add_watch(fd, token(), IN_ACCESS));
    if (fd >= 0) close(fd);
    return error;
}
static int handle_of_token(void) {
    struct {
        unsigned size;
        int type;
        unsigned char bytes[128];
    } handle = {128, 0, {0}};
    int mount;
    return outcome(syscall(SYS_name_to_handle_at, AT_FDCWD, token(), &handle, &mount, 0));
}
static int unlink_token(void) { return outcome(unlink(token())); }

/* ---- the file system */

static int list_root(void) {
    int fd = open("/", O_RDONLY | O_DIRECTORY);
    int error = outcome(fd);
    if (fd >= 0) close(fd);
    return error;
}
static int see_etc(void) {
    struct stat status;
    return outcome(stat("/etc/passwd", &status));
}
static int read_passwd(void) { return opened("/etc/passwd", O_RDONLY); }
static int list_proc(void) { return opened("/proc", O_RDONLY | O_DIRECTORY); }
static int go_there(void) {
    int own = open(".", O_PATH | O_DIRECTORY);
    int error = outcome(chdir(getenv("HOSTILE_FOLDER")));
    if (fchdir(own) != 0) abort();
    close(own);
    return error;
}
static int measure_disk(void) {
    struct statfs status;
    return outcome(statfs(getenv("HOSTILE_FOLDER"), &status));
}
static int make(const char *path) {
    int error = opened(path, O_WRONLY | O_CREAT);
    if (!error) unlink(path);
    return error;
}
static int make_file(void) { return make(beside("made")); }
static int make_own_file(void) { return make("outrigger-hostile"); }
static int make_folder(void) {
    int error = outcome(mkdir(beside("made"), 0700));
    if (!error) rmdir(beside("made"));
    return error;
}
static int make_link(void) {
    int error = outcome(symlink("/etc", beside("made")));
    if (!error) unlink(beside("made"));
    return error;
}
static int make_fifo(void) {
    int error = outcome(mkfifo(beside("made"), 0600));
    if (!error) unlink(beside("made"));
    return error;
}
static int make_shared_memory(void) { return make("/dev/shm/outrigger-hostile"); }
static int with_cache(int (*attempt)(int)) {
    int fd = open("/etc/ld.so.cache", O_RDONLY);
    int error = fd < 0 ? errno : attempt(fd);
    if (fd >= 0) close(fd);
    return error;
}
static int get_flags(int fd) {
    int flags;
    return outcome(ioctl(fd, 0x80086601 /* FS_IOC_GETFLAGS */, &flags));
}
static int file_flags(void) { return with_cache(get_flags); }
static int watch_folder(void) {
    int fd = open("/usr/lib", O_RDONLY | O_DIRECTORY);
    int error = fd < 0 ? errno : outcome(fcntl(fd, 1026 /* F_NOTIFY */, 1));
    if (fd >= 0) close(fd);
    return error;
}
static int watch_everything(void) {
    int fd = (int)syscall(SYS_fanotify_init, 0x200 /* FAN_REPORT_FID */, 0);
    if (fd >= 0) close(fd);
    return outcome(fd);
}

const attack file_attacks[] = {
    {"read-token", read_token}, {"write-token", write_token}, {"stat-token", stat_token},
    {"truncate-token", truncate_token}, {"chmod-token", chmod_token}, {"fchmodat2-token", chmod_token_newly},
    {"chown-token", chown_token}, {"touch-token", touch_token}, {"setxattr-token", mark_token},
    {"setxattrat-token", mark_token_newly}, {"link-token", link_token}, {"rename-token", rename_token},
    {"inotify-token", watch_token}, {"file-handle", handle_of_token}, {"unlink-token", unlink_token},
    {"list-root", list_root}, {"stat-passwd", see_etc}, {"read-passwd", read_passwd}, {"list-proc", list_proc},
    {"make-own-file", make_own_file}, {"chdir", go_there}, {"statfs", measure_disk}, {"make-file", make_file},
    {"make-folder", make_folder}, {"make-symlink", make_link}, {"make-fifo", make_fifo},
    {"make-dev-shm", make_shared_memory}, {"file-flags", file_flags}, {"dnotify", watch_folder},
    {"fanotify", watch_everything}, {NULL, NULL},
};

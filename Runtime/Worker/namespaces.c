/* strict: a user, namespaces and a root of the worker's own.
 *
 * Two steps in two processes, for a PID namespace holds the children of who makes it. The first process makes the
 * others, starts this program anew as a sibling of itself, that is, as a child of the host's, tells the host its
 * process id, and is gone. The second, the worker, exchanges its root for an empty one. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define IN_KUBERNETES "; in Kubernetes give the sidecar's container "
#define PROFILE \
    IN_KUBERNETES "a seccomp profile that allows clone, unshare, mount, pivot_root, fsopen, open_tree and their kin " \
                  "(RuntimeDefault does not), and look at user.max_user_namespaces and, with AppArmor, at " \
                  "kernel.apparmor_restrict_unprivileged_userns on the node"

static const char *why(void) { return strerror(errno); }

/* ---- the first step */

static void take_user(uint32_t user) {
    if (!user && geteuid() == 0)
        sandbox_refuse("the sidecar is root, and no user is left for this handler: set `users` to a range of uids");
    if (!user) return;
    if (setgroups(0, NULL) != 0 || setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0)
        sandbox_refuse("uid %u: %s" IN_KUBERNETES "runAsUser: 0 and capabilities.add: [SETUID, SETGID], or remove "
                       "`users`", user, why());
}

static bool write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return false;
    bool is_written = write(file, text, strlen(text)) == (ssize_t)strlen(text);
    close(file);
    return is_written;
}

/* One user and one group, under their own numbers. */
static bool map_user(uid_t user, gid_t group) {
    char users[64], groups[64];
    snprintf(users, sizeof users, "%u %u 1", user, user);
    snprintf(groups, sizeof groups, "%u %u 1", group, group);
    return write_file("/proc/self/uid_map", users) && write_file("/proc/self/setgroups", "deny") &&
           write_file("/proc/self/gid_map", groups);
}

/* What the second step needs survives the start of a program only in this way. */
static bool keep_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    const uint32_t needed = 1u << CAP_SYS_ADMIN | 1u << CAP_SETPCAP;
    if (syscall(SYS_capget, &header, data) != 0) return false;
    data[0].inheritable = needed;
    if (syscall(SYS_capset, &header, data) != 0) return false;
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0) == 0 &&
           prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETPCAP, 0, 0) == 0;
}

static void make_namespaces(void) {
    uid_t user = geteuid();
    gid_t group = getegid();
    /* Taking another uid made this process undumpable, and its files in /proc root's. There is no secret in it. */
    prctl(PR_SET_DUMPABLE, 1);
    if (unshare(CLONE_NEWUSER) != 0) sandbox_refuse("no user namespace: %s" PROFILE, why());
    if (!map_user(user, group)) sandbox_refuse("the user namespace takes no map: %s" PROFILE, why());
    static const struct {
        int flag;
        const char *name;
    } kinds[] = {{CLONE_NEWNS, "mount"}, {CLONE_NEWNET, "network"}, {CLONE_NEWIPC, "IPC"}, {CLONE_NEWUTS, "UTS"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i)
        if (unshare(kinds[i].flag) != 0) sandbox_refuse("no %s namespace: %s" PROFILE, kinds[i].name, why());
    if (!keep_capabilities()) sandbox_refuse("the user namespace gives no capabilities: %s" PROFILE, why());
}

noreturn void namespaces_enter(const confinement *c) {
    take_user(c->user);
    make_namespaces();
    fcntl(WP_HEIR_FD, F_SETFD, FD_CLOEXEC);
    char inside[4];
    snprintf(inside, sizeof inside, "%d", WP_SANDBOX_INSIDE);
    c->arguments[1] = inside;
    pid_t heir = (pid_t)syscall(SYS_clone, CLONE_PARENT | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    if (heir == 0) {
        execv("/proc/self/exe", c->arguments);
        sandbox_refuse("the worker cannot be started anew: %s", why());
    }
    if (heir < 0) sandbox_refuse("no PID namespace: %s" PROFILE, why());
    if (write(WP_HEIR_FD, &heir, sizeof heir) != sizeof heir) _exit(EXIT_CHANNEL);
    _exit(EXIT_SUCCESS);
}

/* ---- the second step: the new mount calls have one number everywhere, and C libraries do not all have them. */

#define OPEN_TREE 428
#define MOVE_MOUNT 429
#define FSOPEN 430
#define FSCONFIG 431
#define FSMOUNT 432
#define MOUNT_SETATTR 442
#define RECURSIVE 0x8000 /* AT_RECURSIVE */
#define EMPTY_PATH 0x1000

static bool restrict_mount(int mount, uint64_t attributes, unsigned how) {
    struct {
        uint64_t set, clear, propagation, user_namespace;
    } change = {attributes, 0, 0, 0};
    return syscall(MOUNT_SETATTR, mount, "", EMPTY_PATH | how, &change, sizeof change) == 0;
}

static int make_root(void) {
    int context = (int)syscall(FSOPEN, "tmpfs", 1 /* FSOPEN_CLOEXEC */);
    if (context < 0) return -1;
    bool is_made = syscall(FSCONFIG, context, 1 /* SET_STRING */, "size", "256k", 0) == 0 &&
                   syscall(FSCONFIG, context, 1, "mode", "0755", 0) == 0 &&
                   syscall(FSCONFIG, context, 6 /* CMD_CREATE */, NULL, NULL, 0) == 0;
    int root = is_made ? (int)syscall(FSMOUNT, context, 1, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) : -1;
    close(context);
    return root;
}

/* Folders down to a path, beneath the root, and at its end a place to mount on. */
static bool make_place(int root, const char *path, bool is_folder) {
    char part[4096];
    size_t size = strlen(path);
    if (size >= sizeof part) return false;
    for (size_t end = 1; end <= size; ++end) {
        if (path[end] != '/' && path[end] != '\0') continue;
        memcpy(part, path, end);
        part[end] = '\0';
        if (path[end] == '\0' && !is_folder) {
            int file = openat(root, part, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
            if (file >= 0) close(file);
            return file >= 0;
        }
        if (mkdirat(root, part, 0755) != 0 && errno != EEXIST) return false;
    }
    return true;
}

/* A path of the old root at the same path of the new one, read-only. */
static bool show(int root, const char *path, uint64_t attributes) {
    struct stat status;
    while (*path == '/') ++path;
    if (fstatat(root, path, &status, 0) == 0) return true; /* within one that is there already */
    char old[4097];
    snprintf(old, sizeof old, "/%s", path);
    if (stat(old, &status) != 0) return false;
    int tree = (int)syscall(OPEN_TREE, AT_FDCWD, old, 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC | RECURSIVE);
    if (tree < 0) return false;
    bool is_shown = restrict_mount(tree, attributes, RECURSIVE) && make_place(root, path, S_ISDIR(status.st_mode)) &&
                    syscall(MOVE_MOUNT, tree, "", root, path, 4 /* MOVE_MOUNT_F_EMPTY_PATH */) == 0;
    int error = errno;
    close(tree);
    errno = error;
    return is_shown;
}

static int in_order(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Sorted, so that a folder comes before what lies in it. */
static void show_all(int root, char *const *readable) {
    size_t count = 0;
    while (readable[count]) ++count;
    const char **paths = calloc(count + 16, sizeof *paths);
    if (!paths) sandbox_refuse("no memory");
    for (size_t i = 0; i < count; ++i) paths[i] = readable[i];
    for (size_t i = 0; system_folders[i]; ++i) paths[count++] = system_folders[i];
    for (size_t i = 0; system_files[i]; ++i) paths[count++] = system_files[i];
    qsort(paths, count, sizeof *paths, in_order);
    for (size_t i = 0; i < count; ++i) {
        uint64_t device = strncmp(paths[i], "/dev/", 5) == 0 ? 0 : MOUNT_ATTR_NODEV;
        if (show(root, paths[i], MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | device)) continue;
        bool is_demanded = false;
        for (size_t j = 0; readable[j]; ++j) is_demanded |= readable[j] == paths[i];
        if (is_demanded || errno != ENOENT) sandbox_refuse("%s in the worker's root: %s", paths[i], why());
    }
    free(paths);
}

uint32_t namespaces_settle(const confinement *c) {
    if (getpid() != 1) sandbox_refuse("no PID namespace" PROFILE);
    int root = make_root();
    if (root < 0) sandbox_refuse("no root of its own: %s" PROFILE, why());
    show_all(root, c->readable);
    /* Not /proc, but of it the worker's own folder: for its descriptors, by which the plugin is loaded. */
    if (!show(root, "/proc/self", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV))
        sandbox_refuse("no /proc/self in the worker's root: %s" PROFILE, why());
    if (mkdirat(root, ".worker", 0755) != 0 || syscall(MOVE_MOUNT, root, "", AT_FDCWD, ".", 4) != 0 ||
        fchdir(root) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || syscall(SYS_umount2, ".", 2 /* DETACH */) != 0)
        sandbox_refuse("no root of its own: %s" PROFILE, why());
    if (!restrict_mount(root, MOUNT_ATTR_RDONLY, 0) || chdir("/.worker") != 0 || sethostname("worker", 6) != 0)
        sandbox_refuse("no root of its own: %s" PROFILE, why());
    close(root);
    return WP_SANDBOX_NAMESPACES | (c->user ? WP_SANDBOX_OWN_USER : 0);
}

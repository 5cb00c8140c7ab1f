/* Landlock: which files the worker may read, and that it may write none. (linux/landlock.h of the newest kernels is
 * not everywhere, so the numbers stand here.) */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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

const char *const system_folders[] = {"/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/share/zoneinfo", NULL};
const char *const system_files[] = {"/etc/ld.so.cache", "/dev/urandom", "/dev/null", NULL};

/* Reading, and for libraries executing, beneath a path; false if it is not there. */
static bool allow(int ruleset, const char *path, uint64_t access) {
    struct stat status;
    struct path_rule rule = {access, open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent < 0) return false;
    if (fstat(rule.parent, &status) == 0 && !S_ISDIR(status.st_mode)) rule.allowed &= ~FS_READ_DIR;
    bool is_added = syscall(LANDLOCK_ADD_RULE, ruleset, 1, &rule, 0) == 0;
    int error = errno;
    close(rule.parent);
    errno = error;
    return is_added;
}

static int make_ruleset(long abi) {
    struct ruleset rules = {(1ull << 13) - 1, 0, 0};
    if (abi >= 2) rules.filesystem |= 1ull << 13; /* refer */
    if (abi >= 3) rules.filesystem |= 1ull << 14; /* truncate */
    if (abi >= 5) rules.filesystem |= 1ull << 15; /* ioctl on devices */
    if (abi >= 4) rules.network = 3;              /* bind and connect TCP */
    if (abi >= 6) rules.scoped = 3;               /* abstract sockets, signals */
    size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    return (int)syscall(LANDLOCK_CREATE_RULESET, &rules, size, 0);
}

uint32_t landlock_enter(char *const *readable, bool is_demanded) {
    long abi = syscall(LANDLOCK_CREATE_RULESET, NULL, 0, 1);
    int ruleset = abi < 1 ? -1 : make_ruleset(abi);
    if (ruleset < 0) return 0;
    for (size_t i = 0; system_folders[i]; ++i)
        allow(ruleset, system_folders[i], FS_EXECUTE | FS_READ_FILE | FS_READ_DIR);
    for (size_t i = 0; system_files[i]; ++i) allow(ruleset, system_files[i], FS_READ_FILE);
    allow(ruleset, ".", FS_READ_FILE | FS_READ_DIR); /* its own folder, which is empty */
    for (size_t i = 0; readable[i]; ++i)
        if (!allow(ruleset, readable[i], FS_READ_FILE | FS_READ_DIR) && is_demanded)
            sandbox_refuse("readable %s: %s", readable[i], strerror(errno));
    bool is_in_force = syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0;
    close(ruleset);
    return is_in_force ? (uint32_t)abi : 0;
}

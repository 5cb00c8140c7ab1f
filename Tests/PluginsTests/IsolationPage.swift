/// SANDBOX.md: what the tests assert, for people.
enum SandboxPage {
    static var text: String {
        let tables = Escape.chapters.map { chapter in
            let rows = chapter.escapes.map { escape in
                "| `\(escape.name)` | \(escape.what) | \(escape.off.text) | \(escape.required.text) | "
                    + "\(escape.strict.text) |"
            }
            return """
                ### \(chapter.title)

                | attempt | what it is | off | required | strict |
                |---|---|---|---|---|
                \(rows.joined(separator: "\n"))

                """
        }
        let count = Escape.chapters.reduce(0) { $0 + $1.escapes.count }
        return head + "\n" + tables.joined(separator: "\n") + "\n" + tail.replacing("COUNT", with: "\(count)")
    }

    private static let head = """
        # The sandbox

        A handler is foreign code in the sidecar's pod. It runs in a worker process that shuts itself in before the
        plugin is loaded, while it has one thread. The setting `sandbox` says how far:

        | | `off` | `available` | `required` | `strict` |
        |---|---|---|---|---|
        | limits: data, open files, no core file | yes | yes | yes | yes |
        | limits: locked memory, file size, message queues, stack | no | yes | yes | yes |
        | not dumpable, `no_new_privs` | yes | yes | yes | yes |
        | no capability | no | yes | yes | yes |
        | Landlock: reads libraries and `readable`, writes nothing | no | where the kernel has it | yes | yes |
        | seccomp: no sockets, programs, processes, mounts, keys, ... | no | where the kernel has it | yes | yes |
        | user, PID, network, IPC, UTS and mount namespaces | no | no | no | yes |
        | a root with nothing in it but what is readable | no | no | no | yes |
        | threads limited by the kernel | no | no | no | yes |
        | a user of its own (`workers.users`) | no | no | no | where the sidecar is root |

        A worker that lacks something which its mode demands does not start: `plugin.sandbox` says what is missing. What
        is in force is in the log, part by part, and in the metric `outrigger_sandbox`.

        ## What each layer is for

        - **Landlock** decides which files may be opened. It says nothing about which may be looked at: the existence,
          size and age of a file are visible under `required`.
        - **seccomp** takes away the calls that reach other processes, the network and the kernel's rarely walked parts,
          and every call that is younger than the list.
        - **No capability** matters where the sidecar is root; then its workers are, too, but without root's rights.
        - **Namespaces** remove what the two others guard: there is no other process, no network, no file. An error in a
          rule of theirs then leads nowhere.
        - **A user of its own** keeps handlers apart from the sidecar, and from each other, by the oldest rule of all.
        - **The host looks**, each second, at what a worker uses: own memory beyond `memory` by a margin, in whatever
          way, and more than 256 threads are the end of it. `memory-soft` replaces it between events.

        ## What was tried

        Each of these from a constructor of the plugin, from `create` and from `handle`, with the same result. The tests
        (IsolationTests) assert each cell, as root and as an ordinary user, and this page is generated from them.
        `available` is as `required` on a kernel that has everything, and was tried likewise.

        """

    private static let tail = """
        ## Tried by tests of their own

        - 32-bit system calls (`int 0x80`): the process is killed, under `required` and `strict`.
        - As many threads as possible: under `strict` the kernel refuses the 256th; elsewhere the host kills the worker.
        - Shared memory and page tables, which no limit counts: the host kills the worker, under `off`, too.
        - Forged, malformed and foreign frames; closed and replaced descriptors; floods of log and output; deaths of
          every kind: BlameTests.
        - Remapping the page of blame marks: the identities behind them are in a file that the worker never has.

        ## What is not protected against

        - Errors of the kernel in calls that are allowed.
        - What can be measured: time (TSC), caches, load, branch predictors. Handlers that must not know of each other
          belong in different pods, on different nodes.
        - Use of the processor within the deadline. It is the container's limit that bounds it.
        - Under `required`: the existence of files and processes, the pod's name, the sidecar's process id. A burst of
          threads lives up to a second.
        - A handler that lies in its results, its log lines or its metrics. What it may publish is listed, nothing else.
        - `off` is for debugging alone.
        - A handler with `isolation: inline`: it runs in the sidecar, and nothing of this page holds for it
          (Decisions/0015).

        ## What `strict` needs

        - A kernel with unprivileged user namespaces (`user.max_user_namespaces` above 0; on Ubuntu
          `kernel.apparmor_restrict_unprivileged_userns=0` or a profile of its own).
        - In Kubernetes a seccomp profile of the sidecar's container that allows `clone` with namespaces, `unshare`,
          `umount2`, `pivot_root`, `open_tree`, `move_mount`, `fsopen`, `fsconfig`, `fsmount`, `mount_setattr` and
          `sethostname`: `RuntimeDefault` does not. They are for the worker alone, before it loads the plugin.
        - For users of their own: `runAsUser: 0` with the capabilities `SETUID` and `SETGID`, and `workers.users`. A
          sidecar that is an ordinary user, as in config/deploy, does without: its workers have its uid, in a user
          namespace without rights.

        COUNT attempts in all.

        """
}

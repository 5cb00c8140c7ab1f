import Events
import Foundation
import Pipeline
@testable import Plugins
import Support
import Testing

/// Every way out of a worker that a same-user process has, tried while the plugin is loaded and while it handles.
@Suite struct SandboxTests {
    static let attacks: Set<String> = [
        "read-environ", "open-memory", "read-maps", "ptrace", "read-memory", "write-memory", "take-descriptor", "kcmp",
        "kill", "tkill", "tgkill", "sigqueue", "pidfd-signal", "signal-by-owner", "kill-all", "setpriority",
        "setaffinity", "prlimit", "read-token", "write-token", "truncate-token", "unlink-token", "chmod-token",
        "chown-token", "setxattr-token", "list-root", "read-passwd", "make-file", "make-folder", "shared-memory",
        "connect-unix", "tcp", "udp", "netlink", "socketpair", "fork", "clone", "clone3", "exec", "dumpable",
        "outlive", "raise-limits", "setuid", "unshare", "io-uring", "bpf", "userfaultfd", "perf", "mount", "keyctl",
    ]

    @Test func nothingThatAHandlerTriesSucceeds() async throws {
        try ProcessHardening.apply()
        let folder = try TemporaryFolder()
        let token = folder.file("token")
        try Data("secret".utf8).write(to: URL(filePath: token))
        let change: (inout HandlerOptions) -> Void = {
            $0.environment = ["HOSTILE_LOAD": "attack", "HOSTILE_TOKEN": token, "HOSTILE_SOCKET": folder.file("s")]
        }
        try await TestHost.with("hostile", of: "hostile", change) { test, profile in
            #expect(profile.sandbox.isComplete)
            let writes = try #require(try await test.run("hostile", do: "attack").effects?.writes)
            for key in ["load", "handle"] {
                let report = try #require(writes.first { $0.key == Bytes(key) }?.value).text
                var tried: Set<String> = []
                for line in report.split(separator: "\n") {
                    let words = line.split(separator: " ").map(String.init)
                    tried.insert(words[0])
                    #expect(words[1] != "0", "\(words[0]) succeeded in \(key)")
                }
                #expect(tried == Self.attacks)
            }
        }
        #expect(try String(contentsOfFile: token, encoding: .utf8) == "secret")
    }

    /// So that the test above fails for the right reason: without the sandbox, those that harm nobody work.
    @Test func withoutTheSandboxAttacksSucceed() async throws {
        let harmless = ["tcp", "udp", "fork", "list-root", "dumpable"]
        let change: (inout HandlerOptions) -> Void = {
            $0.sandbox = .off
            $0.environment = ["HOSTILE_ATTACKS": harmless.joined(separator: " ")]
        }
        try await TestHost.with("hostile", of: "hostile", change) { test, profile in
            #expect(profile.sandbox.landlock == 0 && !profile.sandbox.systemCallFilter)
            #expect(profile.sandbox.limits && profile.sandbox.noNewPrivileges && profile.sandbox.notDumpable)
            let writes = try #require(try await test.run("hostile", do: "attack").effects?.writes)
            let report = try #require(writes.first { $0.key == Bytes("handle") }?.value).text
            #expect(Set(report.split(separator: "\n")) == Set(harmless.map { "\($0) 0" }))
        }
    }

    @Test func theEnvironmentIsWhatIsConfigured() async throws {
        // HOSTILE_LOAD is set for nobody else, so a plugin that finds it would abort.
        setenv("HOSTILE_LOAD", "abort", 1)
        defer { unsetenv("HOSTILE_LOAD") }
        try await TestHost.with("hostile", of: "hostile") { test, _ in
            try await test.expect("hostile", do: "done", "done")
        }
    }
}

import Foundation

/// What the figures were measured on.
enum Machine {
    static var description: String {
        let cpu = text("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
            .flatMap { $0.split(separator: ":").last }.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
        let kernel = text("/proc/sys/kernel/osrelease").trimmingCharacters(in: .whitespacesAndNewlines)
        return "machine: \(cpu), \(ProcessInfo.processInfo.activeProcessorCount) cores, Linux \(kernel)"
    }

    static func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

    /// CPU time of the calling thread, in microseconds.
    static var threadMicroseconds: Double {
        // Seconds and nanoseconds, as timespec has them: which module that type is of depends on what else is imported.
        var time = (seconds: Int64(0), nanoseconds: Int64(0))
        withUnsafeMutableBytes(of: &time) { bytes in
            _ = bytes.bindMemory(to: timespec.self).baseAddress.map { clock_gettime(CLOCK_THREAD_CPUTIME_ID, $0) }
        }
        return Double(time.seconds) * 1e6 + Double(time.nanoseconds) / 1e3
    }

    /// User and system time that a process has used, in microseconds (proc(5), fields 14 and 15 of stat).
    static func microseconds(of process: Int32) -> Double {
        let fields = text("/proc/\(process)/stat").split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 13, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) * 1e6 / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Resident memory in kB: the proportional share, and of it what is backed by no file and what is by one.
    struct Memory {
        var whole = 0
        var anonymous = 0
        var fileBacked = 0

        static func + (a: Memory, b: Memory) -> Memory {
            Memory(
                whole: a.whole + b.whole, anonymous: a.anonymous + b.anonymous, fileBacked: a.fileBacked + b.fileBacked)
        }
        var text: String {
            "\(whole / 1024) MB (PSS): \(anonymous / 1024) anonymous, \(fileBacked / 1024) file-backed"
        }
    }

    /// Of all of them together (proc(5), smaps_rollup; shared memory counts as a file).
    static func memory(of processes: [Int32]) -> Memory {
        processes.reduce(Memory()) { sum, process in
            var fields: [Substring: Int] = [:]
            for line in text("/proc/\(process)/smaps_rollup").split(separator: "\n") {
                let words = line.split(separator: " ", maxSplits: 2)
                if words.count > 1 { fields[words[0]] = Int(words[1]) }
            }
            func field(_ name: Substring) -> Int { fields[name] ?? 0 }
            return sum
                + Memory(
                    whole: field("Pss:"), anonymous: field("Pss_Anon:"),
                    fileBacked: field("Pss_File:") + field("Pss_Shmem:"))
        }
    }

    static func descriptors(of process: Int32) -> Int {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd")) ?? []).count
    }

    static func children(of process: Int32) -> [Int32] {
        text("/proc/\(process)/task/\(process)/children").split(separator: " ").compactMap { Int32($0) }
            + threads(of: process).filter { $0 != process }.flatMap { thread in
                text("/proc/\(process)/task/\(thread)/children").split(separator: " ").compactMap { Int32($0) }
            }
    }

    private static func threads(of process: Int32) -> [Int32] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []).compactMap { Int32($0) }
    }
}

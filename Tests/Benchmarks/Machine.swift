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

    /// The proportional share of resident memory, in kB.
    static func proportionalSetSize(of process: Int32) -> Int {
        text("/proc/\(process)/smaps_rollup").split(separator: "\n").first { $0.hasPrefix("Pss:") }
            .flatMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } } ?? 0
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

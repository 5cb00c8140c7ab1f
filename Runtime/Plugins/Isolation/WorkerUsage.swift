import CProcess

/// What a process has of memory and threads, as the kernel counts them in /proc/PID/status, which needs no right to
/// look into the process.
struct WorkerUsage: Equatable {
    /// Bytes that are its own: written to (RssAnon), shared without a file (RssShmem), swapped, and page tables. What
    /// it maps of files is not counted: the kernel can drop it.
    let memory: Int
    let threads: Int

    /// `nil` if it is gone, or /proc does not show it.
    init?(process: Int32) {
        let text = withUnsafeTemporaryAllocation(byteCount: 8_192, alignment: 1) { buffer -> String? in
            let count = cp_read_file("/proc/\(process)/status", buffer.baseAddress!, buffer.count)
            return count > 0 ? String(decoding: buffer[..<Int(count)], as: UTF8.self) : nil
        }
        guard let text else { return nil }
        self.init(status: text)
    }

    /// - Parameter status: the text of /proc/PID/status, proc(5). A process that has ended has no memory.
    init?(status: String) {
        var memory = 0
        var threads: Int?
        for line in status.split(separator: "\n") {
            let words = line.split { $0 == " " || $0 == "\t" || $0 == ":" }
            guard words.count >= 2, let value = Int(words[1]) else { continue }
            switch words[0] {
            case "RssAnon", "RssShmem", "VmSwap", "VmPTE": memory += value * 1_024
            case "Threads": threads = value
            default: break
            }
        }
        guard let threads else { return nil }
        self.memory = memory
        self.threads = threads
    }
}

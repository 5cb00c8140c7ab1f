import CProcess
import Events
import Glibc
import WorkerProtocol

/// Which events a worker's threads are in, in a file that both map: readable after an abort of the worker, and by the
/// next sidecar after the whole container was killed. The worker writes marks on the first page, which is all of it
/// that it maps; the identities behind it are the host's.
final class BlameFile {
    struct Mark: Equatable {
        let batch: UInt32
        let events: Range<Int>
    }

    let path: String
    /// For the worker; closed by whoever spawns it.
    let descriptor: Int32
    private let memory: UnsafeMutableRawPointer
    var page: UnsafeMutablePointer<wp_blame_page> { memory.assumingMemoryBound(to: wp_blame_page.self) }

    private static let size = Int(WP_BLAME_FILE_BYTES)
    private static let suffix = ".blame"

    init(in directory: String) throws(Failure) {
        path = "\(directory)/\(UInt64.random(in: 0...UInt64.max))\(Self.suffix)"
        descriptor = cp_create_file(path)
        guard descriptor >= 0 else {
            throw Failure(.handleWorkerUnavailable, path, SystemError.text(-descriptor))
        }
        let mapped = ftruncate(descriptor, Self.size) == 0 ? Self.map(descriptor, writing: true) : nil
        guard let mapped else {
            close(descriptor)
            unlink(path)
            throw Failure(.handleWorkerUnavailable, path, "cannot be mapped")
        }
        memory = mapped
        page.pointee.magic = WP_BLAME_MAGIC
        page.pointee.version = UInt32(WP_VERSION)
    }

    deinit { munmap(memory, Self.size) }

    private static func map(_ file: Int32, writing: Bool) -> UnsafeMutableRawPointer? {
        let access = writing ? PROT_READ | PROT_WRITE : PROT_READ
        let memory = mmap(nil, size, access, MAP_SHARED, file, 0)
        return memory == MAP_FAILED ? nil : memory
    }

    /// Before the batch is sent: so a mark that the worker sets always finds its identities.
    func begin(lane: Int, batch: UInt32, _ events: [EventID]) {
        wp_lane_begin(page, UInt32(lane), batch)
        for (index, event) in events.prefix(Int(WP_BATCH_EVENTS)).enumerated() {
            let (issuer, text) = (Array(event.issuer.utf8), Array(event.text.utf8))
            guard max(issuer.count, text.count) <= Limits.identifierBytes else { continue }
            let slot = memory + Self.offset(lane, index)
            slot.storeBytes(of: UInt16(issuer.count), as: UInt16.self)
            slot.storeBytes(of: UInt16(text.count), toByteOffset: 2, as: UInt16.self)
            (slot + 4).copyMemory(from: issuer, byteCount: issuer.count)
            (slot + 4 + issuer.count).copyMemory(from: text, byteCount: text.count)
        }
    }

    /// What the lane's thread is in. The worker may have written anything here.
    func mark(lane: Int) -> Mark? { Self.mark(page, lane) }

    func remove() { unlink(path) }

    private static func offset(_ lane: Int, _ index: Int) -> Int {
        Int(WP_BLAME_PAGE_BYTES) + (lane * Int(WP_BATCH_EVENTS) + index) * Int(WP_BLAME_IDENTITY_BYTES)
    }

    private static func mark(_ page: UnsafePointer<wp_blame_page>, _ lane: Int) -> Mark? {
        let mark = wp_mark_read(page, UInt32(lane))
        let first = Int(mark >> 16 & 0xffff)
        let count = Int(mark & 0xffff)
        guard count > 0, first + count <= Int(WP_BATCH_EVENTS) else { return nil }
        return Mark(batch: UInt32(mark >> 32), events: first..<first + count)
    }

    // MARK: - what an earlier sidecar left

    /// The events that were being handled when it was killed. The files are removed.
    static func collect(in directory: String) -> [EventID] {
        guard let listing = opendir(directory) else { return [] }
        defer { closedir(listing) }
        var found: Set<EventID> = []
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name.hasSuffix(suffix) else { continue }
            let path = "\(directory)/\(name)"
            found.formUnion(marked(in: path))
            unlink(path)
        }
        return found.sorted { ($0.issuer, $0.text) < ($1.issuer, $1.text) }
    }

    /// The events that threads of that file's worker are in now.
    static func marked(in path: String) -> [EventID] {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size == size, let memory = map(file, writing: false)
        else { return [] }
        defer { munmap(memory, size) }
        let page = UnsafePointer(memory.assumingMemoryBound(to: wp_blame_page.self))
        guard page.pointee.magic == WP_BLAME_MAGIC, page.pointee.version == UInt32(WP_VERSION) else { return [] }
        return (0..<Int(WP_LANES)).flatMap { lane -> [EventID] in
            guard let mark = mark(page, lane), mark.batch == wp_lane_batch(page, UInt32(lane)) else { return [] }
            return mark.events.compactMap { identity(memory + offset(lane, $0)) }
        }
    }

    private static func identity(_ slot: UnsafeRawPointer) -> EventID? {
        let issuer = Int(slot.loadUnaligned(as: UInt16.self))
        let text = Int(slot.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        guard issuer <= Limits.identifierBytes, (1...Limits.identifierBytes).contains(text) else { return nil }
        let bytes = UnsafeRawBufferPointer(start: slot + 4, count: issuer + text)
        guard let first = String(validating: bytes.prefix(issuer), as: UTF8.self),
            let second = String(validating: bytes.dropFirst(issuer), as: UTF8.self)
        else { return nil }
        return EventID(issuer: first, text: second)
    }
}

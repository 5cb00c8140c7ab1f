import CProcess
import Events
import Glibc
import WorkerProtocol

/// Which events a worker's threads are in, in two files: readable after an abort of the worker, and by the next sidecar
/// after the whole container was killed. The worker maps the page of its marks; the identities are the host's alone.
final class BlameFile {
    struct Mark: Equatable {
        let batch: UInt32
        let events: Range<Int>
    }

    let path: String
    /// For the worker; closed by whoever spawns it.
    let descriptor: Int32
    let page: UnsafeMutablePointer<wp_blame_page>
    private let identities: UnsafeMutableRawPointer

    private static let pageSize = Int(WP_BLAME_PAGE_BYTES)
    private static let identitiesSize = Int(WP_BLAME_EVENTS_BYTES)
    private static let suffix = ".blame"
    private static let identitiesSuffix = ".events"
    /// The last byte of an identity's place, which two identifiers at their longest leave free.
    private static let aloneAt = Int(WP_BLAME_IDENTITY_BYTES) - 1

    init(in directory: String) throws(Failure) {
        path = "\(directory)/\(UInt64.random(in: 0...UInt64.max))\(Self.suffix)"
        let (file, page) = try Self.create(path, Self.pageSize)
        descriptor = file
        self.page = page.assumingMemoryBound(to: wp_blame_page.self)
        do throws(Failure) {
            let (file, identities) = try Self.create(path + Self.identitiesSuffix, Self.identitiesSize)
            close(file)
            self.identities = identities
        } catch {
            close(descriptor)
            munmap(page, Self.pageSize)
            unlink(path)
            throw error
        }
        self.page.pointee.magic = WP_BLAME_MAGIC
        self.page.pointee.version = UInt32(WP_VERSION)
    }

    deinit {
        munmap(page, Self.pageSize)
        munmap(identities, Self.identitiesSize)
    }

    private static func create(_ path: String, _ size: Int) throws(Failure) -> (Int32, UnsafeMutableRawPointer) {
        let file = cp_create_file(path)
        guard file >= 0 else { throw Failure(.handleWorkerUnavailable, path, SystemError.text(-file)) }
        if ftruncate(file, size) == 0, let memory = map(file, size, writing: true) { return (file, memory) }
        close(file)
        unlink(path)
        throw Failure(.handleWorkerUnavailable, path, "cannot be mapped")
    }

    private static func map(_ file: Int32, _ size: Int, writing: Bool) -> UnsafeMutableRawPointer? {
        let access = writing ? PROT_READ | PROT_WRITE : PROT_READ
        let memory = mmap(nil, size, access, MAP_SHARED, file, 0)
        return memory == MAP_FAILED ? nil : memory
    }

    /// What an earlier process left there, to be read.
    private static func open(_ path: String, _ size: Int) -> UnsafeMutableRawPointer? {
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size == size else { return nil }
        return map(file, size, writing: false)
    }

    /// Before the batch is sent, as its events are: so a mark that the worker sets always finds its identities.
    /// - Parameter isAlone: nothing else runs that the sidecar could die of: if it does, it died of this.
    func begin(lane: Int, batch: UInt32, isAlone: Bool = false) {
        (identities + Self.offset(lane, 0)).storeBytes(of: isAlone ? 1 : 0, toByteOffset: Self.aloneAt, as: UInt8.self)
        wp_lane_begin(page, UInt32(lane), batch)
    }

    /// - Parameter index: the event's place in the batch of the lane.
    func note(_ event: EventID, lane: Int, _ index: Int) {
        let (issuer, text) = (event.issuer.utf8.count, event.text.utf8.count)
        guard index < Int(WP_BATCH_EVENTS), max(issuer, text) <= Limits.identifierBytes else { return }
        let slot = identities + Self.offset(lane, index)
        slot.storeBytes(of: UInt16(issuer), as: UInt16.self)
        slot.storeBytes(of: UInt16(text), toByteOffset: 2, as: UInt16.self)
        UnsafeMutableRawBufferPointer(start: slot + 4, count: issuer).copyBytes(from: event.issuer.utf8)
        UnsafeMutableRawBufferPointer(start: slot + 4 + issuer, count: text).copyBytes(from: event.text.utf8)
    }

    /// What the lane's thread is in. The worker may have written anything here.
    func mark(lane: Int) -> Mark? { Self.mark(page, lane) }

    func remove() { Self.remove(path) }

    static func remove(_ path: String) {
        unlink(path)
        unlink(path + identitiesSuffix)
    }

    private static func offset(_ lane: Int, _ index: Int) -> Int {
        (lane * Int(WP_BATCH_EVENTS) + index) * Int(WP_BLAME_IDENTITY_BYTES)
    }

    private static func mark(_ page: UnsafePointer<wp_blame_page>, _ lane: Int) -> Mark? {
        let mark = wp_mark_read(page, UInt32(lane))
        let first = Int(mark >> 16 & 0xffff)
        let count = Int(mark & 0xffff)
        guard count > 0, first + count <= Int(WP_BATCH_EVENTS) else { return nil }
        return Mark(batch: UInt32(mark >> 32), events: first..<first + count)
    }

    // MARK: - what an earlier sidecar left

    /// The events that were being handled when it was killed.
    struct Left {
        var events: [EventID] = []
        /// Of these, those that the sidecar died of: they ran in it, alone. Each with its file, which stays until the
        /// event has come back, or never will.
        var struck: [EventID: String] = [:]
    }

    /// Files without a strike are removed.
    static func collect(in directory: String) -> Left {
        var left = Left()
        var found: Set<EventID> = []
        for name in FolderListing.names(in: directory) where name.hasSuffix(suffix) {
            let path = "\(directory)/\(name)"
            let (events, struck) = marks(in: path)
            found.formUnion(events)
            for event in struck { left.struck[event] = path }
            if struck.isEmpty || isOld(path) { remove(path) }
        }
        left.events = found.sorted { ($0.issuer, $0.text) < ($1.issuer, $1.text) }
        return left
    }

    /// No queue keeps a message for longer.
    private static func isOld(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && time(nil) - status.st_mtim.tv_sec > 15 * 86_400
    }

    /// The events that threads of that file's worker are in now.
    static func marked(in path: String) -> [EventID] { marks(in: path).events }

    private static func marks(in path: String) -> (events: [EventID], alone: [EventID]) {
        guard let memory = open(path, pageSize) else { return ([], []) }
        defer { munmap(memory, pageSize) }
        guard let identities = open(path + identitiesSuffix, identitiesSize) else { return ([], []) }
        defer { munmap(identities, identitiesSize) }
        let page = UnsafePointer(memory.assumingMemoryBound(to: wp_blame_page.self))
        guard page.pointee.magic == WP_BLAME_MAGIC, page.pointee.version == UInt32(WP_VERSION) else { return ([], []) }
        var all: [EventID] = []
        var alone: [EventID] = []
        for lane in 0..<Int(WP_LANES) {
            guard let mark = mark(page, lane), mark.batch == wp_lane_batch(page, UInt32(lane)) else { continue }
            let events = mark.events.compactMap { identity(identities + offset(lane, $0)) }
            all += events
            if (identities + offset(lane, 0)).load(fromByteOffset: aloneAt, as: UInt8.self) == 1 { alone += events }
        }
        return (all, alone)
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

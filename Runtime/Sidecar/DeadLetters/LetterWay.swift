import Cryptography
import Events
import Foundation
import HTTP
import JSON
import LocalAPI
import Pipeline
import Settings
import Signatures
import Store
import Synchronization

/// How a command comes to the letters: from here, with the operator's own credentials and the store, a shared one or,
/// where no sidecar has it, the file; or by a sidecar's admin socket. Both answer with the same JSON.
struct LetterWay {
    private enum Way {
        case here(SidecarLetters)
        case there(SocketClient)
    }

    let configuration: Configuration
    let place: LetterPlace
    private let way: Way
    private let client = HTTPClient()
    private let store: (any EventStore)?
    private let notes: Notes
    private let author: String
    private let reason: String

    /// What was done, for the journal of a store that was not open meanwhile.
    private final class Notes: Sendable {
        private let entries = Mutex<[JournalEntry]>([])
        func add(_ more: [JournalEntry]) { entries.withLock { $0 += more } }
        func take() -> [JournalEntry] {
            entries.withLock { entries in
                defer { entries = [] }
                return entries
            }
        }
    }

    /// - Parameter reason: why, for the journal.
    static func with<Value>(
        _ options: LetterOptions, reason: String = "", _ body: (LetterWay) async throws -> Value
    ) async throws -> Value {
        let way = try await LetterWay(options, reason)
        do {
            let value = try await body(way)
            await way.close()
            return value
        } catch {
            await way.close()
            throw error
        }
    }

    private init(_ options: LetterOptions, _ reason: String) async throws {
        self.reason = reason
        (configuration, place) = try options.place()
        let configuration = configuration
        author = Self.user
        let notes = Notes()
        self.notes = notes
        let isShelved = SidecarLetters.isShelved(place, configuration)
        let opened = options.socket == nil ? try await Self.open(configuration, isShelved: isShelved, client) : nil
        store = opened
        if let socket = options.socket ?? (isShelved && opened == nil ? configuration.api?.adminSocket : nil) {
            way = .there(SocketClient(path: socket, config: options.config, isForMachines: options.json))
            return
        }
        let cloud = Cloud(
            configuration, environment: ProcessInfo.processInfo.environment, client: client, clock: SystemClock())
        let path = configuration.store.isShared ? nil : configuration.store.path
        way = .here(
            SidecarLetters(
                configuration: { configuration }, cloud: cloud, store: opened, signer: try Self.signer(configuration),
                clock: SystemClock(),
                judge: { () throws(Failure) in
                    if let opened { return try await JournalJudge(opened) }
                    return path.flatMap { try? JournalFile($0) }
                },
                journal: { notes.add($0) },
                permits: { (bodies, queue, order, author) async throws(Failure) in
                    try await PermitClient(configuration).permit(bodies, of: queue, ordered: order, author)
                }))
    }

    /// The store where the letters need it, and a shared one in any case: the journal is in it. `nil` where a sidecar
    /// has the file, or where a shared one does not answer and only the journal would miss something.
    private static func open(
        _ configuration: Configuration, isShelved: Bool, _ client: HTTPClient
    ) async throws(Failure) -> (any EventStore)? {
        guard configuration.store.isShared else { return isShelved ? try embedded(configuration) : nil }
        let environment = ProcessInfo.processInfo.environment
        let opening = StoreOpening(
            configuration, environment: environment, client: client, clock: SystemClock(), migrates: false)
        do throws(Failure) { return try await opening.open() } catch {
            guard !isShelved else { throw error }
            return nil
        }
    }

    /// `nil` where a sidecar has it.
    private static func embedded(_ configuration: Configuration) throws(Failure) -> SQLiteStore? {
        let path = configuration.store.path
        guard access(path, F_OK) == 0 else { throw Failure(.storeUnavailable, path, "there is no such file") }
        do throws(Failure) {
            return try SQLiteStore.open(configuration.storeOptions { _ in })
        } catch {
            guard error.code == .storeLocked else { throw error }
            return nil
        }
    }

    private static func signer(_ configuration: Configuration) throws(Failure) -> (any Signer)? {
        guard let signing = configuration.signing, let path = signing.key, access(path, R_OK) == 0 else { return nil }
        let form = signing.algorithm == .mldsa44 ? TokenForm.mldsa44 : .dilithium2(.mldsa44)
        return EventSigner(try PrivateKey.load(from: path), form: form)
    }

    private static var user: String {
        let id = geteuid()
        let name = getpwuid(id).map { String(cString: $0.pointee.pw_name) } ?? "somebody"
        return "\(name) (uid \(id))"
    }

    /// What was done stands in the journal: by the file where the store is free, else by the sidecar that has it.
    private func close() async {
        let entries = notes.take()
        do { if !entries.isEmpty { try await record(entries) } } catch {
            Terminal.complain("no journal knows of this: \(error)")
        }
        await store?.close()
        client.shutdown()
    }

    private func record(_ entries: [JournalEntry]) async throws {
        if let store { return try await store.record(entries) }
        guard !configuration.store.isShared, let free = try Self.embedded(configuration) else {
            return try await tell(entries)
        }
        try await free.record(entries)
        await free.close()
    }

    private func tell(_ entries: [JournalEntry]) async throws {
        guard let path = configuration.api?.adminSocket else {
            throw Failure(.storeLocked, configuration.store.place, "the sidecar has it, and no socket")
        }
        let socket = SocketClient(path: path, config: path, isForMachines: false)
        for start in stride(from: 0, to: entries.count, by: 500) {
            let part = entries[start..<min(start + 500, entries.count)]
            let letters = part.map { entry -> JSONValue in
                [
                    "message": .string(entry.message), "event": .string(entry.event),
                    "parent": .string(entry.parent), "code": .string(entry.code), "handler": .string(entry.handler),
                ]
            }
            let body = JSONValue.object(
                placeMembers + [
                    JSONMember("action", .string(part.first?.outcome.rawValue ?? "")),
                    JSONMember("reason", .string(reason)), JSONMember("letters", .array(letters)),
                ])
            _ = try await socket.send(
                "POST", "/v1/dead-letters/notes", headers: [HTTPHeader("Content-Type", "application/json")],
                body: body.serialised()[...])
        }
    }

    // MARK: - what is asked

    var address: String {
        place.box == .publications ? "the outbox" : configuration[queue: place.queue]?.url ?? place.queue.text
    }

    func list(_ filter: LetterFilter) async throws -> JSONValue {
        switch way {
        case .here(let letters):
            let parked = try? await letters.parkedGroups(of: place.queue)
            return try await letters.list(place, meant(filter)).json(parked ?? [])
        case .there(let socket):
            let limit = [("limit", String(Limits.lettersLooked))]
            return try await socket.json("GET", "/v1/dead-letters?" + query(filter, limit))
        }
    }

    func groups(_ filter: LetterFilter) async throws -> JSONValue {
        switch way {
        case .here(let letters):
            let parked = try? await letters.parkedGroups(of: place.queue)
            return try await letters.list(place, meant(filter)).groupsJSON(parked ?? [])
        case .there(let socket):
            return try await socket.json("GET", "/v1/dead-letters/groups?" + query(filter, []))
        }
    }

    func letter(_ id: String) async throws -> JSONValue {
        switch way {
        case .here(let letters):
            let (boxed, letter) = try await letters.letter(MessageID(id), in: place)
            let permit = try? await letters.permit(for: letter.record.event, of: place.queue)
            return letter.json(with: boxed, permit)
        case .there(let socket):
            return try await socket.json("GET", "/v1/dead-letters/\(encoded(id))?" + query(LetterFilter(), []))
        }
    }

    /// - Parameter progress: hears how many have moved.
    func redrive(
        _ filter: LetterFilter, _ plan: RedrivePlan, progress: @escaping @Sendable (Int) -> Void
    ) async throws -> JSONValue {
        switch way {
        case .here(let letters):
            if plan.override != nil { try await PermitClient(configuration).check() }
            let author = LetterAuthor(name: author, reason: reason)
            return try await letters.redrive(place, meant(filter), plan, by: author) { progress($0.moved) }.json
        case .there(let socket):
            var more: [JSONMember] = []
            if let rate = plan.rate { more.append(JSONMember("rate", .double(rate))) }
            if plan.override != nil { more.append(JSONMember("override", true)) }
            more.append(JSONMember("patience", .integer(Int64(plan.patience.wholeSeconds))))
            return try await again(socket, "redrive", filter, more, canary: plan.canary, progress)
        }
    }

    func discard(_ filter: LetterFilter) async throws -> JSONValue {
        switch way {
        case .here(let letters):
            let author = LetterAuthor(name: author, reason: reason)
            return try await letters.discard(place, meant(filter), until: nil, by: author).json
        case .there(let socket): return try await again(socket, "discard", filter, [], canary: 0) { _ in }
        }
    }

    /// `nil` where a sidecar has it, or where the store is a shared one that does not answer.
    private func embedded() throws(Failure) -> (any EventStore)? {
        configuration.store.isShared ? nil : try Self.embedded(configuration)
    }

    /// In the store where it can be had, else by the socket of the sidecar that has it.
    func free(_ group: String) async throws {
        if case .here(let letters) = way, let free = try letters.store ?? embedded() {
            let author = LetterAuthor(name: author, reason: reason)
            do {
                try await letters.over(free).free(group, of: place.queue, by: author)
            } catch {
                if store == nil { await free.close() }
                throw error
            }
            if store == nil { await free.close() }
            return
        }
        let body = JSONValue.object([
            JSONMember("queue", .string(place.queue.text)), JSONMember("messageGroup", .string(group)),
            JSONMember("reason", .string(reason)),
        ])
        let socket = if case .there(let socket) = way { socket } else { try PermitClient(configuration).socket() }
        _ = try await socket.send(
            "POST", "/v1/dead-letters/free", headers: [HTTPHeader("Content-Type", "application/json")],
            body: body.serialised()[...])
    }

    func edit(_ id: String, core: [UInt8]) async throws -> JSONValue {
        switch way {
        case .here(let letters):
            return try await letters.edit(
                MessageID(id), in: place, core: core[...], by: LetterAuthor(name: author, reason: reason)).json
        case .there(let socket):
            var body = JSONValue.object(placeMembers + [JSONMember("reason", .string(reason))]).serialised()
            body.removeLast()
            // The payload goes as it is written: the sidecar is the judge of it.
            body += Array(#","detailCore":"#.utf8) + core + Array("}".utf8)
            return try await post(socket, "/v1/dead-letters/\(encoded(id))/edit", body)
        }
    }

    // MARK: - by the socket

    /// One request after the other, until nothing is left: each works for a while and says what it did.
    private func again(
        _ socket: SocketClient, _ action: String, _ filter: LetterFilter, _ more: [JSONMember],
        canary: Int, _ progress: @Sendable (Int) -> Void
    ) async throws -> JSONValue {
        var members = placeMembers + more + [JSONMember("reason", .string(reason))]
        if let id = filter.ids.first { members.append(JSONMember("id", .string(id.text))) }
        if let group = filter.fingerprint { members.append(JSONMember("group", .string(group.text))) }
        if filter.ids.isEmpty, filter.fingerprint == nil { members.append(JSONMember("all", true)) }
        members.append(JSONMember("arrivedBy", .string(Timestamp.text(of: SystemClock().now))))
        var whole: JSONValue?
        while true {
            let canary = whole == nil ? canary : 0
            let body = JSONValue.object(members + [JSONMember("canary", .integer(Int64(canary)))]).serialised()
            let answer = try await post(socket, "/v1/dead-letters/\(action)", body)
            let sum = whole.map { Self.sum($0, answer) } ?? answer
            whole = sum
            progress(Int(sum["moved"]?.int ?? 0))
            let stops = ["failed", "undecided"].contains(answer["canary"]?.string ?? "")
            if stops || answer["whole"]?.bool != false || (answer["moved"]?.int ?? 0) == 0 { return sum }
        }
    }

    private static func sum(_ a: JSONValue, _ b: JSONValue) -> JSONValue {
        var sum = a
        for name in ["moved", "refused", "doubled"] {
            sum[name] = .integer((a[name]?.int ?? 0) + (b[name]?.int ?? 0))
        }
        sum["whole"] = b["whole"]
        if a["failure"]?.isNull != false { sum["failure"] = b["failure"] }
        return sum
    }

    private func post(_ socket: SocketClient, _ target: String, _ body: [UInt8]) async throws -> JSONValue {
        let response = try await socket.send(
            "POST", target, headers: [HTTPHeader("Content-Type", "application/json")], body: body[...],
            timeout: .hours(2))
        return try JSONValue.parse(response.body)
    }

    /// Of a queue's box only its own letters are meant, should others share it.
    private func meant(_ filter: LetterFilter) -> LetterFilter {
        var filter = filter
        if place.box != .publications { filter.queue = place.queue }
        return filter
    }

    private var placeMembers: [JSONMember] {
        let box = JSONMember("box", .string(place.box.rawValue))
        return place.box == .publications ? [box] : [box, JSONMember("queue", .string(place.queue.text))]
    }

    private func query(_ filter: LetterFilter, _ more: [(String, String)]) -> String {
        var parameters = placeMembers.map { ($0.key, $0.value.string ?? "") } + more
        func add(_ name: String, _ text: String?) { if let text { parameters.append((name, text)) } }
        add("code", filter.code)
        add("handler", filter.handler)
        add("detailType", filter.detailType?.text)
        add("group", filter.fingerprint?.text)
        add("attempts", filter.attempts.map { String($0) })
        add("olderThan", filter.olderThan.map { String($0.wholeSeconds) })
        add("youngerThan", filter.youngerThan.map { String($0.wholeSeconds) })
        return parameters.map { "\($0.0)=\(encoded($0.1))" }.joined(separator: "&")
    }

    private func encoded(_ text: String) -> String {
        let allowed = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~"))
        return text.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
    }
}

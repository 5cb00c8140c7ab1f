import Events
import Foundation
import JSON
import Pipeline

/// One table and the calls to it, in the JSON 1.0 protocol.
/// Source: docs.aws.amazon.com/amazondynamodb/latest/APIReference
///
/// What is throttled, in conflict or unanswered is sent again, with full jitter, for as long as ``patience``. Writes
/// that are sent twice are harmless: a transaction has a token, and single ones have conditions that say whose they
/// are.
struct TableClient: Sendable {
    /// One call. DynamoDB answers within tens of milliseconds; what takes longer is lost as a rule.
    private static let timeout = Duration.seconds(4)
    /// BatchGetItem: 16 MB, in base64, with its names.
    private static let replyBytes = 33_554_432
    private static let backoff = Backoff(base: .milliseconds(20), cap: .seconds(1))
    static let batchGetKeys = 100

    let session: AWSSession
    let table: String
    let patience: Duration
    var observer: (@Sendable (StoreEvent) -> Void)?

    /// What became of a conditional write.
    enum Written: Sendable {
        case done
        /// The condition did not hold: what is there, if anything is.
        case lost(Item?)
    }

    /// Why a transaction was cancelled: one for each of its writes.
    struct Reason: Sendable {
        /// "None" for a write that was not the cause.
        let code: String
        /// What is there, where a condition did not hold.
        let item: Item?
        var isCondition: Bool { code.hasPrefix("ConditionalCheckFailed") }
        var isCause: Bool { !code.isEmpty && code != "None" }
    }

    enum Transacted: Sendable {
        case done
        case cancelled([Reason])
    }

    // MARK: - reads

    func get(_ key: ItemKey) async throws(AWSError) -> Item? {
        let reply = try await call(
            "GetItem",
            [JSONMember("TableName", .string(table)), JSONMember("Key", key.json), JSONMember("ConsistentRead", true)])
        return reply.root["Item"].flatMap(Item.init)
    }

    /// What is there now, each item for itself.
    func get(_ keys: [ItemKey]) async throws(AWSError) -> [ItemKey: Item] {
        var found: [ItemKey: Item] = [:]
        var rest = Array(Set(keys).map(\.json))
        var empty = 0
        while !rest.isEmpty {
            let part = Array(rest.prefix(Self.batchGetKeys))
            rest.removeFirst(part.count)
            let question: JSONValue = ["Keys": .array(part), "ConsistentRead": true]
            let reply = try await call(
                "BatchGetItem", [JSONMember("RequestItems", .object([JSONMember(table, question)]))], items: part.count)
            for (_, items) in reply.root["Responses"]?.members ?? [] {
                for item in items.elements.compactMap(Item.init) { found[item.key] = item }
            }
            let left = (reply.root["UnprocessedKeys"]?.members ?? []).flatMap { $0.value["Keys"]?.elements ?? [] }
            rest += left.map(\.value)
            empty = left.count == part.count ? empty + 1 : 0
            guard empty < 8 else { throw AWSError(.throttled, "BatchGetItem processed nothing") }
            if empty > 0 {
                observer?(.repeated(.throttled))
                await Self.pause(after: empty)
            }
        }
        return found
    }

    struct Page: Sendable {
        let items: [Item]
        let count: Int
        /// Where the next page starts.
        let next: JSONValue?
    }

    func query(_ query: Query) async throws(AWSError) -> Page {
        let reply = try await call("Query", query.members(table: table))
        return Page(
            items: reply.root["Items"]?.elements.compactMap(Item.init) ?? [],
            count: Int(reply.root["Count"]?.int ?? 0), next: reply.root["LastEvaluatedKey"]?.value)
    }

    /// All pages, up to so many items.
    func queryAll(_ query: Query, atMost count: Int = .max) async throws(AWSError) -> [Item] {
        var query = query
        var items: [Item] = []
        repeat {
            let page = try await self.query(query)
            items += page.items
            query.start = page.next
        } while query.start != nil && items.count < count
        return count == .max ? items : Array(items.prefix(count))
    }

    // MARK: - writes

    func write(_ write: Write) async throws(AWSError) -> Written {
        let name =
            switch write.action {
            case .put: "PutItem"
            case .update: "UpdateItem"
            case .delete, .check: "DeleteItem"
            }
        do throws(AWSError) {
            _ = try await call(name, write.members(table: table))
            return .done
        } catch {
            guard error.code == "ConditionalCheckFailedException" else { throw error }
            return .lost(error.reply?.root["Item"].flatMap(Item.init))
        }
    }

    /// All of them, or none.
    /// - Parameter token: the same for the same writes: then sending them again is harmless for ten minutes.
    func transact(_ writes: [Write], token: String = UUID().uuidString) async throws(AWSError) -> Transacted {
        let items = writes.map { JSONValue.object([JSONMember($0.name, .object($0.members(table: table)))]) }
        do throws(AWSError) {
            _ = try await call(
                "TransactWriteItems",
                [JSONMember("TransactItems", .array(items)), JSONMember("ClientRequestToken", .string(token))],
                items: writes.count)
            return .done
        } catch {
            guard error.code == "TransactionCanceledException" else { throw error }
            let reasons = (error.reply?.root["CancellationReasons"]?.elements ?? []).map { node in
                Reason(code: node["Code"]?.string ?? "None", item: node["Item"].flatMap(Item.init))
            }
            guard reasons.count == writes.count, reasons.contains(where: \.isCause) else {
                throw AWSError(.badReply, "a cancelled transaction without reasons")
            }
            return .cancelled(reasons)
        }
    }

    /// UpdateItem without a condition of its own answers what is there afterwards.
    func update(_ write: Write) async throws(AWSError) -> Item? {
        let reply = try await call(
            "UpdateItem", write.members(table: table) + [JSONMember("ReturnValues", "ALL_NEW")])
        guard let attributes = reply.root["Attributes"] else { return nil }
        return Item(attributes)
    }

    // MARK: - calls

    /// - Parameter items: how many it reads or writes, for those that count.
    func call(_ name: String, _ members: [JSONMember], items: Int = 1) async throws(AWSError) -> JSONDocument {
        let endpoint: AWSEndpoint
        do throws(Failure) { endpoint = try session.endpoint(of: .dynamodb, in: try session.region()) } catch {
            throw AWSError(error)
        }
        let body = JSONValue.object(members).serialised()
        let clock = ContinuousClock()
        let end = clock.now + patience
        var tries = 0
        while true {
            observer?(.exchanged(requests: items))
            do throws(AWSError) {
                return try await session.call(
                    .dynamodb(name), at: endpoint, body: body, timeout: Self.timeout, maximumBodyBytes: Self.replyBytes)
            } catch {
                tries += 1
                guard error.isPassing, clock.now < end, !Task.isCancelled else { throw error }
                observer?(.repeated(error.why))
                await Self.pause(after: tries)
            }
        }
    }

    /// A cancelled task goes on at once: the next call ends it.
    static func pause(after tries: Int) async {
        var random = SeededGenerator(seed: UInt64.random(in: 0 ... .max))
        try? await Task.sleep(for: backoff.delay(attempt: tries, random: &random))
    }
}

extension AWSError {
    /// The same again may succeed.
    fileprivate var isPassing: Bool { [.unreachable, .server, .throttled, .badReply].contains(kind) }

    fileprivate var why: StoreEvent.Repeat {
        kind != .throttled ? .unanswered : StoreEvent.Repeat(code: code)
    }

    /// What a call of a store means: it is away, and why. What to do about it stands in the words.
    func ofTable(_ table: String) -> Failure {
        let advice: String =
            switch kind {
            case .notFound: "the table does not exist here: check its name, region and endpoint, or create it"
            case .denied: "the credentials are refused: see the policy in config/deploy/dynamodb.yaml"
            case .throttled: "the table is throttled: raise its capacity, or make it on-demand"
            case .noCredentials: "there are no credentials"
            case .unreachable, .server, .badReply: "DynamoDB does not answer as it should"
            case .refused: "DynamoDB refuses the request"
            }
        return Failure(.storeUnavailable, table, cause.isEmpty ? advice : "\(advice) (\(cause))")
    }
}

extension StoreEvent.Repeat {
    /// - Parameter code: DynamoDB's word for what it did not do now.
    init(code: String) { self = code.hasPrefix("Transaction") ? .conflict : .throttled }
}

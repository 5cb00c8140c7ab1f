import JSON

/// An expression of DynamoDB. Every name in it is written as a placeholder, `#name`, so that no reserved word matters.
struct Condition: Sendable {
    let text: String
    let values: [String: AttributeValue]

    init(_ text: String, _ values: [String: AttributeValue] = [:]) {
        self.text = text
        self.values = values
    }

    static let absent = Condition("attribute_not_exists(#pk)")
    static let present = Condition("attribute_exists(#pk)")

    /// One of them must hold. Their values' names must differ.
    static func || (a: Condition, b: Condition) -> Condition {
        Condition("(\(a.text)) OR (\(b.text))", a.values.merging(b.values) { first, _ in first })
    }
}

/// One write, alone or as a part of a transaction.
struct Write: Sendable {
    enum Action: Sendable {
        case put(Item)
        /// The text of an update expression, and its values.
        case update(String, [String: AttributeValue])
        case delete
        case check
    }

    let key: ItemKey
    let action: Action
    let condition: Condition?

    init(_ key: ItemKey, _ action: Action, if condition: Condition? = nil) {
        self.key = key
        self.action = action
        self.condition = condition
    }

    static func put(_ item: Item, if condition: Condition? = nil) -> Write {
        Write(item.key, .put(item), if: condition)
    }

    /// The name of the operation in a transaction.
    var name: String {
        switch action {
        case .put: "Put"
        case .update: "Update"
        case .delete: "Delete"
        case .check: "ConditionCheck"
        }
    }

    /// Bytes that count against the transaction's 4 MB.
    var size: Int {
        switch action {
        case .put(let item): item.size
        case .update(_, let values): values.values.reduce(256) { $0 + $1.size }
        case .delete, .check: 256
        }
    }

    /// The same members in a transaction and in an operation of its own. Who loses learns what is there.
    func members(table: String) -> [JSONMember] {
        var members = [JSONMember("TableName", .string(table))]
        var expressions = ""
        var values: [String: AttributeValue] = condition?.values ?? [:]
        switch action {
        case .put(let item): members.append(JSONMember("Item", item.json))
        case .update(let text, let changes):
            members += [JSONMember("Key", key.json), JSONMember("UpdateExpression", .string(text))]
            expressions = text + " "
            values.merge(changes) { first, _ in first }
        case .delete, .check: members.append(JSONMember("Key", key.json))
        }
        if let condition {
            members += [
                JSONMember("ConditionExpression", .string(condition.text)),
                JSONMember("ReturnValuesOnConditionCheckFailure", "ALL_OLD"),
            ]
            expressions += condition.text
        }
        return members + Write.placeholders(expressions, values)
    }

    /// `#name` stands for the attribute `name`.
    static func placeholders(_ expressions: String, _ values: [String: AttributeValue]) -> [JSONMember] {
        var members: [JSONMember] = []
        let names = Set(expressions.split { !($0.isLetter || $0.isNumber || $0 == "#") }.filter { $0.first == "#" })
        if !names.isEmpty {
            let list = names.sorted().map { JSONMember(String($0), .string(String($0.dropFirst()))) }
            members.append(JSONMember("ExpressionAttributeNames", .object(list)))
        }
        if !values.isEmpty {
            let list = values.sorted { $0.key < $1.key }.map { JSONMember($0.key, $0.value.json) }
            members.append(JSONMember("ExpressionAttributeValues", .object(list)))
        }
        return members
    }
}

/// A question to the table or one of its indexes: one partition, a range of it.
struct Query: Sendable {
    var index: Index?
    let partition: String
    /// Bounds that are included.
    var from: AttributeValue?
    var through: AttributeValue?
    var isDescending = false
    /// Items that are looked at.
    var limit: Int?
    /// Names of the attributes that are wanted; all by default.
    var names: [String] = []
    var start: JSONValue?

    init(_ partition: String, index: Index? = nil) {
        self.partition = partition
        self.index = index
    }

    enum Index: String, Sendable, CaseIterable {
        /// What is due: outbox and timers by their time; the journal by correlation id; the ledger by message.
        case due = "by-due"
        /// Ledger and journal by event, the outbox by its parent.
        case event = "by-event"

        var partition: String { self == .due ? "dp" : "ep" }
        var sort: String { self == .due ? "ds" : "es" }
    }

    /// Asks the table itself for what is there now; an index cannot say.
    func members(table: String) -> [JSONMember] {
        let (hash, range) = (index?.partition ?? "pk", index?.sort ?? "sk")
        var text = "#\(hash) = :p"
        var values = [":p": AttributeValue.text(partition)]
        switch (from, through) {
        case (let from?, let through?):
            text += " AND #\(range) BETWEEN :f AND :t"
            values[":f"] = from
            values[":t"] = through
        case (let from?, nil):
            text += " AND #\(range) >= :f"
            values[":f"] = from
        case (nil, let through?):
            text += " AND #\(range) <= :t"
            values[":t"] = through
        case (nil, nil): break
        }
        var members = [
            JSONMember("TableName", .string(table)), JSONMember("KeyConditionExpression", .string(text)),
            JSONMember("ScanIndexForward", .bool(!isDescending)),
        ]
        if let index { members.append(JSONMember("IndexName", .string(index.rawValue))) } else {
            members.append(JSONMember("ConsistentRead", true))
        }
        if let limit { members.append(JSONMember("Limit", .integer(Int64(limit)))) }
        if let start { members.append(JSONMember("ExclusiveStartKey", start)) }
        let projection = names.map { "#" + $0 }.joined(separator: ", ")
        if !projection.isEmpty { members.append(JSONMember("ProjectionExpression", .string(projection))) }
        return members + Write.placeholders(text + " " + projection, values)
    }
}

import Events
import Foundation
import JSON

/// What the table says of itself: its schema, its store's name, and how often a sidecar has joined it.
enum TableMeta {
    struct Boot: Sendable {
        let schema: Int64
        let store: String
        let boot: Int64
    }

    /// The schema that the table has, `nil` before the first boot.
    static func schema(_ client: TableClient) async throws(AWSError) -> Int64? {
        try await client.get(TableLayout.meta).map { $0.integer("schema") ?? .max }
    }

    /// Begins a boot. A table of a newer schema is left alone.
    static func boot(_ client: TableClient) async throws(AWSError) -> Boot {
        let id = UUID().uuidString.lowercased().replacing("-", with: "")
        let write = Write(
            TableLayout.meta,
            .update(
                "SET #schema = :schema, #store = if_not_exists(#store, :store) ADD #boots :one",
                [":schema": .integer(TableLayout.schema), ":store": .text(id), ":one": .integer(1)]),
            if: Condition("attribute_not_exists(#schema) OR #schema = :schema", [:]))
        do throws(AWSError) {
            guard let item = try await client.update(write), let boot = item.integer("boots"), boot > 0 else {
                throw AWSError(.badReply, "no count of boots")
            }
            return Boot(schema: TableLayout.schema, store: item.text("store"), boot: boot)
        } catch {
            guard error.code == "ConditionalCheckFailedException", let item = try await client.get(TableLayout.meta)
            else { throw error }
            return Boot(schema: item.integer("schema") ?? .max, store: item.text("store"), boot: 0)
        }
    }
}

/// Looks whether a table is one that the store can use: DescribeTable and DescribeTimeToLive.
enum TableCheck {
    /// - Returns: all that is wrong with it.
    static func problems(_ client: TableClient) async throws(AWSError) -> [String] {
        let name = [JSONMember("TableName", .string(client.table))]
        guard let table = try await client.call("DescribeTable", name).root["Table"] else {
            throw AWSError(.badReply, "DescribeTable without a table")
        }
        let status = table["TableStatus"]?.string ?? ""
        guard ["ACTIVE", "UPDATING"].contains(status) else {
            return ["the table is \(identifier(status)): wait for it"]
        }
        guard keys(table) == ["HASH pk S", "RANGE sk S"] else {
            return ["its keys must be pk and sk, both text: create it from config/deploy/dynamodb.yaml"]
        }
        let live = try await client.call("DescribeTimeToLive", name).root["TimeToLiveDescription"]
        let expires = ["ENABLED", "ENABLING"].contains(live?["TimeToLiveStatus"]?.string ?? "")
            && live?["AttributeName"]?.string == "ttl"
        return Query.Index.allCases.compactMap { problem($0, of: table) } + (expires
            ? [] : ["time to live must be enabled on the attribute ttl: without it the table grows without end"])
    }

    private static func problem(_ index: Query.Index, of table: JSONNode) -> String? {
        let found = table["GlobalSecondaryIndexes"]?.elements.first { $0["IndexName"]?.string == index.rawValue }
        guard let found else {
            return "it lacks the index \(index.rawValue): update it from config/deploy/dynamodb.yaml"
        }
        let (hash, range) = (index.partition, index.sort)
        guard keys(found, types(table)) == ["HASH \(hash) S", "RANGE \(range) N"] else {
            return "its index \(index.rawValue) must have the keys \(hash), a text, and \(range), a number"
        }
        guard found["IndexStatus"]?.string.map({ ["ACTIVE", "UPDATING"].contains($0) }) ?? true else {
            return "its index \(index.rawValue) is being made: wait for it"
        }
        return nil
    }

    private static func types(_ table: JSONNode) -> [String: String] {
        var types: [String: String] = [:]
        for attribute in table["AttributeDefinitions"]?.elements ?? [] {
            types[attribute["AttributeName"]?.string ?? ""] = attribute["AttributeType"]?.string
        }
        return types
    }

    private static func keys(_ node: JSONNode, _ types: [String: String]? = nil) -> [String] {
        let types = types ?? self.types(node)
        return (node["KeySchema"]?.elements ?? []).map { key in
            let name = key["AttributeName"]?.string ?? ""
            return "\(key["KeyType"]?.string ?? "") \(name) \(types[name] ?? "")"
        }.sorted()
    }
}

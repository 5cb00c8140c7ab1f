// What an endpoint answers that claims to be AWS. The first byte says to what.

import Events
import HTTP
import JSON

@testable import AWS

extension Target {
    static let answers = Target(name: "answers") { input in
        guard let kind = input.first else { return "empty" }
        let body = Array(input.dropFirst())
        switch kind % 5 {
        case 0: return try received(body, isFIFO: kind & 128 != 0)
        case 1: return try described(body)
        case 2: return try settled(body)
        case 3: return try failed(body)
        default:
            let fields = XMLFields(body)
            _ = CivilTime(extended: String(decoding: body, as: UTF8.self))?.instant
            _ = CivilTime(http: String(decoding: body, as: UTF8.self))?.instant
            return fields == nil ? "refused" : "fields"
        }
    }

    private static func received(_ body: [UInt8], isFIFO: Bool) throws -> String {
        guard let root = try? JSONDocument(body).root else { return "refused" }
        var found = "nothing"
        for message in root["Messages"]?.elements ?? [] {
            guard let envelope = try? Envelope(message, isFIFO: isFIFO) else {
                found = "a bad message"
                continue
            }
            try demand(message["Body"]?.stringBytes == envelope.body, "another body")
            try demand(isFIFO || envelope.group == nil, "a group where there is none")
            // What the pipeline does with the numbers of a message.
            _ = envelope.firstReceivedAt + .hours(11) - envelope.sentAt
            _ = Timestamp.text(of: envelope.sentAt)
            if found == "nothing" { found = "a message" }
        }
        return found
    }

    private static func described(_ body: [UInt8]) throws -> String {
        var attributes: [String: String] = [:]
        for member in (try? JSONDocument(body).root["Attributes"]?.members) ?? [] {
            if let name = member.key.string, let value = member.value.string { attributes[name] = value }
        }
        guard let queue = try? QueueDescription(attributes) else { return "refused" }
        try demand(queue.visibilityTimeout >= .zero && queue.visibilityTimeout <= .hours(12), "a visibility of years")
        try demand(queue.retention >= .zero && queue.retention <= .days(14), "a retention of years")
        try demand(queue.redrive.map { $0.maximumReceives >= 0 } ?? true, "fewer receives than none")
        return "a queue"
    }

    private static func settled(_ body: [UInt8]) throws -> String {
        guard let document = try? JSONDocument(body) else { return "refused" }
        let results = SQS.results(of: document, count: 3)
        try demand(results.count == 3, "a word about others")
        return "\(results.count { if case .success = $0 { true } else { false } }) of 3"
    }

    private static func failed(_ body: [UInt8]) throws -> String {
        let response = HTTPResponse(
            status: 400, headers: HTTPHeaders([HTTPHeader("x-amzn-errortype", String(decoding: body, as: UTF8.self))]),
            body: body)
        let error = AWSError(response, try? JSONDocument(body))
        try demand(error.cause.utf8.count <= 1024, "a long cause")
        try demand(error.cause.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "it breaks a log line")
        return error.code.isEmpty ? "no code" : "a code"
    }
}

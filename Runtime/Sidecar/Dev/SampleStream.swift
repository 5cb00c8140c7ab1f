import Cryptography
import Events
import Foundation
import JSON
import LocalCloud
import Signatures

/// A sample of one event type: its detailCore, with `{n}` where each event needs a number of its own.
struct SampleEvent: Sendable {
    let detailType: String
    let template: String

    var source: String {
        switch detailType.prefix(while: { $0 != "." }) {
        case "Token": "qsl.tokens"
        case "Workflow": "qsl.workflows"
        case "User": "qsl.users"
        default: "qsl.payments"
        }
    }

    static func load(from folder: String) throws -> [SampleEvent] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder), !names.isEmpty else {
            throw Failure(.settingsUnreadable, folder, "no sample events; run from the repository, or pass --samples")
        }
        return try names.filter { $0.hasSuffix(".json") }.sorted().map { name in
            SampleEvent(
                detailType: String(name.dropLast(".json".count)),
                template: try String(contentsOfFile: folder + "/" + name, encoding: .utf8))
        }
    }
}

/// The stream: good events in the order of a payment's life, and every kind of bad one among them.
struct SampleStream: Sendable {
    /// How an event is spoilt, and where it must end because of that.
    enum Flaw: String, CaseIterable, Sendable {
        case none, repeated, forged, tampered, relabelled, unsigned, stale, poisonous, malformed

        var code: FailureCode? {
            switch self {
            case .none, .repeated: nil
            case .forged: .verifyBadSignature
            case .tampered: .verifyPayloadMismatch
            case .relabelled: .verifyBinding
            case .unsigned: .verifyMissing
            case .stale: .dedupExpired
            case .poisonous: .handleRejected
            case .malformed: .verifyMalformed
            }
        }
    }

    struct Entry: Sendable {
        let id: String
        let flaw: Flaw
        let source: String
        let detailType: String
        let detail: String
    }

    private(set) var entries: [Entry] = []

    init(samples: [SampleEvent], keys: DevHome.Keys, count: Int, now: Instant) throws {
        let order = [
            "Payment.Initiated.v1", "Payment.Authorized.v1", "Payment.Settled.v1", "Token.MintRequested.v1",
            "Token.TransferRequested.v1",
        ]
        let sorted = order.compactMap { name in samples.first { $0.detailType == name } }
        guard let first = sorted.first else {
            throw Failure(.settingsUnreadable, "samples", "needs \(order.joined(separator: ", "))")
        }
        for number in 0..<count {
            let sample = sorted[number % sorted.count]
            entries.append(try Self.entry(sample, number / sorted.count, .none, keys, now))
            if number % 20 == 7, let last = entries.last {
                entries.append(
                    Entry(
                        id: last.id, flaw: .repeated, source: last.source, detailType: last.detailType,
                        detail: last.detail))
            }
        }
        let bad: [Flaw] = [.forged, .tampered, .relabelled, .unsigned, .stale, .poisonous, .malformed]
        for (number, flaw) in (bad + bad + bad).enumerated() {
            let entry = try Self.entry(first, 100_000 + number, flaw, keys, now)
            entries.insert(entry, at: (number * 37) % entries.count)
        }
    }

    private static func entry(
        _ sample: SampleEvent, _ number: Int, _ flaw: Flaw, _ keys: DevHome.Keys, _ now: Instant
    ) throws -> Entry {
        let id = "dev-\(flaw.rawValue)-\(sample.detailType)-\(number)"
        var core = sample.template.replacingOccurrences(of: "{n}", with: String(number))
        if flaw == .poisonous {
            core = core.replacingOccurrences(of: #""amount": "125.50""#, with: #""amount": "minus one""#)
        }
        let resource = "urn:qsl:dev:event:\(number)"
        let header = TokenHeader(
            algorithm: .dilithium2, keyID: "", signedAt: flaw == .stale ? now - .days(3) : now,
            source: sample.source, detailType: flaw == .relabelled ? "Payment.Other.v1" : sample.detailType,
            resource: resource, id: id)
        let key = flaw == .forged ? keys.forger : keys.publisher
        var detail = String(
            decoding: try KeyTool.signedDetail(
                core: Bytes(core), header: header, with: key, form: .dilithium2(.mldsa44)), as: UTF8.self)
        switch flaw {
        case .tampered: detail = detail.replacingOccurrences(of: #""account":"main""#, with: #""account":"mine""#)
        case .unsigned: detail = detail.replacingOccurrences(of: #""sig_compact":"#, with: #""sig_none":"#)
        case .malformed: detail = "{\"correlationId\":\"\(id)\", not JSON"
        default: break
        }
        return Entry(id: id, flaw: flaw, source: sample.source, detailType: sample.detailType, detail: detail)
    }

    /// To the bus, ten at a time; what is not JSON goes where only a broken producer could put it: into a queue.
    func send(to cloud: LocalCloud) throws {
        for entry in entries where entry.flaw == .malformed {
            try cloud.send(MessageDraft(try MessageBody(Bytes(entry.detail))), to: "treasury")
        }
        let good = entries.filter { $0.flaw != .malformed }
        for start in stride(from: 0, to: good.count, by: Limits.putEventsEntries) {
            let batch = good[start..<min(start + Limits.putEventsEntries, good.count)]
            try cloud.putEvents(
                batch.map {
                    BusModel.Entry(bus: DevHome.bus, source: $0.source, detailType: $0.detailType, detail: $0.detail)
                })
        }
    }
}

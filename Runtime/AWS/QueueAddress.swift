/// A queue as people write it down: its URL, its ARN or its name.
struct QueueAddress: Hashable, Sendable {
    let name: String
    let url: String?
    /// Scheme and host of the URL.
    let origin: String?
    let region: String?
    /// The owner, as an ARN has it.
    let account: String?

    /// Source: "The name of a FIFO queue must end with the .fifo suffix" (SQS, CreateQueue).
    var isFIFO: Bool { name.hasSuffix(".fifo") }

    init(_ text: String) {
        if let authority = text.firstRange(of: "://") {
            let host = text[authority.upperBound...].prefix { $0 != "/" }
            name = text.split(separator: "/").last.map(String.init) ?? text
            url = text
            origin = String(text[..<host.endIndex])
            region = QueueAddress.region(ofHost: host.prefix { $0 != ":" })
            account = nil
        } else if text.hasPrefix("arn:") {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            let isWhole = parts.count == 6 && parts[2] == "sqs"
            name = isWhole ? parts[5] : text
            region = isWhole ? parts[3] : nil
            account = isWhole ? parts[4] : nil
            url = nil
            origin = nil
        } else {
            name = text
            url = nil
            origin = nil
            region = nil
            account = nil
        }
    }

    /// `sqs.REGION.amazonaws.com`, `REGION.queue.amazonaws.com`, `vpce-....sqs.REGION.vpce.amazonaws.com`.
    private static func region(ofHost host: Substring) -> String? {
        let labels = host.split(separator: ".").map(String.init)
        guard labels.contains("amazonaws") else { return nil }
        if let service = labels.firstIndex(of: "sqs"), service + 1 < labels.count, labels[service + 1] != "amazonaws" {
            return labels[service + 1]
        }
        if labels.count > 1, labels[1] == "queue" { return labels[0] }
        return nil
    }
}

import Events
import Pipeline

/// A bus that throttles, takes a part, and loses answers. It remembers what it has.
final class BusModel {
    /// The ids that it took, and how often.
    private(set) var taken: [String: Int] = [:]
    /// The last row of each resource that came for the first time.
    private var last: [String: Int64] = [:]

    /// - Returns: false if a later one of its resource came before it.
    func take(_ publication: Publication) -> Bool {
        taken[publication.id, default: 0] += 1
        guard taken[publication.id] == 1 else { return true }
        let resource = publication.draft.resource
        defer { last[resource] = max(last[resource] ?? 0, publication.row) }
        return last[resource].map { $0 < publication.row } ?? true
    }
}

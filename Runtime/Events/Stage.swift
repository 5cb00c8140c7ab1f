/// The six steps of an event's way through the sidecar, in order.
///
/// The same word is the file in `Pipeline/`, the metric label `stage`, the log field `stage` and the
/// prefix of every failure code that the step can raise.
public enum Stage: String, CaseIterable, Sendable {
    case receive, verify, route, dedup, handle, settle
}

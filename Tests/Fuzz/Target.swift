// What is fuzzed: one value a target. libFuzzer and the tests call the same functions.

/// One way in for hostile bytes.
struct Target: Sendable {
    let name: String
    /// Takes an input, holds what came of it against what must be, and says in a word which way it went.
    let run: @Sendable ([UInt8]) throws -> String

    static let all = [
        envelope, token, keySet, frames, settings, bodies, answers, json, schema, worker,
    ]
}

/// What must be and is not.
struct Broken: Error, CustomStringConvertible {
    let description: String
}

func demand(_ truth: Bool, _ description: @autoclosure () -> String) throws {
    if !truth { throw Broken(description: description()) }
}

/// The parts of an input, between bytes of 0.
func parts(of input: some Sequence<UInt8>, atMost count: Int) -> [[UInt8]] {
    Array(input).split(separator: 0, maxSplits: count - 1, omittingEmptySubsequences: false).map { Array($0) }
}

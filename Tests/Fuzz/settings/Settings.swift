// A configuration file, 0, and lines `NAME=value` of the environment.

import Events

@testable import Settings

extension Target {
    static let settings = Target(name: "settings") { input in
        let parts = parts(of: input, atMost: 2)
        var environment: [String: String] = [:]
        for line in parts.dropFirst().joined().split(separator: 0x0A).prefix(16) {
            let pair = line.split(separator: 0x3D, maxSplits: 1).map { String(decoding: $0, as: UTF8.self) }
            if pair.count == 2 { environment["OUTRIGGER_" + pair[0]] = pair[1] }
        }
        let (configuration, problems) = Configuration.parse(parts[0], file: "f.yaml", environment: environment)
        try demand(problems.count <= Reader.problemsAtMost, "\(problems.count) problems")
        for problem in problems {
            let isPlace = problem.place.hasPrefix("f.yaml") || problem.place.hasPrefix("OUTRIGGER_")
            try demand(isPlace, "a problem in no place: \(problem)")
            try demand(!problem.why.isEmpty, "a problem without a reason: \(problem)")
            let isPrintable = !problem.description.utf8.contains { $0 < 0x20 && $0 != 0x0A }
            try demand(isPrintable, "it breaks a terminal: \(problem)")
        }
        guard let configuration else {
            try demand(problems.contains { $0.severity == .error }, "refused without an error")
            return "refused"
        }
        try demand(!problems.contains { $0.severity == .error }, "taken in spite of an error")
        let (again, _) = Configuration.parse(Array(configuration.resolved.utf8), file: "f.yaml")
        try demand(again?.resolved == configuration.resolved, "what it resolves to says something else")
        return "taken"
    }
}

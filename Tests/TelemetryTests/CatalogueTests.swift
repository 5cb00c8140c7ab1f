// The generated pages are what the catalogues say.
import Events
import Support
import Telemetry
import Testing

struct CatalogueTests {
    @Test func theMetricsPageIsCurrent() throws {
        #expect(try Snapshot.difference(of: Catalogues.metrics, from: "Runtime/METRICS.md") == nil)
    }

    @Test func theFailuresPageIsCurrent() throws {
        #expect(try Snapshot.difference(of: Catalogues.failures, from: "Runtime/FAILURES.md") == nil)
    }

    @Test func everyFailureSaysWhatItMeansAndWhatToDo() {
        for code in FailureCode.allCases {
            #expect(code.entry.meaning.hasSuffix("."), "\(code.rawValue)")
            #expect(code.entry.remedy.hasSuffix("."), "\(code.rawValue)")
            #expect(Catalogues.failures.contains("| `\(code.rawValue)` |"))
        }
    }
}

/// Every event in and out of the four handlers has a schema.

import Compliance
import Kit
import Notification
import Testing
import Token
import Treasury

@Suite struct SchemaCoverageTests {
    private static func types<H: Handler>(_ handler: H.Type) -> [String] {
        (H.routes + H.publishes).map(\.detailType)
    }
    private static let wanted = Set(
        types(TreasuryHandler.self) + types(ComplianceHandler.self) + types(NotificationHandler.self)
            + types(TokenHandler.self))

    @Test func everyEventInAndOutHasASchema() {
        #expect(Self.wanted.subtracting(SchemaTests.detailTypes).sorted() == [])
    }

    @Test func everySchemaIsOfAnEventInOrOut() {
        #expect(Set(SchemaTests.detailTypes).subtracting(Self.wanted).sorted() == [])
    }
}

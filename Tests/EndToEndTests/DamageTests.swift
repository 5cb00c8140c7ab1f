import Events
import Foundation
import LocalCloud
import Support
import Testing

/// A store whose file is not what was written: it is never taken for a good one, and never for an empty one.
@Suite(.serialized, .timeLimit(.minutes(5))) struct DamageTests {
    enum Damage: String, CaseIterable {
        case overwritten, cut, emptied, gone, foreign

        func strike(_ path: String) throws {
            let bytes = try Data(contentsOf: URL(filePath: path))
            let url = URL(filePath: path)
            switch self {
            case .overwritten:
                var bytes = bytes
                for place in stride(from: 8_192, to: bytes.count, by: 4_096) {
                    bytes.replaceSubrange(place..<place + 512, with: Data(repeating: 0xA5, count: 512))
                }
                try bytes.write(to: url)
            case .cut: try bytes.prefix(bytes.count / 2).write(to: url)
            case .emptied: try Data().write(to: url)
            case .gone: try FileManager.default.removeItem(at: url)
            case .foreign: try Data("A letter, which somebody saved here.\n".utf8).write(to: url)
            }
        }
    }

    @Test(arguments: Damage.allCases)
    func aDamagedStoreIsRefusedByNameAndNothingIsReceived(damage: Damage) async throws {
        try await House.inLocalCloud { house, cloud in
            let path = try house.write(cloud)
            try await Self.work(house, cloud, path, 0..<50) { #expect($0.stop() == 0) }
            try damage.strike(house.folder.file("outrigger.db"))
            try house.put(try house.payments(50..<60), to: cloud)
            let received = cloud.statistics.queue("main")?.received
            let sidecar = try house.start(path)
            #expect(sidecar.end() == 1)
            let words = sidecar.lines.suffix(1500)
            #expect(words.contains("store.corrupt") && words.contains(house.folder.file("outrigger.db")), "\(words)")
            #expect(words.contains("restore a copy"), "\(words)")
            #expect(cloud.statistics.queue("main")?.received == received)
        }
    }

    /// SQLite takes what is whole of it: the store of an earlier moment. What was done since comes again, if it does,
    /// and is done again, whole: the note that it was done went with what it did.
    @Test func aWriteAheadLogThatWasCutIsAnEarlierStore() async throws {
        try await House.inLocalCloud { house, cloud in
            let path = try house.write(cloud)
            try await Self.work(house, cloud, path, 0..<50) { $0.kill() }
            let log = URL(filePath: house.folder.file("outrigger.db-wal"))
            let bytes = try Data(contentsOf: log)
            try #require(bytes.count > 32_768)
            try bytes.prefix(bytes.count / 2 + 100).write(to: log)
            try house.put(try house.payments(0..<60), to: cloud)
            try await Self.work(house, cloud, path, 50..<60) { #expect($0.stop() == 0) }
            let counted = try house.ask(
                house.folder.file("outrigger.db"),
                "SELECT count(*), count(CASE WHEN CAST(value AS TEXT) = '1' THEN 1 END) FROM state")
            #expect(counted == [60, 60])
            #expect(cloud.peek("main-dlq").isEmpty)
        }
    }

    /// A sidecar that does this much, and ends so.
    private static func work(
        _ house: House, _ cloud: LocalCloud, _ path: String, _ numbers: Range<Int>, _ end: (SidecarProcess) -> Void
    ) async throws {
        let sidecar = try house.start(path)
        try house.put(try house.payments(numbers), to: cloud)
        let isDone = await eventually { cloud.isEmpty("main") && cloud.publishedIDs.count == numbers.upperBound }
        #expect(isDone, "\(sidecar.lines.suffix(2000))")
        end(sidecar)
    }
}

import Events
import Foundation
import JSON
import LocalCloud
import Signatures
import Support
import Synchronization
import Testing

/// What the service next door publishes over the socket, followed to a consumer behind the bus.
@Suite(.serialized, .timeLimit(.minutes(5))) struct PublishTests {
    private static let publishes = 2_000
    private static let kills = 5

    /// What the callers know: their own numbers, each of which was asked for once or several times under one key.
    private final class Ledger: Sendable {
        struct State {
            var next = 0
            /// Answered with an id.
            var acknowledged: [Int: String] = [:]
            /// Asked for, not answered, and asked for again until they were.
            var repeated: Set<Int> = []
            /// Asked for, not answered, and left so.
            var abandoned: Set<Int> = []
        }
        private let mutex = Mutex(State())

        var state: State { mutex.withLock { $0 } }
        func change(_ body: (inout State) -> Void) { mutex.withLock { body(&$0) } }

        func take(_ most: Int) -> Int? {
            mutex.withLock { state in
                guard state.next < most else { return nil }
                state.next += 1
                return state.next - 1
            }
        }
    }

    @Test func everyAcknowledgedEventReachesTheBusOnceThoughTheSidecarIsKilled() async throws {
        try await House.inLocalCloud { house, cloud in
            let path = try house.write(cloud, more: ServiceCaller.settings(house))
            var sidecar = try house.start(path)
            let caller = ServiceCaller(house)
            #expect(await sidecar.isReady())
            let ledger = Ledger()
            async let callers: Void = Self.publish(caller, ledger)
            for kill in 1...Self.kills {
                let share = Self.publishes * kill / (Self.kills + 1)
                let came = await eventually(within: .seconds(60), every: .milliseconds(5)) {
                    ledger.state.acknowledged.count >= share
                }
                #expect(came, "before kill \(kill)")
                sidecar.kill()
                sidecar = try house.start(path)
                #expect(await sidecar.isReady())
            }
            let isAnswered = await eventually(within: .seconds(60)) {
                ledger.state.acknowledged.count + ledger.state.abandoned.count == Self.publishes
            }
            try #require(isAnswered, "\(ledger.state.acknowledged.count)\n\(sidecar.lines.suffix(2000))")
            await callers
            let end = ledger.state
            let drained = await eventually(within: .seconds(120)) {
                guard await sidecar.metric("outrigger_outbox_events") == 0 else { return false }
                return cloud.publishedIDs.isSuperset(of: end.acknowledged.values)
            }
            #expect(drained, "\(cloud.publishedIDs.count) of \(end.acknowledged.count)\n\(sidecar.lines.suffix(2000))")
            #expect(sidecar.stop() == 0)
            Self.check(end, Self.published(cloud))
        }
    }

    /// Eight callers side by side. Of what is not answered, two in three are asked for again under the same key.
    private static func publish(_ caller: ServiceCaller, _ ledger: Ledger) async {
        await withDiscardingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    while !Task.isCancelled, let n = ledger.take(publishes) {
                        var id = await caller.publish(n, key: "key-\(n)")
                        if id == nil {
                            let isAbandoned = n % 3 == 0
                            ledger.change { state in
                                if isAbandoned { state.abandoned.insert(n) } else { state.repeated.insert(n) }
                            }
                            while id == nil && !isAbandoned && !Task.isCancelled {
                                // Nobody listens for a moment.
                                try? await Task.sleep(for: .milliseconds(20))
                                id = await caller.publish(n, key: "key-\(n)")
                            }
                        }
                        if let id { ledger.change { $0.acknowledged[n] = id } }
                    }
                }
            }
        }
    }

    /// The signed ids behind the bus, by the number in their payload.
    private static func published(_ cloud: LocalCloud) -> [Int: Set<String>] {
        var found: [Int: Set<String>] = [:]
        for peeked in cloud.peek("published") {
            guard let detail = try? JSONValue.parse(peeked.message.body.text)["detail"],
                let n = detail["detailCore"]?["n"]?.int, let token = detail["sig_compact"]?.string,
                let id = try? CompactToken(parsing: Bytes(token)).header.id
            else { continue }
            found[Int(n), default: []].insert(id)
        }
        return found
    }

    private static func check(_ ledger: Ledger.State, _ published: [Int: Set<String>]) {
        #expect(!ledger.repeated.isEmpty || !ledger.abandoned.isEmpty, "no kill hit a request")
        #expect(ledger.acknowledged.count + ledger.abandoned.count == publishes)
        for (n, id) in ledger.acknowledged { #expect(published[n, default: []] == Set([id]), "\(n)") }
        // Whether they were taken nobody knows; but each once, and nothing else at all.
        for n in ledger.abandoned { #expect(published[n, default: []].count <= 1, "\(n)") }
        let asked = Set(ledger.acknowledged.keys).union(ledger.abandoned)
        #expect(Set(published.keys).isSubset(of: asked))
    }

    @Test func aStopEndsStreamsAndSendsWhatWasTaken() async throws {
        try await House.inLocalCloud { house, cloud in
            let sidecar = try house.start(try house.write(cloud, more: ServiceCaller.settings(house)))
            let caller = ServiceCaller(house)
            #expect(await sidecar.isReady())
            let output = house.folder.file("stream")
            let curl = try ChildProcess([
                "curl", "-sS", "-N", "-o", output, "--unix-socket", caller.socket, "http://localhost/v1/events/stream",
            ])
            let heard = { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }
            #expect(await eventually { heard().contains("retry:") })
            let id = await caller.publish(1)
            #expect(await eventually { heard().contains("data:") })
            #expect(sidecar.stop() == 0)
            // A stream that is cut off would be 18: a transfer with the end missing.
            #expect(curl.end() == .exit(0))
            #expect(cloud.publishedIDs == Set([id].compactMap { $0 }))
        }
    }

    @Test func aSigningServiceSignsWhatIsThenVerified() async throws {
        try await House.inLocalCloud(signing: true) { house, cloud in
            let signing = "{service: {url: \"\(cloud.endpoint)/sign\"}}"
            let path = try house.write(cloud, signing: signing, more: ServiceCaller.settings(house))
            let sidecar = try house.start(path)
            let caller = ServiceCaller(house)
            #expect(await sidecar.isReady())
            let id = await caller.publish(1)
            #expect(id != nil)
            #expect(await eventually { cloud.publishedIDs == Set([id].compactMap { $0 }) })
            #expect(sidecar.stop() == 0)
        }
    }

    @Test func theCommandsPublishFollowAndExplain() async throws {
        try await House.inLocalCloud { house, cloud in
            let sidecar = try house.start(try house.write(cloud, more: ServiceCaller.settings(house)))
            #expect(await sidecar.isReady())
            let outrigger = "OUTRIGGER_SOCKET=\(house.folder.file("api.sock")) \(Fixtures.products)/outrigger"
            let publish = "\(outrigger) publish --source test.in --detail-type Test.Done.v1 --resource urn:a:1 "
                + "--correlation-id 'order 7' --idempotency-key k-1"
            let first = try Shell.run("echo '{\"do\":\"spread\",\"n\":7}' | \(publish) -")
            #expect(first.status == 0 && first.output.contains("is durable."), "\(first.output)")
            let id = String(first.output.prefix { $0 != " " })
            let again = try Shell.run("echo '{\"n\":7,\"do\":\"spread\"}' | \(publish) --json -")
            #expect(again.status == 0 && again.output.contains(id), "\(again.output)")
            // Through the bus into the queue, the handler, and on to what that published.
            #expect(await eventually { cloud.publishedIDs.count == 1 })
            let explained = try await eventually {
                let text = try Shell.run("\(outrigger) explain \(id)").output
                return text.contains("published here") && text.contains("handler counting: It is done.")
                    && text.contains("its handler published")
            }
            let account = try Shell.run("\(outrigger) explain \(id)").output
            #expect(explained, "\(account)")
            let timeline = try Shell.run("\(outrigger) events 'order 7' --json")
            let rows = try timeline.output.split(separator: "\n").map { try JSONValue.parse(String($0)) }
            #expect(rows.first?["outcome"]?.string == "accepted" && rows.contains { $0["outcome"]?.string == "done" })
            let people = try Shell.run("\(outrigger) events --resource urn:a:1 --since=-1h")
            #expect(people.status == 0 && people.output.contains("Test.Done.v1"), "\(people.output)")
            let refused = try Shell.run("echo '[]' | \(outrigger) publish --source test.in --detail-type X.v1 -")
            #expect(refused.status != 0 && refused.output.contains("api.malformed"), "\(refused.output)")
            let nobody = try Shell.run("\(outrigger) explain nothing")
            #expect(nobody.status != 0 && nobody.output.contains("api.not-found"), "\(nobody.output)")
            let follow = house.folder.file("follow")
            let followed = try Shell.run(
                """
                export OUTRIGGER_SOCKET=\(house.folder.file("api.sock"))
                timeout 20 \(Fixtures.products)/outrigger events --follow next > \(follow) & follower=$!
                sleep 0.5
                echo '{}' | \(outrigger) publish --source test.out --detail-type X.v1 --correlation-id next - || exit 1
                for i in $(seq 100); do grep -q accepted \(follow) && break; sleep 0.1; done
                kill $follower; cat \(follow)
                """)
            #expect(followed.output.contains("accepted"), "\(followed.output)")
            #expect(sidecar.stop() == 0)
        }
    }
}

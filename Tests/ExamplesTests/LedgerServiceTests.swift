/// The example service: what it is asked is done once, whatever comes again, is cut off, or is no request at all.

import Foundation
import Support
import Testing

@Suite(.timeLimit(.minutes(10))) struct LedgerServiceTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    /// Functions of the scripts. `start` waits until the socket is there; `event KEY TYPE ID AMOUNT` hands one in.
    private static let functions = """
        start() {
            ledger-service --socket ledger.sock --database ledger.db "$@" >>log 2>&1 &
            service=$!
            for _ in $(seq 300); do ask healthz >/dev/null 2>&1 && return; sleep 0.1; done
            cat log; exit 9
        }
        ask() { path=$1; shift; curl -s --unix-socket ledger.sock "$@" "http://ledger/$path"; }
        post() {
            ask "$1" -o answer -w '%{http_code} ' -H "Idempotency-Key: $2" -H "Content-Type: $3" -d "$4"; cat answer
        }
        json() { post "$1" "$2" application/json "$3"; }
        event() { post events "$1" application/cloudevents+json "$(cloudevent "$2" "$3" "$4")"; }
        cloudevent() {
            printf '{"specversion":"1.0","id":"e-%s","source":"qsl.payments","type":"Payment.%s.v1","attempt":%s,' \\
                "$2" "$1" "${attempt:-1}"
            printf '"data":{"paymentId":"%s","account":"main","direction":"debit","amount":"%s","currency":"EUR"}}' \\
                "$2" "$3"
        }
        trap '[ -z "$service" ] || kill "$service" 2>/dev/null || true; wait' EXIT
        """

    private func run(_ script: String) throws -> [String] {
        let (status, output) = try Shell.run(
            "cd '\(folder.path)'\nexport PATH='\(Fixtures.products)':$PATH\nset -e\n" + Self.functions + "\n" + script)
        #expect(status == 0, "\(output)")
        return output.components(separatedBy: "\n").filter { !$0.isEmpty }
    }

    /// The status and the problem's code, or the state: `200 settled`, `409 ledger.key-reused`.
    private func short(_ line: String) -> String {
        let status = line.prefix { $0 != " " }
        for name in ["code", "state"] {
            if let start = line.range(of: "\"\(name)\":\"") {
                return "\(status) \(line[start.upperBound...].prefix { $0 != "\"" })"
            }
        }
        return String(status)
    }

    @Test func whatComesAgainIsAnsweredAsBeforeAndAnotherRequestIsAConflict() throws {
        let lines = try run(
            """
            start
            event k-1 Initiated P-1 125.50
            attempt=2
            event k-1 Initiated P-1 125.50
            event k-2 Settled P-1 125.50
            event k-1 Initiated P-1 125.50
            event k-1 Initiated P-2 125.50
            event k-3 Authorized P-1 125.51
            ask ledger/P-1
            """)
        #expect(
            lines.prefix(6).map(short) == [
                "200 initiated", "200 initiated", "200 settled", "200 initiated", "409 ledger.key-reused",
                "422 ledger.terms-changed",
            ])
        #expect(lines.last?.contains(#""steps":["initiated","settled"]"#) == true)
    }

    @Test func manyAtOnceUnderOneKeyAreOne() throws {
        let lines = try run(
            """
            start
            for n in $(seq 20); do (attempt=$n; event k-1 Settled P-1 10 >"out-$n") & pids="$pids $!"; done
            for pid in $pids; do wait "$pid"; done
            cut -d' ' -f1 out-* | sort | uniq -c | tr -s ' '
            ask ledger
            """)
        #expect(lines.first?.trimmingCharacters(in: .whitespaces) == "20 200")
        #expect(lines.last?.contains(#""EUR":"-10""#) == true)
    }

    @Test func whatWasAnsweredIsThereAfterAKillAndTheDeadSocketIsReplaced() throws {
        let lines = try run(
            """
            start
            for n in $(seq 10); do event "k-$n" Settled "P-$n" 1 >/dev/null; done
            kill -9 $service; { wait $service || true; } 2>/dev/null
            [ -S ledger.sock ] && echo left
            start
            event k-3 Settled P-3 1
            ask ledger
            """)
        #expect(lines.first == "left" && lines.dropFirst().first.map(short) == "200 settled")
        #expect(lines.last?.contains(#""EUR":"-10""#) == true)
    }

    @Test func theSocketIsForUserAndGroupAloneAndHasOneOwner() throws {
        let lines = try run(
            """
            start
            stat -c '%a %F' ledger.sock
            ledger-service --socket ledger.sock --database other.db >second 2>&1 || echo refused
            ask healthz
            kill $service; wait $service && echo ended
            [ -e ledger.sock ] || echo gone
            """)
        #expect(lines == ["660 socket", "refused", "ok", "ended", "gone"])
    }

    @Test func whatIsNoRequestIsAProblem() throws {
        let lines = try run(
            """
            start
            event k-1 Initiated P-1 0
            event k-2 Initiated P-1 1e3
            event k-3 Cancelled P-1 1
            post events k-4 application/cloudevents+json '{"specversion":"1.0"}'
            post events k-5 application/cloudevents+json 'not JSON'
            post events k-6 application/json '{}'
            post events '' application/cloudevents+json '{}'
            post events "$(printf %256s | tr ' ' k)" application/cloudevents+json '{}'
            head -c 65537 /dev/zero | ask events -o answer -w '%{http_code} ' -H 'Idempotency-Key: k-7' \\
                -H 'Content-Type: application/cloudevents+json' --data-binary @-; cat answer
            ask ledger/P-9 -w '%{http_code} ' -o answer; cat answer
            ask nowhere -w '%{http_code} ' -o answer; cat answer
            ask ledger
            """)
        #expect(
            lines.dropLast().map(short) == [
                "422 ledger.bad-terms", "422 ledger.bad-terms", "422 ledger.unknown-type", "400 ledger.malformed",
                "400 ledger.malformed", "415 ledger.unsupported", "400 ledger.no-key", "400 ledger.no-key",
                "413 ledger.refused", "404 ledger.unknown", "404 ledger.refused",
            ])
        #expect(lines.last?.contains(#""payments":0"#) == true)
    }

    @Test func noticesAreKeptOnceAndRefusedWhereThereIsNoAddress() throws {
        let notice = { (id: String, channel: String, user: String, text: String) in
            #"{"notificationId":"\#(id)","channel":"\#(channel)","recipient":"\#(user)","subject":"s","#
                + #""text":"\#(text)"}"#
        }
        let lines = try run(
            """
            start --no-address U-13:sms --no-address U-14
            json notifications N-1/email '\(notice("N-1", "email", "U-1", "t"))'
            json notifications N-1/email '\(notice("N-1", "email", "U-1", "t"))'
            json notifications N-1/email '\(notice("N-1", "email", "U-1", "other words"))'
            json notifications N-1/sms '\(notice("N-1", "sms", "U-1", "t"))'
            json notifications N-2/sms '\(notice("N-2", "sms", "U-13", "t"))'
            json notifications N-2/email '\(notice("N-2", "email", "U-13", "t"))'
            json notifications N-3/email '\(notice("N-3", "email", "U-14", "t"))'
            ask ledger
            """)
        #expect(
            lines.dropLast().map(short) == [
                "200", "200", "409 ledger.key-reused", "409 ledger.told-before", "422 ledger.no-address", "200",
                "422 ledger.no-address",
            ])
        #expect(lines.last?.contains(#""notifications":2"#) == true)
    }

    @Test func networksDoAsTheTableSays() throws {
        let lines = try run(
            """
            start --network polygon=silent --network base=refuses
            for network in ethereum polygon base ethereum; do
                operation=$(printf '{"requestId":"R-1","network":"%s","action":"burn","token":"gold"}' $network)
                json broadcasts "R-1/$network/0" "$operation"
            done
            ledger-service --socket x --database y --network base=sleeps 2>&1 | head -1
            """)
        #expect(lines.prefix(4).map(short) == ["200", "202", "422 network-refused", "200"])
        #expect(lines.first?.contains(#""transactionId":"ethereum-R-1""#) == true && lines[0] == lines[3])
        #expect(lines.last?.contains("base=sleeps") == true)
    }
}

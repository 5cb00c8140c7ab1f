import Events
import JSON
import LocalAPI
import Pipeline
import Testing

@Suite struct LetterReaderTests {
    private func letter(_ failure: String?, body: String = "{}") -> BoxedLetter {
        BoxedLetter(
            id: MessageID("l-1"), body: Bytes(body), attributes: [], failure: failure,
            arrivedAt: Instant(unixSeconds: 0), group: nil)
    }

    @Test func everythingThatWeWroteIsRead() {
        let failure = """
            {"code":"handle.rejected","queue":"payments","messageId":"m-1","eventId":"e-1","stage":"handle",\
            "reason":"insufficient-funds: by 3","handler":"treasury","generation":4,"attempts":2,"strikes":1,\
            "firstSeen":1750000000000,"sentAt":1750000000000,"configuration":"c","signature":"verified",\
            "attribute.kind":"x"}
            """
        let body = #"{"id":"b","source":"qsl.treasury","detail-type":"Payment.Created.v1","detail":{}}"#
        let record = LetterReader.record(of: letter(failure, body: body))
        #expect(record.code == "handle.rejected" && record.stage == "handle" && record.handler == "treasury")
        #expect(record.reason == "insufficient-funds: by 3" && record.generation == 4 && record.attempts == 2)
        #expect(record.strikes == 1 && record.firstSeen == Instant(unixSeconds: 1_750_000_000))
        #expect(record.queue == "payments" && record.message == "m-1" && record.event == "e-1" && record.isVerified)
        #expect(record.source == "qsl.treasury" && record.detailType == "Payment.Created.v1")
        #expect(record.folded == [Attribute(name: "kind", value: "x")])
    }

    @Test func theShortFailureIsEnough() {
        let short = #"{"code":"dedup.expired","queue":"q","messageId":"m","eventId":""}"#
        let record = LetterReader.record(of: letter(short))
        #expect(record.code == "dedup.expired" && record.queue == "q" && !record.isVerified)
    }

    @Test func aLetterOfTheQueuesOwnPolicyIsUnknown() {
        let record = LetterReader.record(of: letter(nil, body: "no JSON at all"))
        #expect(record.code == "unknown" && record.handler.isEmpty && record.detailType.isEmpty)
    }

    @Test func aBodyWithMetadataNamesItsType() {
        let body = #"{"Data":{"detailCore":{}},"Metadata":{"source":"s","detail-type":"T.v1"}}"#
        let record = LetterReader.record(of: letter(nil, body: body))
        #expect(record.source == "s" && record.detailType == "T.v1")
    }

    @Test(arguments: [
        "", "[]", "null", "{", #"{"code":7}"#, #"{"code":""}"#, #"{"code":"a/b"}"#, #"{"code":"-"}"#,
        #"{"attempts":-3}"#,
        #"{"code":"\#u{1b}[2J"}"#, #"{"attempts":1e99,"firstSeen":"x"}"#,
    ])
    func whatAStrangerWroteIsNotBelieved(failure: String) {
        let record = LetterReader.record(of: letter(failure))
        #expect(record.code == "unknown" && record.attempts == 0)
    }

    @Test func noWordOfALetterSpeaksToTheTerminal() {
        let record = LetterReader.record(
            of: letter(#"{"code":"handle.rejected","reason":"a\u001b[31mb\u009bc\nd","handler":"\u0007"}"#))
        #expect(record.reason == "a [31mb c d" && record.handler.isEmpty)
        let long = String(repeating: "x", count: 100_000)
        #expect(LetterReader.record(of: letter("{\"reason\":\"\(long)\"}")).reason.utf8.count == 1_024)
    }
}

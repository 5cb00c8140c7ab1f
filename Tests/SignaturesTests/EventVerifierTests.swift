import Cryptography
import Events
import JSON
import Pipeline
import Testing

@testable import Signatures

@Suite("Event verifier")
struct EventVerifierTests {
    @Test("An event is what was signed, and says so")
    func accepts() async throws {
        let gate = try await Gate()
        let publisher = try Publisher()
        let envelope = try publisher.envelope()
        let event = try await gate.verify(envelope).get()
        #expect(event.id == EventID(issuer: "envelope", text: "0f0e-1"))
        #expect(event.source == "qsl.treasury")
        #expect(event.detailType == "Payment.Completed.v1")
        #expect(event.resource == "urn:qsl:treasury:payment:P-1")
        #expect(event.detail.text == Publisher.core)
        #expect(event.payloadDigest == Hash.sha256(Publisher.core.utf8))
        #expect(event.tokenDigest != nil)
        #expect(event.keyID == "sigsvc-2025-09")
        #expect(event.signedAt == Publisher.now)
        #expect(!event.isBound)
        #expect(
            event.trace
                == Event.Trace(correlationID: "c-1", userID: "u-1", tenantID: "t-1", deviceID: "d-1", parent: ""))
    }

    @Test("A signed id is the event's id, and a bound event says that it is")
    func acceptsBound() async throws {
        let gate = try await Gate()
        var publisher = try Publisher()
        publisher.bind(id: "evt-7")
        let event = try await gate.verify(publisher.envelope()).get()
        #expect(event.id == EventID(issuer: "treasury", text: "evt-7"))
        #expect(event.tokenDigest == nil)
        #expect(event.isBound)
    }

    @Test("A batch is answered in its order, each for itself")
    func batches() async throws {
        let gate = try await Gate()
        let good = try Publisher().envelope()
        let results = await gate.verifier.verify([good, Publisher.envelope("{}"), good])
        #expect(results.count == 3)
        #expect(throws: Never.self) { try results[0].get() }
        #expect(throws: Failure.self) { try results[1].get() }
        #expect(throws: Never.self) { try results[2].get() }
        #expect(await gate.verifier.verify([]).isEmpty)
    }

    @Test("In a batch of twenty every forgery is found, and only they")
    func forgeriesInABatch() async throws {
        let gate = try await Gate()
        var publisher = try Publisher()
        let envelopes = try (0..<20).map { number in
            publisher.variant = SignatureVariant.allCases[number % 3]
            publisher.core = #"{"id":"\#(String(repeating: "x", count: 60 * number))"}"#
            let token = try publisher.token()
            let middle = token.dropLast(2_000)
            let forged = middle.dropLast() + (middle.hasSuffix("A") ? "B" : "A") + token.suffix(2_000)
            let words = [token, String(forged), "no token"]
            return Publisher.envelope(publisher.body(token: words[[0, 0, 1, 0, 2][number % 5]]))
        }
        let results = await gate.verifier.verify(envelopes)
        #expect(results.count == 20)
        for (number, result) in results.enumerated() {
            switch number % 5 {
            case 2: #expect(code(result) == .verifyBadSignature)
            case 4: #expect(code(result) == .verifyMalformed)
            default: #expect(try result.get().detail.count == 60 * number + 9)
            }
        }
    }

    private func code(_ result: Result<Event, Failure>) -> FailureCode? {
        if case .failure(let failure) = result { failure.code } else { nil }
    }

    // MARK: deliveries

    @Test("A custom bus delivers the envelope or the bare detail, with or without its metadata")
    func shapes() async throws {
        let gate = try await Gate()
        var publisher = try Publisher()
        publisher.bind()
        let token = try publisher.token()
        let bodies = [
            publisher.body(token: token), publisher.detail(token: token),
            #"{"Data":\#(publisher.body(token: token)),"SystemMetadata":{"aws:EventId":"x"}}"#,
            #"{"Data":\#(publisher.detail(token: token)),"Metadata":{},"SystemMetadata":{"aws:EventId":"x"}}"#,
            #"{"Data":\#(publisher.detail(token: token)),"Metadata":{"source":"qsl.treasury"}}"#,
        ]
        for body in bodies {
            let event = try await gate.verify(Publisher.envelope(body)).get()
            #expect(event.id == EventID(issuer: "treasury", text: "evt-1"), "\(body.prefix(40))")
            #expect(event.source == Publisher.source)
            #expect(event.detailType == Publisher.detailType)
        }
        let relabelled = #"{"Data":\#(publisher.detail(token: token)),"Metadata":{"source":"qsl.other"}}"#
        #expect(await gate.code(Publisher.envelope(relabelled)) == .verifyBinding)
    }

    @Test("A bare detail has the bus's id, or that of its token's digest, and its source from the token alone")
    func bareDetails() async throws {
        let gate = try await Gate()
        var publisher = try Publisher()
        let bare = publisher.detail(token: try publisher.token())
        #expect(await gate.code(Publisher.envelope(bare)) == .verifyBinding)
        publisher.header["src"] = .string(Publisher.source)
        publisher.header["dt"] = .string(Publisher.detailType)
        let detail = publisher.detail(token: try publisher.token())
        let event = try await gate.verify(Publisher.envelope(detail)).get()
        #expect(event.id == EventID(issuer: "treasury", text: try #require(event.tokenDigest).hexadecimal))
        let wrapped = #"{"Data":\#(detail),"SystemMetadata":{"aws:EventId":"bus-1"}}"#
        #expect(
            try await gate.verify(Publisher.envelope(wrapped)).get().id == EventID(issuer: "envelope", text: "bus-1"))
    }

    @Test("The trace is nobody's word: what cannot be used is left out")
    func traces() async throws {
        let gate = try await Gate()
        let publisher = try Publisher()
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let body = publisher.body(token: try publisher.token())
        let trace = #"{"correlationId":"c-1","userId":"u-1","tenantId":"t-1","deviceId":"d-1"}"#
        for (replacement, expected) in [
            (#"{"correlationId":7,"userId":"a\u0000b","traceparent":"\#(parent)"}"#, Event.Trace(parent: parent)),
            (#"{"correlationId":"\#(String(repeating: "x", count: 600))","traceparent":"00-x"}"#, Event.Trace()),
            ("null", Event.Trace()), (#"[{"userId":"u"}]"#, Event.Trace()),
        ] {
            let event = try await gate.verify(Publisher.envelope(body.replacing(trace, with: replacement))).get()
            #expect(event.trace == expected)
        }
    }

    // MARK: what is refused, and as what

    @Test(
        "Hostile bodies are refused one and all",
        arguments: [
            "", "{}", "[]", "null", "7", "\"x\"", "{", "<xml/>", #"{"detail":7}"#, #"{"Data":"x"}"#, #"{"Data":null}"#,
            #"{"source":"a","detail-type":"b","detail":{"sig_compact":"a.b.c","detailCore":{}}}"#,
            #"{"id":"a","detail-type":"b","detail":{"sig_compact":"a.b.c","detailCore":{}}}"#,
            #"{"id":"a","source":"b","detail":{"sig_compact":"a.b.c","detailCore":{}}}"#,
            #"{"id":"a","source":"b","detail-type":"c","detail":{"sig_compact":"a.b.c"}}"#,
            #"{"id":"a","source":"b","detail-type":"c","detail":{"sig_compact":"a.b.c","detailCore":{}}}"#,
            #"{"id":"a","source":"b","detail-type":"c","detail":{"sig_compact":7,"detailCore":{}}}"#,
            #"{"id":"","source":"b","detail-type":"c","detail":{"sig_compact":"a.b.c","detailCore":{}}}"#,
            #"{"id":"a","source":"b\u0000","detail-type":"c","detail":{"sig_compact":"a.b.c","detailCore":{}}}"#,
            #"{"id":"a","source":["b"],"detail-type":"c","detail":{"sig_compact":"a.b.c","detailCore":{}}}"#,
            #"{"id":"a","source":"b","detail-type":"c\u0085","detail":{"sig_compact":"a.b.c","detailCore":{}}}"#,
            #"{"id":"a","source":"b","detail-type":"c","detail":{"sig_compact":"a.b.c","detailCore":{},"resource":7}}"#,
            #"{"id":"a","source":"b","detail-type":"c","resources":[7],"detail":{"sig_compact":"a.b","detailCore":1}}"#,
            #"{"id":"a","id":"a","source":"b","detail-type":"c","detail":{"sig_compact":"a.b.c","detailCore":{}}}"#,
        ])
    func refusesBodies(body: String) async throws {
        let code = try await Gate().code(Publisher.envelope(body))
        #expect(code == .verifyMalformed || (code == .verifyMissing && !body.contains("sig_compact")))
    }

    @Test("Huge, deep and broken bodies")
    func refusesMonsters() async throws {
        let gate = try await Gate()
        let publisher = try Publisher()
        let good = Array(publisher.body(token: try publisher.token()).utf8)
        #expect(await gate.code(Publisher.envelope(good[...])) == nil)
        let huge = [UInt8](repeating: 0x20, count: Limits.messageBytes) + good
        #expect(await gate.code(Publisher.envelope(huge[...])) == .verifyMalformed)
        let deep = String(repeating: "[", count: 100_000)
        #expect(await gate.code(Publisher.envelope(deep)) == .verifyMalformed)
        var broken = good
        broken[good.count / 20] = 0xFF
        #expect(await gate.code(Publisher.envelope(broken[...])) == .verifyMalformed)
        for end in stride(from: 0, to: good.count - 1, by: 97) {
            #expect(await gate.code(Publisher.envelope(good[..<end])) != nil)
        }
        let long = String(repeating: "s", count: Limits.identifierBytes + 1)
        let named = String(decoding: good, as: UTF8.self).replacing("\"qsl.treasury\"", with: "\"\(long)\"")
        #expect(await gate.code(Publisher.envelope(named)) == .verifyMalformed)
    }

    @Test("No token", arguments: [#""sig_compact":null"#, #""sig":"a.b.c""#])
    func refusesUnsigned(member: String) async throws {
        let body = #"{"id":"a","source":"b","detail-type":"c","detail":{\#(member),"detailCore":{}}}"#
        #expect(try await Gate().code(Publisher.envelope(body)) == .verifyMissing)
    }

    @Test("Whatever bit of a signed event is changed, it is refused")
    func refusesForgeries() async throws {
        let gate = try await Gate()
        let publisher = try Publisher()
        let token = try publisher.token()
        let parts = token.split(separator: ".").map { Array($0.utf8) }
        for (part, expected) in [(1, [FailureCode.verifyBadSignature]), (2, [.verifyBadSignature])] {
            for place in stride(from: 0, to: parts[part].count - 1, by: parts[part].count / 7) {
                var forged = parts
                forged[part][place] = forged[part][place] == 0x41 ? 0x42 : 0x41
                let text = forged.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ".")
                let code = await gate.code(Publisher.envelope(publisher.body(token: text)))
                #expect(
                    expected.contains { $0 == code }, "part \(part), place \(place): \(code?.rawValue ?? "accepted")")
            }
        }
        var stranger = try Publisher(Publisher.other.get())
        stranger.header["kid"] = .string(publisher.key.keyID)
        #expect(try await gate.code(stranger) == .verifyBadSignature)
    }

    @Test("The algorithm must be the key's")
    func refusesAlgorithms() async throws {
        var publisher = try Publisher()
        publisher.header["alg"] = "ML-DSA-44"
        #expect(try await Gate().code(publisher) == .verifyBadAlgorithm)
        let standard = try await Gate(document: Gate.document(.akp))
        #expect(try await standard.code(publisher) == nil)
        #expect(try await standard.code(Publisher()) == .verifyBadAlgorithm)
    }

    @Test("A token without a time has no age")
    func refusesTimeless() async throws {
        var publisher = try Publisher()
        publisher.header["ts"] = nil
        #expect(try await Gate().code(publisher) == .verifyMalformed)
    }

    @Test("Payload and detailCore must be one value, in RFC 8785 form")
    func refusesOtherPayloads() async throws {
        let gate = try await Gate()
        let lenient = try await Gate(Gate.options { $0.canonical = .asSigned })
        let core = Publisher.core
        for (payload, strict, asSigned) in [
            (core, nil, nil), (core.replacing("12.50", with: "99.50"), .verifyPayloadMismatch, .verifyPayloadMismatch),
            (#"{"id":"P-1","amount":"12.50","note":"Grüße"}"#, .verifyNotCanonical, nil),
            (#"{"amount": "12.50", "id": "P-1", "note": "Gr\u00fc\u00DFe"}"#, .verifyNotCanonical, nil),
            (core.replacing("}", with: ",\"x\":1}"), .verifyPayloadMismatch, .verifyPayloadMismatch),
            (core.replacing("}", with: ",\"id\":\"P-1\"}"), .verifyNotCanonical, .verifyNotCanonical),
            ("not json", .verifyNotCanonical, .verifyNotCanonical),
            ("{}", .verifyPayloadMismatch, .verifyPayloadMismatch),
        ] as [(String, FailureCode?, FailureCode?)] {
            var publisher = try Publisher()
            publisher.payload = payload
            let envelope = try publisher.envelope()
            #expect(await gate.code(envelope) == strict, "\(payload)")
            #expect(await lenient.code(envelope) == asSigned, "\(payload)")
            if asSigned == nil { #expect(try await lenient.verify(envelope).get().detail.text == payload) }
        }
    }

    @Test("The envelope's detailCore may be spelled as its sender likes")
    func acceptsSpellings() async throws {
        let gate = try await Gate()
        for core in [#"{ "note":"Gr\u00fc\u00dfe", "id":"P-1", "amount":"12.50" }"#] {
            var publisher = try Publisher()
            publisher.payload = Publisher.core
            publisher.core = core
            #expect(try await gate.verify(publisher.envelope()).get().detail.text == Publisher.core)
        }
        var publisher = try Publisher()
        publisher.payload = #"{"n":9007199254740992}"#
        publisher.core = #"{"n":9007199254740993}"#
        #expect(try await gate.code(publisher) == .verifyPayloadMismatch)
    }

    @Test("What was signed is kept once: where the body has the very bytes, the event's are a slice of it")
    func keepsPayloadsOnce() async throws {
        let gate = try await Gate()
        var publisher = try Publisher()
        let written = try publisher.envelope()
        let event = try await gate.verify(written).get()
        #expect(event.detail.text == Publisher.core)
        #expect(written.body.indices.contains(event.detail.startIndex) && !isApart(event.detail, from: written.body))
        publisher.payload = Publisher.core
        publisher.core = " " + Publisher.core.replacing(",", with: ", ")
        let spelled = try publisher.envelope()
        let other = try await gate.verify(spelled).get()
        #expect(other.detail.text == Publisher.core && isApart(other.detail, from: spelled.body))
    }

    private func isApart(_ part: Bytes, from whole: Bytes) -> Bool {
        whole.withUnsafeBytes { whole in
            part.withUnsafeBytes { part in
                guard let start = part.baseAddress, let first = whole.baseAddress else { return true }
                return start < first || start >= first + whole.count
            }
        }
    }

    // MARK: binding and authority

    @Test("A bound token under another label is refused", arguments: ["src", "dt", "res"])
    func refusesLabels(name: String) async throws {
        var publisher = try Publisher()
        publisher.bind()
        publisher.header[name] = "qsl.something"
        #expect(try await Gate().code(publisher) == .verifyBinding)
        publisher.header[name] = nil
        #expect(try await Gate().code(publisher) == nil)
        #expect(try await Gate(Gate.options { $0.requireBinding = true }).code(publisher) == .verifyBinding)
    }

    @Test("The signed id is compared with nothing")
    func acceptsAnyID() async throws {
        var publisher = try Publisher()
        publisher.bind(id: "evt-1")
        publisher.envelopeID = "another"
        let gate = try await Gate(Gate.options { $0.requireBinding = true })
        #expect(try await gate.verify(publisher.envelope()).get().id.text == "evt-1")
        publisher.header["jti"] = nil
        #expect(try await gate.code(publisher) == .verifyBinding)
    }

    @Test(
        "A route may demand binding, too",
        arguments: [
            ("qsl.treasury", "Payment.Completed.v1", true), ("qsl.*", "Payment.*.v1", true), ("*", "*", true),
            ("qsl.treasury", "Payment.*.v2", false), ("qsl.other", "*", false), ("qsl.*.x", "*", false),
        ])
    func routesDemandBinding(source: String, detailType: String, isDemanded: Bool) async throws {
        let route = VerifyOptions.Route(source: source, detailType: detailType)
        let gate = try await Gate(verify: VerifyOptions(requireBinding: [route]))
        #expect(try await gate.code(Publisher()) == (isDemanded ? .verifyBinding : nil))
        var bound = try Publisher()
        bound.bind()
        #expect(try await gate.code(bound) == nil)
    }

    @Test("A valid signature by a key that may not speak for the source is told from a forged one")
    func refusesStrangers() async throws {
        let gate = try await Gate()
        var publisher = try Publisher()
        publisher.source = "qsl.compliance"
        #expect(try await gate.code(publisher) == .verifyNotAuthorised)
        publisher.variant = .ipd
        let forged = publisher.body(token: try publisher.token()).replacing("12.50", with: "1.00")
        #expect(await gate.code(Publisher.envelope(forged)) == .verifyPayloadMismatch)
        let wide = try await Gate(Gate.options { $0.sources = ["qsl.*"] })
        #expect(try await wide.code(publisher) == nil)
    }

    @Test("Among key sets with one kid, the one that may speak is asked")
    func choosesAmongKeySets() async throws {
        let impostor = try PrivateKey(Publisher.other.get().key, keyID: Publisher.key.get().keyID)
        let clock = SetClock()
        let other = try KeySetSource(
            Gate.options {
                $0.name = "compliance"
                $0.sources = ["qsl.compliance"]
            },
            fetcher: HeldDocument(KeyTool.publicDocument([impostor], as: .pqk)), clock: clock, observer: Notes(),
            seed: 2)
        await other.refreshIfDue()
        let gate = try await Gate(others: [other])
        #expect(try await gate.code(Publisher()) == nil)
        var publisher = try Publisher(impostor)
        #expect(try await gate.code(publisher) == .verifyBadSignature)
        publisher.source = "qsl.compliance"
        publisher.bind(id: "evt-9")
        #expect(try await gate.verify(publisher.envelope()).get().id == EventID(issuer: "compliance", text: "evt-9"))
    }

    // MARK: variants and time

    @Test("A profile allows its variant and no other", arguments: SignatureProfile.allCases, SignatureVariant.allCases)
    func profiles(profile: SignatureProfile, variant: SignatureVariant) async throws {
        let gate = try await Gate(Gate.options { $0.profile = profile })
        var publisher = try Publisher()
        publisher.variant = variant
        let isAllowed = profile == .auto || profile.rawValue == variant.rawValue
        #expect(try await gate.code(publisher) == (isAllowed ? nil : .verifyProfile))
    }

    @Test("An ML-DSA-44 key verifies ML-DSA-44, whatever the profile")
    func standardKeys() async throws {
        let gate = try await Gate(Gate.options { $0.profile = .round31 }, document: Gate.document(.akp))
        var publisher = try Publisher()
        publisher.header = ["alg": "ML-DSA-44", "kid": .string(publisher.key.keyID), "iat": 1_760_000_000]
        #expect(try await gate.code(publisher) == nil)
        publisher.variant = .ipd
        #expect(try await gate.code(publisher) == .verifyProfile)
    }

    @Test("A second variant under one key is noted once, and goes with the key from document to document")
    func secondVariants() async throws {
        let gate = try await Gate()
        var publisher = try Publisher()
        for variant in [SignatureVariant.round31, .round31, .ipd, .round31, .ipd] {
            publisher.variant = variant
            #expect(try await gate.code(publisher) == nil)
            gate.clock.advance(.minutes(10))
            await gate.keySet.refreshIfDue()
        }
        #expect(gate.document.fetches == 6)
        #expect(gate.notes.secondVariants == [.ipd])
    }

    @Test("A token may be signed a little later than the queue had it, and any time before")
    func skew() async throws {
        let gate = try await Gate()
        let publisher = try Publisher()
        let body = publisher.body(token: try publisher.token())
        let limit = Publisher.now - Duration.minutes(5)
        #expect(await gate.code(Publisher.envelope(body, sentAt: limit)) == nil)
        let tooEarly = Instant(unixMilliseconds: limit.unixMilliseconds - 1)
        #expect(await gate.code(Publisher.envelope(body, sentAt: tooEarly)) == .verifySkew)
        #expect(await gate.code(Publisher.envelope(body, sentAt: Publisher.now + .days(300))) == nil)
    }
}

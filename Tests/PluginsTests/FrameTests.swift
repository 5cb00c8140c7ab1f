import Events
@testable import Plugins
import Testing
import WorkerProtocol

/// The host's decoder, against bytes that no worker of ours would send.
@Suite struct FrameTests {
    static func frames(of bytes: [UInt8], pieces: Int) throws -> Int {
        var assembler = FrameAssembler()
        var count = 0
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(pieces))
            piece.withUnsafeBytes { assembler.append($0) }
            rest = rest.dropFirst(pieces)
            while let frame = try assembler.next() {
                _ = try WorkerMessage(frame)
                count += 1
            }
        }
        return count
    }

    static var answer: [UInt8] {
        var writer = FrameWriter()
        writer.frame(WP_ANSWER, stream: 7, fence: 9) { frame in
            frame.u8(1)
            frame.u64(0)
            frame.text("")
            frame.text("")
            frame.list(["read"]) { $0.text($1); $0.u64(3) }
            frame.list(["written"]) { frame, key in
                frame.text(key)
                frame.u8(0)
                frame.text("value")
                frame.u64(.max)
                frame.u64(1_000)
            }
            frame.list(["test.out"]) { frame, source in
                frame.text(source)
                for text in ["Thing.Made.v1", "", "", "{}"] { frame.text(text) }
                frame.list([("k", "v")]) { $0.text($1.0); $0.text($1.1) }
            }
            frame.list(["timer"]) { $0.text($1); $0.u64(5); $0.text("{}") }
        }
        return writer.bytes
    }

    @Test func anAnswerIsReadWhole() throws {
        var assembler = FrameAssembler()
        Self.answer.withUnsafeBytes { assembler.append($0) }
        let frame = try #require(try assembler.next())
        #expect(frame.stream == 7 && frame.fence == 9)
        guard case .answer(.done(let effects)) = try WorkerMessage(frame) else { return #expect(Bool(false)) }
        #expect(effects.reads == [StateRead(key: Bytes("read"), version: 3)])
        let write = StateWrite(
            key: Bytes("written"), value: Bytes("value"), expected: nil, timeToLive: .seconds(1))
        #expect(effects.writes == [write])
        #expect(effects.drafts.first?.attributes == [Attribute(name: "k", value: "v")])
        #expect(effects.timers.first?.at == Instant(unixMilliseconds: 5))
    }

    @Test(arguments: [1, 7, 18, 19, 4096]) func framesComeInPieces(_ size: Int) throws {
        let many = Array(repeatElement(Self.answer, count: 20).joined())
        #expect(try Self.frames(of: many, pieces: size) == 20)
    }

    @Test func aTruncatedAnswerIsRefusedWhereverItEnds() throws {
        let whole = Self.answer
        for length in Frame.headerBytes..<whole.count {
            var short = Array(whole[..<length])
            let payload = UInt32(length - Frame.headerBytes)
            withUnsafeBytes(of: payload.littleEndian) { short.replaceSubrange(0..<4, with: $0) }
            #expect(throws: BadFrame.self) { try Self.frames(of: short, pieces: 4096) }
        }
    }

    @Test func changedBytesNeverCrash() {
        var random = SplitMix(state: 42)
        var refused = 0
        for _ in 0..<2_000 {
            var bytes = Self.answer
            for _ in 0...Int(random.next() % 4) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            if (try? Self.frames(of: bytes, pieces: 64)) == nil { refused += 1 }
        }
        #expect(refused > 100)
    }

    @Test func randomPayloadsOfEveryTypeNeverCrash() {
        var random = SplitMix(state: 7)
        var refused = 0
        for round in 0..<2_000 {
            let size = Int(random.next() % 200)
            // Small numbers are more often lengths and counts that make sense.
            let payload = (0..<size).map { _ in
                let value = random.next()
                return UInt8(truncatingIfNeeded: value % 3 == 0 ? value >> 8 : value >> 8 & 7)
            }
            let frame = Frame(type: Int32(128 + round % 8), stream: 1, fence: 1, payload: payload[...])
            if (try? WorkerMessage(frame)) == nil { refused += 1 }
        }
        #expect(refused > 1_900)
    }

    @Test func aLengthAllocatesNothing() {
        for type in 0...255 {
            var bytes: [UInt8] = [0xff, 0xff, 0xff, 0xff, UInt8(type), UInt8(WP_VERSION)]
            bytes += Array(repeating: 0, count: 12)
            #expect(throws: BadFrame.self) { try Self.frames(of: bytes, pieces: 64) }
        }
    }

    @Test func aKeyWrittenTwiceIsRefused() {
        var writer = FrameWriter()
        writer.frame(WP_ANSWER) { frame in
            frame.u8(1)
            frame.u64(0)
            frame.text("")
            frame.text("")
            frame.list(["same", "same"]) { $0.text($1); $0.u64(1) }
            for _ in 0..<3 { frame.u32(0) }
        }
        #expect(throws: BadFrame("a key twice")) { try Self.frames(of: writer.bytes, pieces: 4096) }
    }

    @Test func bothSidesHaveTheSameLimits() {
        #expect(Int(WP_STATE_KEY_BYTES) == Limits.stateKeyBytes)
        #expect(Int(WP_STATE_VALUE_BYTES) == Limits.stateValueBytes)
        #expect(Int(WP_STATE_WRITES) == Limits.stateWritesPerEvent)
        #expect(Int(WP_STATE_READS) == Limits.stateReadsPerEvent)
        #expect(Int(WP_PUBLISHES) == Limits.publishesPerEvent)
        #expect(Int(WP_TIMERS) == Limits.timersPerEvent)
        #expect(Int(WP_EFFECTS_BYTES) == Limits.effectsBytes)
        #expect(Int(WP_FRAME_BYTES) == Limits.frameBytes)
        #expect(Int(WP_IDENTIFIER_BYTES) == Limits.identifierBytes)
        #expect(Int(WP_METRIC_SERIES) == Limits.seriesPerHandler)
        #expect(Int(WP_BATCH_EVENTS) == Limits.batchEntries)
        #expect(Int(WP_METRIC_BUCKETS) == HandlerSample.bounds.count + 1)
    }

    @Test func aLineWithoutEndIsCut() {
        var lines = OutputLines()
        #expect(lines.lines(of: Bytes("a\nb")) == ["a"])
        #expect(lines.lines(of: Bytes("c\n\n")) == ["bc"])
        let long = lines.lines(of: [UInt8](repeating: 0x78, count: 10_000))
        #expect(long.map(\.count) == [4_096, 4_096])
        #expect(lines.flush().map(\.count) == [1_808])
    }
}

/// A seeded generator (Steele, Lea and Flood, 2014), so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

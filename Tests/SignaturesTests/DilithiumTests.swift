// The verifier against known answers, against BoringSSL, and against signatures that only an attacker would make.

import CDilithium
import Cryptography
import DilithiumDifferential
import Support
import Testing

@Suite("Dilithium: known answers")
struct DilithiumKnownAnswerTests {
    @Test("round 3.1 signatures verify as round 3.1 and as nothing else")
    func round31() throws {
        let answers = try KnownAnswers("dilithium-r3.1/PQCsignKAT_Dilithium2.rsp").records.filter { $0["sm"] != nil }
        #expect(answers.count == 100)
        for answer in answers {
            let key = ManifoldKey([UInt8](hexadecimal: try #require(answer["pk"])))
            let message = [UInt8](hexadecimal: try #require(answer["msg"]))
            let signature = [UInt8](hexadecimal: try #require(answer["sm"]).prefix(2 * DILITHIUM_SIGNATURE_BYTES))
            #expect(key.verify([message], signature) == DILITHIUM_ROUND31)
            #expect(key.verify([message], signature, allowed: [DILITHIUM_IPD, DILITHIUM_MLDSA44]) == nil)
        }
    }

    @Test("final signatures with a context verify when the context stands before the message")
    func hedgedPure() throws {
        let answers = try KnownAnswers("acvp/awslc_MLDSA_44_hedged_pure.txt").records
        #expect(answers.count == 100)
        for answer in answers {
            let key = ManifoldKey([UInt8](hexadecimal: try #require(answer["pk"])))
            let context = [UInt8](hexadecimal: try #require(answer["ctx"]))
            let message = [UInt8](hexadecimal: try #require(answer["msg"]))
            let signature = [UInt8](hexadecimal: try #require(answer["sm"]).prefix(2 * DILITHIUM_SIGNATURE_BYTES))
            let parts = [[0, UInt8(context.count)], context, message]
            #expect(key.verify(parts, signature) == DILITHIUM_IPD)
            #expect(key.verify([message], signature) == nil)
        }
    }

    @Test("ACVP key generation, from seeds", arguments: try ACVP.groups("ML-DSA-44-keyGen-internal.json")[0].tests)
    func keyGeneration(test: ACVP.Test) throws {
        let seed = [UInt8](hexadecimal: try #require(test.seed))
        #expect(try SigningKey(seed: seed).publicKey == [UInt8](hexadecimal: try #require(test.pk)))
    }

    @Test("ACVP key generation, later release")
    func laterKeyGeneration() throws {
        let answers = try KnownAnswers("acvp/awslc_MLDSA_44_ACVP_keyGen.txt").records
        #expect(answers.count == 25)
        for answer in answers {
            let seed = [UInt8](hexadecimal: try #require(answer["keygen_seed"]))
            #expect(try SigningKey(seed: seed).publicKey == [UInt8](hexadecimal: try #require(answer["keygen_pk"])))
        }
    }

    @Test("ACVP signatures, deterministic and hedged, verify under the public key of their private key")
    func signatureGeneration() throws {
        let tests = try ACVP.groups("ML-DSA-44-sigGen-internal.json").flatMap(\.tests)
        #expect(tests.count == 20)
        for test in tests {
            let key = ManifoldKey(Reference.publicKey(of: [UInt8](hexadecimal: try #require(test.sk))))
            let message = [UInt8](hexadecimal: try #require(test.message))
            #expect(key.verify([message], [UInt8](hexadecimal: try #require(test.signature))) == DILITHIUM_IPD)
        }
    }

    @Test("ACVP verification: the same verdicts")
    func signatureVerification() throws {
        var verdicts = [false: 0, true: 0]
        for group in try ACVP.groups("ML-DSA-44-sigVer-internal.json") {
            let key = ManifoldKey([UInt8](hexadecimal: try #require(group.pk)))
            for test in group.tests {
                let message = [UInt8](hexadecimal: try #require(test.message))
                let signature = [UInt8](hexadecimal: try #require(test.signature))
                #expect(key.verify([message], signature) == (test.testPassed == true ? DILITHIUM_IPD : nil))
                verdicts[test.testPassed == true, default: 0] += 1
            }
        }
        #expect(verdicts[true] == 3 && verdicts[false] == 12)
    }

    @Test(
        "ACVP, later release, messages and external mu: the same verdicts",
        arguments: [
            ("awslc_MLDSA_44_ACVP_sigGen.txt", "siggen"), ("awslc_MLDSA_44_ACVP_sigVer.txt", "sigver"),
            ("awslc_MLDSA_EXTMU_44_ACVP_sigGen.txt", "siggen"), ("awslc_MLDSA_EXTMU_44_ACVP_sigVer.txt", "sigver"),
        ])
    func laterVerification(file: String, prefix: String) throws {
        let answers = try KnownAnswers("acvp/" + file).records
        #expect(answers.count == 15)
        for answer in answers {
            func bytes(_ name: String) throws -> [UInt8] {
                [UInt8](hexadecimal: try #require(answer["\(prefix)_\(name)"]))
            }
            let key = ManifoldKey(try bytes("pk"))
            let valid = prefix == "siggen" || answer["sigver_result"].map { $0.elementsEqual("True".utf8) } == true
            if file.contains("EXTMU") {
                #expect(key.verify(representative: try bytes("mu"), try bytes("sig")) == valid)
            } else {
                #expect(key.verify([try bytes("msg")], try bytes("sig")) == (valid ? DILITHIUM_IPD : nil))
            }
        }
    }

    @Test("SHAKE128 and SHAKE256 of nothing, and of input and output in odd pieces")
    func extendableOutput() {
        #expect(
            shake(128, [], count: 32)
                == [UInt8](hexadecimal: "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26"))
        #expect(
            shake(256, [], count: 32)
                == [UInt8](hexadecimal: "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f"))
        let input = (0..<1000).map { UInt8($0 & 255) }
        let whole = shake(256, [input], count: 500)
        for size in [1, 7, 8, 9, 135, 136, 137, 271] {
            let pieces = stride(from: 0, to: input.count, by: size).map { Array(input[$0..<min($0 + size, 1000)]) }
            #expect(shake(256, pieces, count: 500) == whole)
            #expect(shake(256, pieces, count: size) == Array(whole.prefix(size)))
        }
    }
}

@Suite("Dilithium: variants and parts")
struct DilithiumVariantTests {
    let signer = SigningKey.generate()
    let message = Array("header.payload".utf8)

    @Test("what is signed as one variant verifies as it alone", arguments: SignatureVariant.allCases)
    func variants(variant: SignatureVariant) throws {
        let key = ManifoldKey(signer.publicKey)
        let signature = try signer.sign(message, as: variant)
        let expected = identifier(variant)
        for preferred in ManifoldKey.all {
            #expect(key.verify([message], signature, preferred: preferred) == expected)
        }
        let others = ManifoldKey.all.filter { $0 != expected }
        #expect(key.verify([message], signature, allowed: [expected], preferred: others[0]) == expected)
        #expect(key.verify([message], signature, allowed: others, preferred: expected) == nil)
        #expect(key.verify([message], signature, allowed: []) == nil)
    }

    @Test("a final signature is one of the draft over 00 00 and the message")
    func emptyContext() throws {
        let key = ManifoldKey(signer.publicKey)
        let signature = try signer.sign(message, as: .mldsa44)
        #expect(key.verify([[0, 0], message], signature) == DILITHIUM_IPD)
        let representative = key.representative(of: message, as: DILITHIUM_MLDSA44)
        #expect(representative == key.representative(of: [0, 0] + message, as: DILITHIUM_IPD))
        #expect(key.verify(representative: representative, signature))
    }

    @Test("a message verifies however it is cut")
    func parts() throws {
        let key = ManifoldKey(signer.publicKey)
        let long = (0..<600).map { UInt8($0 % 251) }
        let signature = try signer.sign(long, as: .round31)
        for cut in [0, 1, 71, 72, 73, 135, 136, 137, 599, 600] {
            let parts = [Array(long[..<cut]), [], Array(long[cut...])]
            #expect(key.verify(parts, signature) == DILITHIUM_ROUND31)
        }
        #expect(key.verify([long, [0]], signature) == nil)
        #expect(key.verify([Array(long.dropLast())], signature) == nil)
    }

    @Test("an empty message can be signed and verified")
    func emptyMessage() throws {
        let signature = try signer.sign([], as: .ipd)
        #expect(ManifoldKey(signer.publicKey).verify([], signature) == DILITHIUM_IPD)
    }

    @Test("another key verifies nothing")
    func otherKey() throws {
        let other = ManifoldKey(SigningKey.generate().publicKey)
        #expect(other.verify([message], try signer.sign(message, as: .mldsa44)) == nil)
    }

    private func identifier(_ variant: SignatureVariant) -> dilithium_variant {
        switch variant {
        case .round31: DILITHIUM_ROUND31
        case .ipd: DILITHIUM_IPD
        case .mldsa44: DILITHIUM_MLDSA44
        }
    }
}

@Suite("Dilithium: agreement with BoringSSL")
struct DilithiumDifferentialTests {
    @Test("valid and mutated signatures get the same verdict", arguments: 0..<6)
    func mutations(seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed))
        let signer = try SigningKey(seed: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })
        let key = ManifoldKey(signer.publicKey)
        let message = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
        let signature = try signer.sign(message, as: .mldsa44)
        #expect(boringSSLAccepts(signer.publicKey, message, signature))
        #expect(key.verify([message], signature) == DILITHIUM_MLDSA44)
        // Commitment, z, hint positions, hint counts.
        for range in [0..<32, 32..<2336, 2336..<2416, 2416..<2420] {
            for _ in 0..<5 {
                var mutated = signature
                mutated[Int.random(in: range, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                let accepted = boringSSLAccepts(signer.publicKey, message, mutated)
                #expect((key.verify([message], mutated) != nil) == accepted)
                #expect(!accepted)
            }
        }
    }

    @Test("signatures of random bytes are refused by both")
    func noise() {
        var random = SplitMix(seed: 99)
        let publicKey = (0..<1312).map { _ in UInt8.random(in: 0...255, using: &random) }
        let key = ManifoldKey(publicKey)
        for _ in 0..<10 {
            var signature = (0..<2336).map { _ in UInt8.random(in: 0...255, using: &random) }
            signature += [UInt8](repeating: 0, count: 84)
            #expect(key.verify([[1]], signature) == nil)
            #expect(!boringSSLAccepts(publicKey, [1], signature))
        }
    }

    /// SplitMix64: the same mutations each time.
    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64
        init(seed: UInt64) { state = seed }
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
    }
}

@Suite("Dilithium: forged with a weak key, where only strictness refuses")
struct DilithiumStrictnessTests {
    static let shared = WeakKey(seed: [UInt8](repeating: 7, count: 32))
    let weak = shared
    let key = ManifoldKey(shared.publicKey)
    let message = Array("message".utf8)
    let hints: [Set<Int>] = [[0, 5, 9, 200], [3], [], [1, 2, 255]]
    var representative: [UInt8] { key.representative(of: message, as: DILITHIUM_MLDSA44) }

    /// Our verdict, after checking that BoringSSL's is the same.
    private func accepted(_ signature: [UInt8]) -> Bool {
        let verdict = key.verify([message], signature, allowed: [DILITHIUM_MLDSA44]) != nil
        #expect(boringSSLAccepts(weak.publicKey, message, signature) == verdict)
        return verdict
    }

    @Test("z is accepted below gamma1 - beta and refused from there, on both sides, in every polynomial")
    func norm() {
        for (value, valid) in [(130_993, true), (130_994, false), (130_995, false), (131_072, false)] {
            for column in 0..<4 {
                let position = [0, 85, 170, 255][column]
                let z = WeakKey.monomial(value, at: position, of: column)
                #expect(accepted(weak.signature(over: representative, z: z)) == valid)
                guard value < 131_072 else { continue }
                let negative = WeakKey.monomial(-value, at: position, of: column)
                #expect(accepted(weak.signature(over: representative, z: negative)) == valid)
            }
        }
    }

    @Test("hints verify in their one encoding")
    func canonicalHints() {
        #expect(accepted(weak.signature(over: representative, z: WeakKey.monomial(77), hints: hints)))
        let most: [Set<Int>] = [Set(0..<20), Set(100..<120), Set(236..<256), Set(stride(from: 0, to: 60, by: 3))]
        #expect(accepted(weak.signature(over: representative, z: WeakKey.monomial(77), hints: most)))
        let one: [Set<Int>] = [[], [], [], Set(90..<170)]
        #expect(accepted(weak.signature(over: representative, z: WeakKey.monomial(77), hints: one)))
    }

    @Test(
        "the same hints in any other encoding are refused",
        arguments: [
            "swapped", "duplicate", "padding", "last padding byte", "decreasing counts", "too many", "far too many",
        ])
    func otherEncodings(fault: String) {
        var encoding = WeakKey.encode(hints)
        switch fault {
        case "swapped": encoding.swapAt(0, 1)
        case "duplicate": encoding.replaceSubrange(0..<9, with: [0, 0, 5, 9, 200, 3, 1, 2, 255])
        case "padding": encoding[8] = 1
        case "last padding byte": encoding[79] = 1
        case "decreasing counts": encoding[82] = 4
        case "too many": encoding[83] = 81
        default: encoding[83] = 255
        }
        if fault == "duplicate" { for row in 80..<84 { encoding[row] += 1 } }
        let signature = weak.signature(
            over: representative, z: WeakKey.monomial(77), hints: hints, encoding: encoding)
        #expect(!accepted(signature))
    }

    @Test("a count that decreases at the end is refused")
    func decreasingEnd() {
        var encoding = WeakKey.encode([[1, 2, 3], [], [], []])
        encoding[83] = 2
        let signature = weak.signature(
            over: representative, z: WeakKey.monomial(77), hints: [[1, 2, 3], [], [], []], encoding: encoding)
        #expect(!accepted(signature))
    }

    /// Where w is 0, a hint takes the coefficient to the interval below, and the same hint once more takes it back.
    @Test("a hint given twice is refused, also where twice is not at all")
    func cancellingDuplicate() {
        var encoding = WeakKey.encode([[], [], [], []])
        encoding.replaceSubrange(80..<84, with: [2, 2, 2, 2])
        #expect(!accepted(weak.signature(over: representative, z: WeakKey.monomial(0), encoding: encoding)))
    }

    /// The first count is read as the 81st position, and fits.
    @Test("eighty-one hints are refused, though they would be in order")
    func oneTooMany() {
        let hints: [Set<Int>] = [Set(0..<79), [], [], [5, 79]]
        let encoding = (0..<79).map { UInt8($0) } + [5, 79, 79, 79, 81]
        let signature = weak.signature(
            over: representative, z: WeakKey.monomial(77), hints: hints, encoding: encoding)
        #expect(!accepted(signature))
    }

    /// Coefficients of w at the borders of the intervals: the cases in which implementations of UseHint have differed.
    @Test("hints at the borders of intervals, the wrap to zero included", arguments: [0, 1, 43, 44])
    func intervalBorders(index: Int) throws {
        let half = Reference.interval / 2
        let columns = weak.matrix[0].map(Reference.transformBack)
        for target in [-half, -half + 1, -1, 0, 1, half, half + 1].map({ index * Reference.interval + $0 })
        where target > 0 && target < Reference.modulus {
            let (z, position) = try #require(reach(target, columns))
            let w = weak.product(z)
            #expect(w[0][position] == target)
            for hint: Set<Int> in [[], [position]] {
                #expect(accepted(weak.signature(over: representative, z: z, w: w, hints: [hint, [], [], []])))
            }
        }
    }

    /// A small z that makes one coefficient of the first row of w equal to the target.
    private func reach(
        _ target: Int, _ columns: [Reference.Polynomial]
    ) -> (z: [Reference.Polynomial], position: Int)? {
        for (column, polynomial) in columns.enumerated() {
            for (position, factor) in polynomial.enumerated() where factor != 0 {
                let value = target * inverse(factor) % Reference.modulus
                let centred = value > Reference.modulus / 2 ? value - Reference.modulus : value
                if abs(centred) < 130_994 { return (WeakKey.monomial(centred, of: column), position) }
            }
        }
        return nil
    }

    private func inverse(_ x: Int) -> Int {
        var result = 1, base = x, exponent = Reference.modulus - 2
        while exponent > 0 {
            if exponent & 1 == 1 { result = result * base % Reference.modulus }
            base = base * base % Reference.modulus
            exponent >>= 1
        }
        return result
    }

    @Test("a signature of any other length is refused", arguments: [0, 1, 32, 2419, 2421, 3293, 3309])
    func lengths(count: Int) {
        let signature = weak.signature(over: representative, z: WeakKey.monomial(77))
        let cut = Array((signature + [UInt8](repeating: 0, count: 1000)).prefix(count))
        #expect(!accepted(cut))
        #expect(!key.verify(representative: representative, cut))
    }

    @Test("signatures of one byte value throughout are refused", arguments: [0, 1, 0x7f, 0x80, 0xff] as [UInt8])
    func uniform(byte: UInt8) {
        #expect(!accepted([UInt8](repeating: byte, count: DILITHIUM_SIGNATURE_BYTES)))
    }
}

@Suite("Dilithium: the paths against each other")
struct DilithiumPathTests {
    /// `Tests/Fuzz/dilithium/run differential` is the same with ten million.
    @Test("tampered signatures: one verdict, one w1, one commitment, alone and in batches", arguments: 1...4)
    func tampered(seed: UInt64) {
        let answers = Fixtures.path("dilithium-r3.1/PQCsignKAT_Dilithium2.rsp")
        let report = differential_run(answers, 1_000, seed)
        #expect(report.disagreements == 0, "\(report.first.map { String(cString: $0) } ?? "")")
        #expect(report.trials == 1_000)
        #expect(report.machines > 0)
        #expect(report.valid > 50 && report.sound > report.valid && report.sound < report.trials)
    }

    @Test("a machine that this is not is refused")
    func machines() {
        let key = UnsafeMutablePointer<dilithium_key>.allocate(capacity: 1)
        defer { key.deallocate() }
        let publicKey = [UInt8](repeating: 1, count: Int(DILITHIUM_PUBLIC_KEY_BYTES))
        #expect(dilithium_prepare_for(key, DILITHIUM_PORTABLE, publicKey) == 1)
        #expect(dilithium_prepare_for(key, dilithium_machine(rawValue: 99), publicKey) == 0)
    }
}

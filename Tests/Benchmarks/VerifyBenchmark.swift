import CCryptoBoringSSL
import CDilithium
import Cryptography
import Foundation

/// What one signature costs: by the size of its message; alone, in a batch of four, with a key that is not prepared;
/// for every kind of machine that this one can be, and for BoringSSL. All take turns, so that they share the weather.
enum VerifyBenchmark {
    private static let turns = 101
    private static let sizes = [600, 1_024, 4_096]
    private static let machines: [(dilithium_machine, String)] = [
        (DILITHIUM_PORTABLE, "portable"), (DILITHIUM_AVX2, "AVX2"), (DILITHIUM_AVX512, "AVX-512"),
    ]

    private struct Contender {
        let name: String
        /// Verifies four signatures.
        let work: () -> Void
    }

    static func run() throws {
        let signer = SigningKey.generate()
        var table: [[String]] = []
        for size in sizes {
            let message = [UInt8](repeating: UInt8(ascii: "x"), count: size)
            let signature = try signer.sign(message, as: .mldsa44)
            let contenders = machines.flatMap { machine, name in
                ours(machine, name, signer.publicKey, message, signature)
            } + boringSSL(signer.publicKey, message, signature)
            let column = measure(contenders)
            if table.isEmpty { table = contenders.map { [pad($0.name, 34)] } }
            for row in table.indices { table[row].append(pad(column[row], 18)) }
        }
        print("\nverify, microseconds of CPU a signature: median of \(turns) turns (fastest)")
        print(pad("", 34) + sizes.map { pad("\($0) B", 18) }.joined())
        for row in table { print(row.joined()) }
    }

    private static func measure(_ contenders: [Contender]) -> [String] {
        var times = [[Double]](repeating: [], count: contenders.count)
        for _ in 0..<turns {
            for (index, contender) in contenders.enumerated() {
                let start = Machine.threadMicroseconds
                for _ in 0..<5 { contender.work() }
                times[index].append((Machine.threadMicroseconds - start) / 20)
            }
        }
        return times.map { times in
            let sorted = times.sorted()
            return String(format: "%.1f (%.1f)", sorted[turns / 2], sorted[0])
        }
    }

    // MARK: contenders

    private static func ours(
        _ machine: dilithium_machine, _ name: String, _ publicKey: [UInt8], _ message: [UInt8], _ signature: [UInt8]
    ) -> [Contender] {
        // Kept until the process ends, like what follows: the closures are called for as long.
        let key = UnsafeMutablePointer<dilithium_key>.allocate(capacity: 1)
        guard dilithium_prepare_for(key, machine, publicKey) == 1 else { return [] }
        let part = UnsafeMutablePointer<dilithium_part>.allocate(capacity: 1)
        part.initialize(to: dilithium_part(bytes: kept(message), count: message.count))
        let variant = DILITHIUM_MLDSA44.rawValue
        let request = dilithium_request(
            key: key, message: part, parts: 1, signature: kept(signature), signature_bytes: signature.count,
            allowed: variant, preferred: variant)
        let alone = {
            let verdict = dilithium_verify(
                key, part, 1, request.signature, request.signature_bytes, variant, variant)
            precondition(verdict == variant)
        }
        let four = [dilithium_request](repeating: request, count: 4)
        return [
            Contender(name: "\(name), alone") { for _ in 0..<4 { alone() } },
            Contender(name: "\(name), four at a time") {
                var verdicts: [UInt32] = [0, 0, 0, 0]
                dilithium_verify_batch(four, 4, &verdicts)
                precondition(verdicts == [variant, variant, variant, variant])
            },
            Contender(name: "\(name), key not prepared") {
                for _ in 0..<4 {
                    precondition(dilithium_prepare_for(key, machine, publicKey) == 1)
                    alone()
                }
            },
        ]
    }

    private static func boringSSL(_ publicKey: [UInt8], _ message: [UInt8], _ signature: [UInt8]) -> [Contender] {
        let key = UnsafeMutablePointer<MLDSA44_public_key>.allocate(capacity: 1)
        let encoded = kept(publicKey)
        let parse = {
            var reader = CBS(data: encoded, len: publicKey.count)
            precondition(CCryptoBoringSSL_MLDSA44_parse_public_key(key, &reader) == 1)
        }
        let verify = {
            let verdict = CCryptoBoringSSL_MLDSA44_verify(
                key, signature, signature.count, message, message.count, nil, 0)
            precondition(verdict == 1)
        }
        parse()
        return [
            Contender(name: "BoringSSL, key parsed") { for _ in 0..<4 { verify() } },
            Contender(name: "BoringSSL, key not parsed") {
                for _ in 0..<4 {
                    parse()
                    verify()
                }
            },
        ]
    }

    private static func kept(_ bytes: [UInt8]) -> UnsafePointer<UInt8> {
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
        copy.initialize(from: bytes, count: bytes.count)
        return UnsafePointer(copy)
    }
}

func pad(_ text: String, _ width: Int) -> String { text.padding(toLength: width, withPad: " ", startingAt: 0) }

import CDilithium
import Cryptography
import Foundation

/// One signature: with a key that is prepared, with one that is not, by the size of the payload.
enum VerifyBenchmark {
    static func run() throws {
        let key = SigningKey.generate()
        let context = UnsafeMutablePointer<dilithium_key>.allocate(capacity: 1)
        defer { context.deallocate() }
        print("\nverify, microseconds of CPU, median of 50 runs of 20")
        print("message   prepared   unprepared")
        for size in [256, 600, 1_024, 4_096, 16_384] {
            let message = Array(Self.text(size).utf8)
            let signature = try key.sign(message, as: .mldsa44)
            dilithium_prepare(context, key.publicKey)
            let with = median { verify(message, signature, context) }
            let without = median {
                dilithium_prepare(context, key.publicKey)
                verify(message, signature, context)
            }
            print(pad("\(size) B", 10) + pad(String(format: "%.1f", with), 11) + String(format: "%.1f", without))
        }
    }

    private static func verify(_ message: [UInt8], _ signature: [UInt8], _ key: UnsafePointer<dilithium_key>) {
        message.withUnsafeBufferPointer { buffer in
            var part = dilithium_part(bytes: buffer.baseAddress, count: buffer.count)
            let variant = DILITHIUM_MLDSA44.rawValue
            precondition(dilithium_verify(key, &part, 1, signature, signature.count, variant, variant) == variant)
        }
    }

    private static func text(_ size: Int) -> String { String(repeating: "0123456789abcdef", count: size / 16) }

    private static func median(_ work: () -> Void) -> Double {
        let runs = (0..<50).map { _ in
            let start = Machine.threadMicroseconds
            for _ in 0..<20 { work() }
            return (Machine.threadMicroseconds - start) / 20
        }
        return runs.sorted()[25]
    }
}

func pad(_ text: String, _ width: Int) -> String { text.padding(toLength: width, withPad: " ", startingAt: 0) }
